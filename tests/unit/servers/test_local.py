"""The local backends: a child process, its guard, its ports, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from harness.clients import GrpcClient, RestClient
from harness.errors import BackendUnavailableError, NotReadyError, StartupError
from harness.model_config import ModelConfig
from harness.servers import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def nothing_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What the test makes in the directory for temporary files is gone after it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


@pytest.mark.usefixtures("nothing_left")
def test_standin_serves_both_apis(spec_of: Callable[..., Any]) -> None:
    """A started server answers over gRPC and REST, and is gone after stop."""
    with start(spec_of(backend="standin")) as server:
        with GrpcClient(server.endpoint) as grpc, RestClient(server.endpoint) as rest:
            assert grpc.predict({"x": [2.0]})["y"].tolist() == rest.predict({"x": [2.0]})["y"].tolist() == [5.0]
        pid = server.engine.pid  # type: ignore[attr-defined]
        assert server.is_running
        assert (server.cpu_time_us() or 0) > 0
        assert (server.peak_memory_bytes() or 0) > 0
    assert not psutil.pid_exists(pid)
    ended = not server.is_running
    assert ended
    assert "Successfully loaded servable version" in server.log()


def test_its_processor_time_is_known_to_the_microsecond(spec_of: Callable[..., Any]) -> None:
    """A single call shows in it, though it takes less than a tick of the kernel's accounts."""
    with start(spec_of(backend="standin")) as server, GrpcClient(server.endpoint) as client:
        client.predict({"x": [2.0]})
        before_us = server.cpu_time_us() or 0
        client.predict({"x": [2.0]})
        after_us = server.cpu_time_us() or 0
        assert 0 < after_us - before_us < 1_000_000


def test_pause_stops_the_answers_and_resume_brings_them_back(spec_of: Callable[..., Any]) -> None:
    """A paused server lets a call run into its deadline; a resumed one answers again."""
    from harness.errors import DeadlineError

    with start(spec_of(backend="standin")) as server, GrpcClient(server.endpoint) as client:
        client.predict({"x": [2.0]})
        server.pause()
        with pytest.raises(DeadlineError, match="no answer within"):
            client.predict({"x": [2.0]}, timeout_s=0.3)
        server.resume()
        assert client.predict({"x": [2.0]})["y"].tolist() == [5.0]


def test_several_models_with_policies_and_labels(half_plus_two: ModelConfig, spec_of: Callable[..., Any]) -> None:
    """A generated model config serves several models; every wanted version is available at once."""
    everything = ModelConfig(
        name="all", base_path=half_plus_two.base_path, policy="all", labels={"stable": 1, "canary": 3}
    )
    some = ModelConfig(name="some", base_path=half_plus_two.base_path, policy="specific", versions=(1, 2))
    with (
        start(spec_of(models=(everything, some), backend="standin")) as server,
        GrpcClient(server.endpoint_of("all")) as client,
        GrpcClient(server.endpoint_of("some")) as other,
    ):
        assert [status.version for status in client.model_status() if status.is_available] == [3, 2, 1]
        assert [status.version for status in other.model_status() if status.is_available] == [2, 1]
        answers = [client.predict({"x": [0.0]}, label=label)["y"].tolist() for label in ("stable", "canary")]
        assert answers == [[2.0], [4.0]]


@pytest.mark.usefixtures("nothing_left")
def test_a_server_that_exits_is_noticed_at_once(
    spec_of: Callable[..., Any], quick_server: Callable[[str], Path]
) -> None:
    """The error holds the exit code, the command, the layout and the last log lines."""
    program = quick_server("print('cannot go on', flush=True); sys.exit(255)")
    with pytest.raises(StartupError) as caught:
        start(spec_of(backend="binary", binary=str(program)))
    text = str(caught.value)
    assert "ended before it was ready (exit code 255)" in text
    assert "--model_name=half_plus_two" in text
    assert "holds 1, 2, 3" in text
    assert "| cannot go on" in text


def test_a_server_killed_by_a_signal_says_so(spec_of: Callable[..., Any], quick_server: Callable[[str], Path]) -> None:
    """A crash is told by the signal's name."""
    program = quick_server("os.kill(os.getpid(), signal.SIGABRT)")
    with pytest.raises(StartupError, match="killed by SIGABRT"):
        start(spec_of(backend="binary", binary=str(program)))


@pytest.mark.usefixtures("nothing_left")
def test_a_server_that_never_gets_ready_is_given_up(
    spec_of: Callable[..., Any], quick_server: Callable[[str], Path]
) -> None:
    """At the deadline the error says what was wanted and what was seen, and the process is gone."""
    program = quick_server("print('pid', os.getpid(), flush=True)\nwhile True: time.sleep(1)")
    with pytest.raises(NotReadyError, match=r"not ready within 0.5 s; wanted half_plus_two \[3\]; seen") as caught:
        start(spec_of(backend="binary", binary=str(program), ready_timeout_s=0.5))
    pid = int(caught.value.log_tail[0].split()[1])
    assert not psutil.pid_exists(pid)


def test_a_server_deaf_to_sigterm_is_killed(spec_of: Callable[..., Any], quick_server: Callable[[str], Path]) -> None:
    """Stop is sure: SIGKILL follows where SIGTERM is ignored."""
    program = quick_server(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('pid', os.getpid(), flush=True)\nwhile True: time.sleep(1)"
    )
    with pytest.raises(NotReadyError) as caught:
        start(spec_of(backend="binary", binary=str(program), ready_timeout_s=0.5, stop_timeout_s=0.2))
    assert not psutil.pid_exists(int(caught.value.log_tail[0].split()[1]))


def test_a_failed_load_is_noticed_at_once(tmp_path: Path, spec_of: Callable[..., Any]) -> None:
    """A version that cannot be loaded ends the wait with the server's own text."""
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "saved_model.pb").write_bytes(b"this is not a SavedModel")
    model = ModelConfig(name="broken", base_path=str(tmp_path / "broken"))
    with pytest.raises(StartupError, match=r"saved_model\.pb or the variables are damaged"):
        start(spec_of(models=(model,), backend="standin"))


def test_a_taken_port_is_refused(spec_of: Callable[..., Any]) -> None:
    """A port asked for by number must be free: gRPC would share it without a word."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=f"gRPC port {port} cannot be used"):
            start(spec_of(backend="standin", grpc_port=port))


def test_a_binary_that_is_not_there_is_refused(spec_of: Callable[..., Any]) -> None:
    """A backend asked for by name never falls back."""
    with pytest.raises(BackendUnavailableError, match="no_such_server is not an executable file"):
        start(spec_of(backend="binary", binary="/no_such_server"))


OWNER = """
import signal, sys, time
from harness.model_config import ModelConfig
from harness.servers import ServerSpec, start
model = ModelConfig(name="half_plus_two", base_path=sys.argv[1])
server = start(ServerSpec(models=(model,), backend="binary", binary=sys.argv[2]))
print(server.engine.pid, server.engine._directory, flush=True)
time.sleep(600)
"""


def _wait_until_gone(path: Path) -> None:
    deadline_s = time.monotonic() + 20
    while path.exists():
        assert time.monotonic() < deadline_s, f"{path} is left"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_server_outlives_its_owner(half_plus_two: ModelConfig, quick_binary: Path, number: signal.Signals) -> None:
    """However the process that started a server dies, the server dies too, and its directory goes."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, half_plus_two.base_path, str(quick_binary)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert owner.stdout is not None
    with owner, owner.stdout, contextlib.ExitStack() as stack:
        stack.callback(owner.kill)
        pid_text, directory = owner.stdout.readline().split()
        server = psutil.Process(int(pid_text))
        os.kill(owner.pid, number)
        owner.wait(20)
        gone, _ = psutil.wait_procs([server], timeout=20)
        assert gone
        _wait_until_gone(Path(directory))


def test_a_killed_server_can_be_started_anew(spec_of: Callable[..., Any], quick_binary: Path, tmp_path: Path) -> None:
    """After kill the server has ended; restart brings it back at the same addresses, its log on disk goes on."""
    with start(spec_of(backend="binary", binary=str(quick_binary), log_directory=tmp_path / "logs")) as server:
        before = server.endpoint
        server.kill()
        assert not server.is_running
        assert "SIGKILL" in str(server.engine.exit_text())
        server.restart()
        assert server.endpoint == before
        with GrpcClient(server.endpoint) as client:
            assert [status.version for status in client.model_status()] == [3]
    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_text().count("quick server runs") == 2
