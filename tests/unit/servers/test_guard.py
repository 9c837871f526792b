"""Guards and temporary directories: what a process leaves is removed by its guard, or by the next run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.scratch import remove_own_scratch, scratch_directory, scratch_prefix
from harness.servers.owners import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory for temporary files of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_process_removes_its_own_directories(temporary: Path) -> None:
    """All that this process has made goes, and nothing else."""
    scratch_directory()
    (scratch_directory() / "file").touch()
    (temporary / "other").mkdir()
    remove_own_scratch()
    assert [path.name for path in temporary.iterdir()] == ["other"]


def test_the_next_run_removes_those_of_ended_processes(temporary: Path) -> None:
    """Directories of living processes stay, as do those of processes that cannot be seen from here."""
    mine = scratch_directory()
    me = Owner.me()
    own = Path(scratch_prefix()).name
    ended = temporary / own.replace(f"-{me.start}-", "-1-")
    elsewhere = temporary / "tfserving-harness-123-1-1-x"
    other = temporary / "tfserving-harness-notes"
    for path in (ended, elsewhere, other):
        path.mkdir()
    scratch_directory()
    assert not ended.exists()
    assert all(path.exists() for path in (mine, elsewhere, other))


FORKED = """
import os, sys, time
from harness.servers.local import LocalEngine
from harness.servers import ServerSpec
from harness.model_config import ModelConfig
spec = ServerSpec(models=(ModelConfig(name="m", base_path=sys.argv[1]),), backend="binary")
engine = LocalEngine(spec, ("bash", "-c", "sleep 600"))
child = os.fork()
if child == 0:
    time.sleep(600)
print(engine.pid, child, flush=True)
time.sleep(600)
"""


@pytest.fixture
def forking(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process, psutil.Process]]:
    """A process that started a server and then forked, with its server and its child."""
    with subprocess.Popen([sys.executable, "-c", FORKED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server, child = (psutil.Process(int(word)) for word in owner.stdout.readline().split())
        yield owner, server, child
        for process in (owner, child):
            process.kill()


def test_a_forked_child_does_not_keep_the_server(
    forking: tuple[subprocess.Popen[str], psutil.Process, psutil.Process],
) -> None:
    """A child that inherited the pipe to the guard and outlives the owner does not keep the server alive."""
    owner, server, child = forking
    owner.kill()
    gone, _ = psutil.wait_procs([server], timeout=20)
    assert gone
    assert child.is_running()


def test_this_process_is_told_from_others_of_its_number() -> None:
    """The names of temporary directories tell namespace, number and start of the process."""
    *_, pid, start, rest = Path(scratch_prefix()).name.split("-")
    assert (pid, start, rest) == (str(os.getpid()), Owner.me().start, "")
