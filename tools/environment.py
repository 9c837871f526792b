"""Make, or bring up to date, the one environment that every job runs in: .venv at the top of the repository.

Run by tox before each job. Nothing happens if neither pyproject.toml nor the interpreter has changed since.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / ".harness-installed"
EXTRAS = "test,dev"


def wanted_stamp() -> str:
    """Return what the environment must have been made from."""
    content = (ROOT / "pyproject.toml").read_bytes()
    return f"{sys.version} {sysconfig.get_platform()} {EXTRAS} {hashlib.sha256(content).hexdigest()}"


def main() -> None:
    """Create the environment and install the harness with its extras, editable."""
    stamp = wanted_stamp()
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    python = ENVIRONMENT / "bin" / "python"
    other_python = STAMP.exists() and STAMP.read_text().split(" ")[0] != stamp.split(" ")[0]
    if not python.exists() or other_python:
        print(f"making {ENVIRONMENT.name} with Python {sys.version.split()[0]} ...", flush=True)
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    print(
        "installing the harness and what it needs; TensorFlow alone is 600 MB, so this takes a few minutes ...",
        flush=True,
    )
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--progress-bar", "off"]
    subprocess.run([*pip, "--editable", f"{ROOT}[{EXTRAS}]"], check=True)
    STAMP.write_text(stamp)


if __name__ == "__main__":
    main()
