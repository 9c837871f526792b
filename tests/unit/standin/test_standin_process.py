"""The process: ports, signals, the end of its parent, and what it leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest

from harness.protos import get_model_status_pb2, model_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[3]
_MODEL = _ROOT / "tests" / "conformance" / "corpus" / "models" / "half_plus_two"
_PATIENCE_S = 60.0


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(*flags: str) -> Iterator[subprocess.Popen[str]]:
    """A stand-in with these flags; killed at the end."""
    command = [sys.executable, "-m", "harness.standin", *flags]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def call_status(address: str) -> str:
    """The state of the model's version, once the server answers."""
    with grpc.insecure_channel(address) as channel:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "m"
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        reply = stub.GetModelStatus(request, timeout=_PATIENCE_S, wait_for_ready=True)
    return str(get_model_status_pb2.ModelVersionStatus.State.Name(reply.model_version_status[0].state))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_silently(number: signal.Signals) -> None:
    """SIGTERM and SIGINT kill the process as they would any other, without a traceback (behaviour item 22)."""
    port = free_port()
    with started(f"--port={port}", "--model_name=m", f"--model_base_path={_MODEL}") as process:
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
        process.send_signal(number)
        assert process.wait(_PATIENCE_S) == -number
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells threads by number")
def test_a_signal_that_another_thread_takes_ends_it() -> None:
    """The kernel may give a signal to any thread; the process ends all the same."""
    port = free_port()
    with started(f"--port={port}", "--model_name=m", f"--model_base_path={_MODEL}") as process:
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
        other = next(thread.id for thread in psutil.Process(process.pid).threads() if thread.id != process.pid)
        assert ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM) == 0
        assert process.wait(_PATIENCE_S) == -signal.SIGTERM


def test_it_listens_on_the_loopback_only() -> None:
    """Unlike the genuine server it is not open to the network, unless told to be."""
    port, rest = free_port(), free_port()
    flags = (f"--port={port}", f"--rest_api_port={rest}", "--model_name=m", f"--model_base_path={_MODEL}")
    with started(*flags) as process:
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
        addresses = {
            connection.laddr.ip.removeprefix("::ffff:")
            for connection in psutil.Process(process.pid).net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert addresses == {"127.0.0.1"}


def test_it_dies_with_its_parent() -> None:
    """With --standin_die_with_parent nothing is left when the parent is killed."""
    port = free_port()
    flags = [f"--port={port}", "--model_name=m", f"--model_base_path={_MODEL}", "--standin_die_with_parent"]
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'harness.standin', *{flags!r}], stderr=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=_ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
        parent.kill()
    deadline = time.monotonic() + _PATIENCE_S
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the stand-in outlives its parent"
        time.sleep(0.05)


def test_it_outlives_the_thread_that_started_it() -> None:
    """With --standin_die_with_parent the parent is the process, not the thread that happened to start it."""
    port = free_port()
    flags = (f"--port={port}", "--model_name=m", f"--model_base_path={_MODEL}", "--standin_die_with_parent")
    with ThreadPoolExecutor(1) as pool:
        context = started(*flags)
        process = pool.submit(context.__enter__).result()
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
    finally:
        context.__exit__(None, None, None)


def test_a_taken_grpc_port_ends_it() -> None:
    """When the gRPC port cannot be had, the start fails with exit code 255 (behaviour items 5 and 7)."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        flags = (f"--port={taken.getsockname()[1]}", "--model_name=m", f"--model_base_path={_MODEL}")
        with started(*flags) as process:
            out, _ = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 255
    assert out == "Failed to start server. Error: INVALID_ARGUMENT: Failed to BuildAndStart gRPC server\n"


def test_one_rest_port_for_both_is_skipped() -> None:
    """The same port for REST and gRPC is only logged (behaviour item 4)."""
    port = free_port()
    flags = (f"--port={port}", f"--rest_api_port={port}", "--model_name=m", f"--model_base_path={_MODEL}")
    with started(*flags) as process:
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
        process.kill()
        assert process.stderr is not None
        assert "http_port cannot be same as grpc_port" in process.stderr.read()


def test_version_is_printed() -> None:
    """--version prints two lines and ends with 0 (behaviour item 9)."""
    with started("--version") as process:
        out, _ = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0
    assert [line.split(":")[0] for line in out.splitlines()] == ["TensorFlow ModelServer", "TensorFlow Library"]


def test_a_unix_socket_is_enough(tmp_path: Path) -> None:
    """Without a TCP port the API can be had on a UNIX socket."""
    path = tmp_path / "s"
    if len(os.fsencode(path)) > 100:
        pytest.skip("the temporary folder's path is too long for a UNIX socket")
    flags = ("--port=0", f"--grpc_socket_path={path}", "--model_name=m", f"--model_base_path={_MODEL}")
    with started(*flags):
        assert call_status(f"unix:{path}") == "AVAILABLE"


def test_flags_it_does_nothing_for_are_told() -> None:
    """A flag without meaning here is taken and named in the log."""
    port = free_port()
    flags = (f"--port={port}", "--model_name=m", f"--model_base_path={_MODEL}", "--prefer_tflite_model=true")
    with started(*flags) as process:
        assert call_status(f"127.0.0.1:{port}") == "AVAILABLE"
        process.kill()
        assert process.stderr is not None
        assert "--prefer_tflite_model is accepted, but this stand-in does nothing for it" in process.stderr.read()
