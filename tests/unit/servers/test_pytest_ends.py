"""Nothing is left behind by a pytest run that uses a container, however the run ends: with real kills."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

import harness
from harness.servers import start
from harness.servers.owners import remove_orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker

    from harness.model_config import ModelConfig

CONFTEST = """
import dataclasses, json, os
import harness.pytest_plugin.servers as servers

plain = servers.base_spec
servers.base_spec = lambda *rest: dataclasses.replace(plain(*rest), mounts=json.loads(os.environ["MOUNTS"]))
"""
TESTS = """
import os, pathlib, signal, time
import pytest

PARENT = os.getppid()

@pytest.mark.serving(model="half_plus_two")
@pytest.mark.parametrize("number", range(2))
def test_part(server, endpoint, number):
    words = (server.engine.name, endpoint.grpc, endpoint.rest.removeprefix("http://"))
    pathlib.Path(f"{number}.writing").write_text(" ".join(words))
    os.rename(f"{number}.writing", f"{number}.server")
    how = os.environ["HOW"]
    assert how != "fail"
    if how == "die" and number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    while how == "wait" and os.getppid() == PARENT:  # execnet gives a worker's test 5 s after the controller's end
        time.sleep(0.02)
"""
PATIENCE_S = 40


@dataclass(kw_only=True)
class Run:
    """One pytest run in a process of its own, whose traces can be told from those of all others.

    Attributes:
        folder: with the tests, and what they leave.
        temporary: the run's directory for temporary files, and nobody else's.
        mark: a text that only this run's processes and containers have in their environment.
    """

    folder: Path
    temporary: Path
    command: tuple[str, ...]
    environment: dict[str, str]
    engine: docker.DockerClient
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    process: subprocess.Popen[str] | None = None

    def start(self, *words: str, how: str, instead: str | None = None) -> subprocess.Popen[str]:
        """Start pytest; ``how`` is what its two tests do, ``instead`` what the container runs."""
        told = [f"--serving-env=MARK={self.mark}", *([] if instead is None else [f"--serving-env=INSTEAD={instead}"])]
        self.process = subprocess.Popen(
            [*self.command, *told, *words],
            cwd=self.folder,
            env={**self.environment, "MARK": self.mark, "HOW": how, "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self.process

    def end(self, *words: str, how: str) -> str:
        """Let a run come to its own end, and return what it printed."""
        with self.start(*words, how=how) as process:
            output, _ = process.communicate(timeout=PATIENCE_S)
        return str(output)

    def wait_for_test(self) -> None:
        """Return when the first test has a server."""
        self._until((self.folder / "0.server").exists)

    def wait_for_container(self) -> None:
        """Return when a container of this run is there, ready or not."""
        self._until(lambda: bool(self.containers()))

    def _until(self, is_true: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_true():
            assert self.process is not None
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline_s, "waited in vain"
            time.sleep(0.02)

    def containers(self) -> list[str]:
        """Return the names of this run's containers, whatever their state."""
        there = self.engine.containers.list(all=True, filters={"label": "tfserving-harness"}, ignore_removed=True)
        return [str(one.name) for one in there if f"MARK={self.mark}" in one.attrs["Config"]["Env"]]

    def processes(self) -> list[psutil.Process]:
        """Return what runs of this run, in a container or not."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("MARK") == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def names(self) -> set[str]:
        """Return the names of the containers that its tests used."""
        return {path.read_text().split()[0] for path in self.folder.glob("*.server")}

    def guards(self) -> list[psutil.Process]:
        """Return the guards of this run's containers."""
        return [process for process in self.processes() if any("guard.py" in word for word in process.cmdline())]

    def ports(self) -> list[int]:
        """Return the ports of this run's servers that still answer."""
        words = [word for path in self.folder.glob("*.server") for word in path.read_text().split()]
        return [port for port in {int(word.rpartition(":")[2]) for word in words if ":" in word} if _is_open(port)]

    def files(self) -> list[str]:
        """Return what the run left among the temporary files; pytest keeps its own of three runs."""
        return [path.name for path in self.temporary.iterdir() if not path.name.startswith("pytest-of-")]

    def left(self) -> dict[str, list[Any]]:
        """Return everything that is left, once nothing more goes by itself."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            found: dict[str, list[Any]] = {
                "containers": self.containers(),
                "processes": self.processes(),
                "ports": self.ports(),
                "files": self.files(),
            }
            left = {name: what for name, what in found.items() if what}
            if not left or time.monotonic() > deadline_s:
                return left
            time.sleep(0.05)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def run(
    tmp_path: Path,
    image: str,
    quick: str,
    half_plus_two: ModelConfig,
    host_folders: tuple[str, ...],
    engine: docker.DockerClient,
) -> Iterator[Run]:
    """A run that is about to start; whatever a failed test leaves of it is removed."""
    (tmp_path / "test_parts.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = (
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
        *(f"--model={name}={half_plus_two.base_path}" for name in ("half_plus_two", "second")),  # so with a config file
        f"--serving-image={image}",
        f"--serving-env=PYTHONPATH={Path(harness.__file__).parents[1]}",
        f"--serving-env=INSTEAD={quick}",
    )
    made = Run(
        folder=tmp_path,
        temporary=Path(tempfile.mkdtemp(prefix="ends-")),
        command=command,
        environment={**plain, "MOUNTS": json.dumps([[folder, folder] for folder in host_folders])},
        engine=engine,
    )
    yield made
    if made.process is not None and made.process.stdout is not None:
        made.process.stdout.close()
    for process in made.processes():
        with suppress(psutil.Error):
            process.kill()
    for name in made.containers():
        engine.containers.get(name).remove(force=True)
    shutil.rmtree(made.temporary)


def test_a_run_that_fails_keeps_the_log_and_shows_its_tail(run: Run) -> None:
    """After failing tests the log is on disk, each failure shows its end, and nothing else is left."""
    output = run.end(f"--serving-logs={run.folder / 'logs'}", how="fail")
    assert "2 failed" in output, output
    assert output.count("Server log, last lines (container)") == 2
    assert output.count("quick server runs") == 2
    (log,) = (run.folder / "logs").iterdir()
    assert log.read_text().startswith("quick server runs")
    assert run.left() == {}


SHARED = ("-n1", "--max-worker-restart=0")
PER_WORKER = (*SHARED, "--serving-per-worker")


def test_a_killed_worker_leaves_nothing(run: Run) -> None:
    """SIGKILL of a worker with a container of its own takes that container along."""
    output = run.end(*PER_WORKER, how="die")
    assert "worker 'gw0' crashed" in output, output
    assert run.left() == {}


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ((), signal.SIGINT),
        ((), signal.SIGKILL),
        (SHARED, signal.SIGKILL),
        (PER_WORKER, signal.SIGKILL),
    ],
)
def test_a_killed_run_leaves_nothing(run: Run, words: tuple[str, ...], number: signal.Signals) -> None:
    """Whatever signal ends pytest in the midst of a test, nothing is left; Ctrl-C goes to its workers, too."""
    process = run.start(*words, how="wait")
    run.wait_for_test()
    (os.killpg if number is signal.SIGINT else os.kill)(process.pid, number)
    process.wait(PATIENCE_S)
    assert process.returncode == (2 if number is signal.SIGINT else -number)
    assert run.left() == {}


def test_a_run_interrupted_while_its_server_starts_leaves_nothing(run: Run) -> None:
    """Ctrl-C does not wait for a container that is not ready yet, though another thread is starting it."""
    process = run.start(*SHARED, how="wait", instead="sleep 600")
    run.wait_for_container()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(PATIENCE_S)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert run.left() == {}


def test_the_next_run_removes_what_the_guards_could_not(
    run: Run, in_container: Callable[..., Any], quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the guard killed before pytest the container stays, until the next run; while pytest lives it is in use."""
    with run.start(how="wait") as process:
        run.wait_for_test()
        assert not run.names() & set(remove_orphans(run.engine, engine_is_here=True))
        (guard,) = run.guards()
        guard.kill()
        process.kill()
    assert run.containers()
    assert run.files()
    monkeypatch.setattr(tempfile, "tempdir", str(run.temporary))
    (model,) = in_container().models
    start(in_container(models=(model, replace(model, name="second")), instead=quick)).stop()
    assert run.left() == {}
