"""The server as a whole: start-up in the genuine order, and the end.

First every model is loaded, then the gRPC port opens, then the REST port (behaviour item 14), so an open port
means that the wait for the models is over.
"""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Any

from harness.standin import log
from harness.standin.core import CoreOptions, ServerCore
from harness.standin.grpc_edge import GrpcOptions, GrpcServer
from harness.standin.grpc_extras import server_credentials
from harness.standin.loading import make_loader
from harness.standin.manager import LoadOptions
from harness.standin.model_config import (
    check_text_proto,
    read_config_file,
    read_text_proto,
    single_model_config,
)
from harness.standin.monitoring import Metrics
from harness.standin.status import StatusError
from harness.standin.text_protos import new_message

if TYPE_CHECKING:
    from harness.standin.flags import ParsedFlags

__all__ = ["Server", "channel_arguments", "rest_port", "rest_timeout_s"]

_SOURCE = "server.py"
_INT32 = (-(2**31), 2**31 - 1)
_PORTS = 1 << 16
_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"


class Server:
    """A server that was told by flags what to do."""

    def __init__(self, flags: ParsedFlags) -> None:
        """Load the models and open the ports; waits as long as the genuine server would.

        Raises:
            StatusError: the flags contradict each other, a file cannot be read, a model or a port cannot be had.
        """
        self._flags = flags
        self._rest: Any = None
        self._stopping = threading.Event()
        check_flags(flags)
        config = self._read_config()
        metrics, options = Metrics(), _core_options(flags)
        self.core = ServerCore(make_loader(flags, options, metrics), options, metrics)
        self.core.reload(config)
        self._start_config_polling()
        if flags.thread_pool_factory_config_file:
            check_text_proto(flags.thread_pool_factory_config_file, new_message("ThreadPoolConfig"))
        self._start_grpc()
        self._start_rest()

    def _read_config(self) -> Any:
        flags = self._flags
        if flags.model_config_file:
            return read_config_file(flags.model_config_file)
        text = f"Building single TensorFlow model file config:  model_name: {flags.model_name} model_base_path: "
        log.info(_SOURCE, text + flags.model_base_path)
        return single_model_config(flags.model_name, flags.model_base_path)

    def _start_config_polling(self) -> None:
        flags = self._flags
        if flags.model_config_file and flags.model_config_file_poll_wait_seconds > 0:
            threading.Thread(target=self._poll_config, name="config", daemon=True).start()

    def _poll_config(self) -> None:
        """Read the configuration file again and again; what is wrong with it is only logged (item 106)."""
        flags = self._flags
        while not self._stopping.wait(flags.model_config_file_poll_wait_seconds):
            try:
                config = read_config_file(flags.model_config_file)
            except StatusError as error:
                log.error(_SOURCE, f"Failed to read ModelServerConfig file: {error}")
                continue
            try:
                self.core.reload(config)
            except StatusError as error:
                log.error(_SOURCE, f"PollFilesystemAndReloadConfig failed to ReloadConfig: {error}")

    def _start_grpc(self) -> None:
        flags = self._flags
        host = flags.standin_bind_address
        try:
            self._grpc = GrpcServer(self.core, _grpc_options(flags))
        except OSError as fault:
            log.error(_SOURCE, str(fault))
            raise StatusError("INVALID_ARGUMENT", "Failed to BuildAndStart gRPC server") from fault
        log.info(_SOURCE, f"Running gRPC ModelServer at {host}:{flags.port} ...")
        if flags.grpc_socket_path:
            log.info(_SOURCE, f"Running gRPC ModelServer at UNIX socket {flags.grpc_socket_path} ...")

    def _start_rest(self) -> None:
        flags = self._flags
        if not flags.rest_api_port:
            return
        if flags.rest_api_port == flags.port:
            text = (
                "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST "
                "API. Skipped exporting HTTP/REST API."
            )
            log.error(_SOURCE, text)
            return
        from harness.standin.http.edge import start_rest_server

        try:
            metrics_path = _metrics_path(flags)
            self._rest = start_rest_server(
                self.core,
                port=rest_port(flags),
                bind_address=flags.standin_bind_address,
                timeout_s=rest_timeout_s(flags),
                cors=flags.rest_api_enable_cors_support,
                metrics=self.core.metrics,
                metrics_path=metrics_path,
                num_threads=flags.rest_api_num_threads,
            )
        except (OSError, StatusError) as fault:
            log.error(_SOURCE, f"Failed to start HTTP Server at localhost:{flags.rest_api_port}: {fault}")
        else:
            log.info(_SOURCE, f"Exporting HTTP/REST API at:localhost:{flags.rest_api_port} ...")

    def stop(self) -> None:
        """Close the ports and stop the threads; requests under way are dropped."""
        self._stopping.set()
        self._grpc.stop()
        if self._rest is not None:
            self._rest.stop()
        self.core.stop()


def check_flags(flags: ParsedFlags) -> None:
    """Refuse flags that the genuine server refuses before it reads any file (behaviour items 3, 6, 13).

    Raises:
        StatusError: INVALID_ARGUMENT with the genuine text.
    """
    text = ""
    if not flags.port and not flags.grpc_socket_path:
        text = "At least one of server_options.grpc_port or server_options.grpc_socket_path must be set."
    elif flags.use_alts_credentials and flags.ssl_config_file:
        text = "Either use_alts_credentials must be false OR ssl_config_file must be empty."
    elif not flags.model_base_path and not flags.model_config_file:
        text = "Both server_options.model_base_path and server_options.model_config_file are empty!"
    if text:
        raise StatusError("INVALID_ARGUMENT", text)


def rest_port(flags: ParsedFlags) -> int:
    """The port of the REST API: what libevent's 16 bits keep of the number."""
    return int(flags.rest_api_port) % _PORTS


def rest_timeout_s(flags: ParsedFlags) -> float | None:
    """Seconds a run for a REST request may take; without a positive number there is no limit, as in RunOptions."""
    return flags.rest_api_timeout_in_ms / 1000 if flags.rest_api_timeout_in_ms > 0 else None


def _core_options(flags: ParsedFlags) -> CoreOptions:
    return CoreOptions(
        poll_interval_s=flags.file_system_poll_wait_seconds,
        allow_labels_for_unavailable=flags.allow_version_labels_for_unavailable_models,
        check_method_names=flags.enable_signature_method_name_check,
        tensor_content=flags.enable_serialization_as_tensor_content,
        load=LoadOptions(
            max_retries=max(0, flags.max_num_load_retries),
            retry_interval_s=max(0.0, flags.load_retry_interval_micros / 1e6),
            initial_threads=4 * (os.cpu_count() or 1),
            load_threads=flags.num_load_threads,
            unload_threads=flags.num_unload_threads,
        ),
    )


def _metrics_path(flags: ParsedFlags) -> str | None:
    """The path of the metrics, None if they are not asked for (item 190)."""
    if not flags.monitoring_config_file:
        return None
    config = read_text_proto(flags.monitoring_config_file, new_message("MonitoringConfig")).prometheus_config
    return (config.path or _DEFAULT_METRICS_PATH) if config.enable else None


def _grpc_options(flags: ParsedFlags) -> GrpcOptions:
    return GrpcOptions(
        address=f"{flags.standin_bind_address}:{flags.port}" if flags.port else None,
        socket_path=flags.grpc_socket_path or None,
        num_threads=max(1, flags.grpc_max_threads),
        arguments=channel_arguments(flags.grpc_channel_arguments),
        credentials=server_credentials(flags.ssl_config_file) if flags.ssl_config_file else None,
        health=flags.enable_grpc_healthcheck_service,
    )


def channel_arguments(text: str) -> tuple[tuple[str, int | str], ...]:
    """Read ``key=value,key=value``; a value that reads as a 32-bit integer is one (behaviour item 25)."""
    arguments: list[tuple[str, int | str]] = []
    for part in filter(None, text.split(",")):
        key, value = (*part.split("="), "")[:2]
        number = int(value) if _INTEGER.fullmatch(value) else None
        arguments.append((key, value if number is None or not _INT32[0] <= number <= _INT32[1] else number))
    return tuple(arguments)
