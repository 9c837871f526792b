"""Servers shared by processes: who starts them, who stops them, and what survives the death of a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from harness.errors import StartupError
from harness.servers import BackendChoice, Server
from harness.servers.sharing import ServerBroker, SharedServers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.model_config import ModelConfig


class _Engine:
    """An engine without a server: it only remembers what was done to it."""

    image: str | None = None
    pid = 4711

    def __init__(self, name: str) -> None:
        self.command: tuple[str, ...] = (name,)
        self.ended: str | None = None

    def addresses(self) -> tuple[str, str]:
        return f"{self.command[0]}:1", f"http://{self.command[0]}:2"

    def exit_text(self) -> str | None:
        return self.ended

    def log(self) -> str:
        return f"log of {self.command[0]}"

    def stop(self) -> None:
        self.ended = "stopped"

    kill = stop
    restart = pause = resume = stop

    def cpu_time_us(self) -> int:
        return 7

    def peak_memory_bytes(self) -> int:
        return 8


@pytest.fixture
def started() -> list[_Engine]:
    """The engines that the broker has started, in that order."""
    return []


@pytest.fixture
def broker(spec_of: Callable[..., Any], started: list[_Engine]) -> Iterator[ServerBroker]:
    """A broker of such engines, two at once; the key ``bad`` cannot be started."""

    def start(key: str) -> Server:
        if key == "bad":
            raise StartupError("cannot start", log_tail=("last line",))
        started.append(_Engine(key))
        return Server(spec=spec_of(), backend=BackendChoice(name="standin", reason="test"), engine=started[-1])

    broker = ServerBroker(start, most_at_once=2)
    yield broker
    broker.close()


def test_two_processes_get_one_server(broker: ServerBroker, started: list[_Engine]) -> None:
    """The second that asks for a key gets the server of the first, with everything that can be asked of it."""
    one, two = SharedServers(broker.ticket), SharedServers(broker.ticket)
    first, second = one.get("a"), two.get("a")
    assert len(started) == 1
    assert first.endpoint == second.endpoint
    assert second.engine.pid == 4711  # type: ignore[attr-defined]
    assert (second.cpu_time_us(), second.peak_memory_bytes(), second.log()) == (7, 8, "log of a")
    first.stop()
    one.close()
    assert second.is_running
    second.stop()
    two.close()


def test_a_failed_start_reaches_who_asked(broker: ServerBroker) -> None:
    """The error comes over whole, and the broker goes on."""
    shared = SharedServers(broker.ticket)
    with pytest.raises(StartupError, match="cannot start") as caught:
        shared.get("bad")
    assert caught.value.log_tail == ("last line",)
    shared.get("a").stop()
    shared.close()


def test_an_ended_server_is_started_anew(broker: ServerBroker, started: list[_Engine]) -> None:
    """Whoever still has the old one sees that it ended; who asks again gets the new one."""
    shared = SharedServers(broker.ticket)
    old = shared.get("a")
    started[0].ended = "exit code 1"
    assert not old.is_running
    new = shared.get("a")
    assert new.is_running
    assert not old.is_running
    assert len(started) == 2
    shared.close()


def test_only_servers_without_a_lease_make_room(broker: ServerBroker, started: list[_Engine]) -> None:
    """Too many servers: the oldest that nobody uses is stopped, and none that is in use."""
    shared = SharedServers(broker.ticket)
    shared.get("a")
    shared.get("b").stop()
    shared.get("c")
    assert [engine.ended for engine in started] == [None, "stopped", None]
    shared.get("d")
    assert [engine.ended for engine in started] == [None, "stopped", None, None]
    shared.close()


def test_the_end_of_the_broker_stops_all(broker: ServerBroker, started: list[_Engine]) -> None:
    """When the owner ends every server ends, leased or not, and who still asks is told why."""
    shared = SharedServers(broker.ticket)
    server = shared.get("a")
    broker.close()
    assert [engine.ended for engine in started] == ["stopped"]
    shared.close()
    assert not server.is_running
    assert server.log() == ""


def test_nobody_without_the_key_is_served(broker: ServerBroker) -> None:
    """A process that knows the address alone is turned away."""
    from multiprocessing import AuthenticationError

    with pytest.raises(AuthenticationError):
        SharedServers((broker.ticket[0], "00" * 32))
    SharedServers(broker.ticket).close()


SPREAD = """
import os
import pathlib
import pytest

@pytest.mark.parametrize("number", range(6))
def test_part(server, number):
    with open(f"{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as file:
        print(server.engine.pid, file=file)
    if number == 2:
        os.kill(os.getpid(), 9)
"""


def _run(folder: Path, model: ModelConfig, binary: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_spread.py").write_text(SPREAD)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n2", "--dist=load", "--maxschedchunk=1", "-p", "no:cacheprovider",
         "-p", "no:hypothesispytest", f"--model=m={model.base_path}", f"--serving-binary={binary}"],
        cwd=folder, env=plain, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def _servers(folder: Path) -> list[set[int]]:
    return [{int(pid) for pid in path.read_text().split()} for path in sorted(folder.glob("gw*.txt"))]


def _all_end(pids: set[int]) -> bool:
    running = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return not psutil.wait_procs(running, timeout=20)[1]


def test_a_killed_worker_takes_no_server_along(tmp_path: Path, half_plus_two: ModelConfig, quick_binary: Path) -> None:
    """After SIGKILL of a worker the others, and its successor, go on with the same server, which ends with the run."""
    done = _run(tmp_path, half_plus_two, quick_binary)
    assert "1 failed, 5 passed" in done.stdout, done.stdout + done.stderr
    servers = set[int]().union(*_servers(tmp_path))
    assert len(_servers(tmp_path)) >= 2  # a successor may find the work done
    assert len(servers) == 1
    assert _all_end(servers)
