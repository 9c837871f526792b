"""Backends ``binary`` and ``standin``: a child process with tensorflow_model_server's command line."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from harness.errors import StartupError
from harness.processes import cpu_clock_s
from harness.scratch import scratch_directory, scratch_prefix
from harness.servers import guard
from harness.servers.command import metrics_flags, model_flags, port_flags
from harness.servers.log_files import log_path
from harness.servers.ports import LOOPBACK, free_port, is_open, refuse_taken_port

if TYPE_CHECKING:
    from harness.model_config import ModelConfig
    from harness.servers.spec import ServerSpec

__all__ = ["LocalEngine"]

_PID_WAIT_S = 20.0


class LocalEngine:
    """A server process, its guard, its private directory with the log, and its two ports."""

    image: str | None = None

    def __init__(self, spec: ServerSpec, executable: tuple[str, ...], *, extra: tuple[str, ...] = ()) -> None:
        """Start the process; readiness is somebody else's business.

        Args:
            spec: what to serve.
            executable: the words that start the server.
            extra: flags this executable needs beyond tensorflow_model_server's.

        Raises:
            StartupError: a port asked for is taken, or the process cannot be started.
        """
        if spec.grpc_port is not None:
            refuse_taken_port(spec.grpc_port, "gRPC port")
        if spec.rest_port is not None:
            refuse_taken_port(spec.rest_port, "REST port")
        self._stop_timeout_s = spec.stop_timeout_s
        self._peak_bytes = 0
        self.grpc_port = spec.grpc_port or free_port(spec.rest_port)
        self.rest_port = spec.rest_port or free_port(self.grpc_port)
        self._directory = scratch_directory()
        self._log_path = log_path(spec) or self._directory / "server.log"
        try:
            flags = (*port_flags(self.grpc_port, self.rest_port), *model_flags(spec.models, self._directory))
            metrics = metrics_flags(spec.args, self._directory) if spec.metrics else ()
            self.command = (*executable, *flags, *extra, *metrics, *spec.args)
            self._environment = {**os.environ, **spec.environment}
            self._start()
        except BaseException:
            self.stop()
            raise

    _guard: subprocess.Popen[bytes] | None = None
    pid: int = 0

    def _start(self) -> None:
        pid_read, pid_write = os.pipe()
        with self._log_path.open("ab") as log, open(pid_read, "rb") as pid_pipe:  # noqa: PTH123 - a descriptor
            try:
                words = (guard.__file__, "process", scratch_prefix(), str(pid_write))
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", *words, *self.command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(pid_write,),
                    start_new_session=True,
                    env=self._environment,
                )
            finally:
                os.close(pid_write)
            text = pid_pipe.read()  # the guard closes its end once the server runs, or by ending
        if not text:
            self._guard.wait(_PID_WAIT_S)
            raise StartupError(
                f"the server could not be started: {' '.join(self.command)}",
                log_tail=tuple(self.log().splitlines()[-5:]),
            )
        self.pid = int(text)

    def addresses(self) -> tuple[str | None, str | None]:
        """Return the gRPC address and the REST base URL, both on the loopback interface."""
        return f"{LOOPBACK}:{self.grpc_port}", f"http://{LOOPBACK}:{self.rest_port}"

    def base_path_of(self, model: ModelConfig) -> str:
        """Return a model's base path: the process sees our files."""
        return model.base_path

    def exit_text(self) -> str | None:
        """Return how the server ended, None while it runs."""
        if self._guard is None:
            return "stopped"
        code = self._guard.poll()
        if code is None:
            return None
        if code > 128 and code != 255:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(code - 128).name}"
        return f"exit code {code}"

    def foreign_port_owner(self) -> str | None:
        """Return who answers on our ports if it is not this server; None if all is well.

        gRPC shares ports through SO_REUSEPORT, so an open port alone does not say whose it is.
        """
        for port in (self.grpc_port, self.rest_port):
            if is_open(port) and port not in self._own_ports():
                return f"port {port} belongs to another process"
        return None

    def _own_ports(self) -> set[int]:
        try:
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
            return {
                connection.laddr[1]
                for member in family
                for connection in member.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
        except psutil.Error:
            return set()

    def log(self) -> str:
        """Return everything the server has written."""
        try:
            return self._log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self) -> None:
        """End the server (SIGTERM, then SIGKILL) and remove its directory."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        process, self._guard = self._guard, None
        if process is None:
            return
        self.peak_memory_bytes()
        self._signal(signal.SIGCONT)
        self._signal(number)
        try:
            process.wait(self._stop_timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def kill(self) -> None:
        """End the process as a crash would: SIGKILL, whatever it is doing."""
        self._signal(signal.SIGKILL)
        if self._guard is not None:
            self._guard.wait()

    def restart(self) -> None:
        """End the process and start it again, on the same ports and with the same log."""
        self._end(signal.SIGTERM)
        self._start()

    def pause(self) -> None:
        """Stop the process (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the process (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def cpu_time_us(self) -> int | None:
        """Return user and system time of the process and its ended children, in microseconds."""
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return None
        own_s = cpu_clock_s(self.pid)
        own_s = times.user + times.system if own_s is None else own_s
        return round((own_s + times.children_user + times.children_system) * 1e6)

    def peak_memory_bytes(self) -> int | None:
        """Return the highest resident memory so far, from the kernel where it keeps that, else of the calls made."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
            peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
            self._peak_bytes = int(peak_kib) * 1024
        except (OSError, StopIteration):
            with contextlib.suppress(psutil.Error):
                self._peak_bytes = max(self._peak_bytes, psutil.Process(self.pid).memory_info().rss)
        return self._peak_bytes or None

    def memory_bytes(self) -> int | None:
        """Return the resident memory of the process and its children now."""
        try:
            process = psutil.Process(self.pid)
            return sum(member.memory_info().rss for member in (process, *process.children(recursive=True)))
        except psutil.Error:
            return None

    def _signal(self, number: signal.Signals) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
