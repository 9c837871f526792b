"""Does the built wheel work where nothing of this repository is? As a user would find out.

Builds the wheel, installs it into an empty environment, and runs the pytest of a small project (tests/package/project)
there, once with a model by --model, and the command line once. The SavedModel is exported by the installed wheel too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "tests" / "package" / "project"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command outside this repository, with no path of it leaking in."""
    print("$", *(Path(word).name if str(word).startswith("/") else word for word in map(str, command)), flush=True)
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV"}  # byte code is kept: pip compiled none
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment["TFSERVING_HARNESS_CACHE"] = str(cwd / "cache")
    subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=True)


def check_content(wheel: Path) -> None:
    """See that the wheel holds the library and nothing else of the repository.

    Raises:
        SystemExit: something is missing or surplus.
    """
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    surplus = {top for top in tops if top != "harness" and not top.endswith(".dist-info")}
    missing = {"harness/py.typed", "harness/report/results.schema.json"} - set(names)
    if surplus or missing:
        raise SystemExit(f"the wheel holds {sorted(surplus)} too much and lacks {sorted(missing)}")


def main() -> None:
    """Build, install, run."""
    with tempfile.TemporaryDirectory(prefix="tfserving-harness-package-") as folder:
        work = Path(folder)
        run(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", work / "dist", ROOT, cwd=work)
        (wheel,) = (work / "dist").glob("*.whl")
        check_content(wheel)
        run(sys.executable, "-m", "venv", work / "empty", cwd=work)
        python = work / "empty" / "bin" / "python"
        print("installing the wheel and its dependencies into an empty environment ...", flush=True)
        run(python, *PIP, "install", "--no-compile", "--progress-bar", "off", wheel, cwd=work)
        run(python, *PIP, "check", cwd=work)
        project = work / "project"
        shutil.copytree(PROJECT, project)
        command = work / "empty" / "bin" / "tfserving-harness"
        run(command, "export", "my_model:make", "--out", "build/mine", cwd=project)
        run(command, "check", "build/mine", "--backend", "standin", cwd=project)
        run(
            python, "-m", "pytest", "-q", "--model", "mine=build/mine", "--serving-backend=standin",
            "--serving-report=report.html", "--serving-results=results.json", cwd=project,
        )  # fmt: skip
        run(command, "report", "results.json", "--markdown", "summary.md", cwd=project)
        run(python, "-m", "pytest", "-q", "test_no_serving.py", cwd=project)
    print("the wheel works in an empty environment")


if __name__ == "__main__":
    main()
