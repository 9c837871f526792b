"""The command line: one table of every flag, and a parser with the genuine server's habits.

tensorflow_model_server takes ``--name=value`` only (``--name`` alone is true for a bool), keeps starting after an
argument it does not know, and ends when a known flag has a value it cannot read (behaviour items 8 and 9). The
table below is behaviour items 25 to 28, plus two flags of our own, which begin with ``standin_``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["FLAGS", "Flag", "ParsedFlags", "parse", "unused_flags", "usage"]

Kind = Literal["int32", "int64", "float", "bool", "string"]
Value = int | float | bool | str

_CPUS = os.cpu_count() or 1
_INTEGER = re.compile(r"\s*[+-]?\d+\Z")
_FLOAT = re.compile(r"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan|infinity)\Z", re.IGNORECASE)
_TRUE, _FALSE = ("", "=true", "=1"), ("=false", "=0")
_BITS = {"int32": 32, "int64": 64}


@dataclass(frozen=True)
class Flag:
    """One flag.

    Attributes:
        name: without the dashes.
        kind: how its value is read.
        default: its value when it is not given.
        about: one line for the usage text.
        used: False if the stand-in takes the flag without doing anything for it.
    """

    name: str
    kind: Kind
    default: Value
    about: str
    used: bool = True


FLAGS = (
    Flag("port", "int32", 8500, "TCP port of the gRPC API; 0 for none"),
    Flag("grpc_socket_path", "string", "", "path of a UNIX socket that also offers the gRPC API"),
    Flag("rest_api_port", "int32", 0, "TCP port of the REST API; 0 for none"),
    Flag("rest_api_num_threads", "int32", 4 * _CPUS, "threads that answer REST requests"),
    Flag("rest_api_timeout_in_ms", "int32", 30000, "longest run for one REST request"),
    Flag("rest_api_enable_cors_support", "bool", False, "whether REST replies carry CORS headers"),
    Flag("enable_batching", "bool", False, "whether requests are run together in batches"),
    Flag("allow_version_labels_for_unavailable_models", "bool", False, "let new labels name unserved versions"),
    Flag("batching_parameters_file", "string", "", "text proto BatchingParameters"),
    Flag("enable_per_model_batching_parameters", "bool", False, "read batching_params.pbtxt from each version"),
    Flag("model_config_file", "string", "", "text proto ModelServerConfig; replaces model_name and model_base_path"),
    Flag("model_config_file_poll_wait_seconds", "int32", 0, "interval of reading it again; 0 for never"),
    Flag("model_name", "string", "default", "name of the model"),
    Flag("model_base_path", "string", "", "folder that holds the model's version folders"),
    Flag("num_load_threads", "int32", 0, "threads that load versions; 0 for the manager's own"),
    Flag("num_unload_threads", "int32", 0, "threads that unload versions; 0 for the manager's own"),
    Flag("max_num_load_retries", "int32", 5, "how often a failed load is tried again"),
    Flag("load_retry_interval_micros", "int64", 60_000_000, "wait between two tries of a load, microseconds"),
    Flag("file_system_poll_wait_seconds", "int32", 1, "seconds between looks for versions; 0: once, -1: never"),
    Flag("flush_filesystem_caches", "bool", True, "drop file caches after the first load", used=False),
    Flag("tensorflow_session_parallelism", "int64", 0, "threads inside and between operations"),
    Flag("tensorflow_intra_op_parallelism", "int64", 0, "threads inside one operation"),
    Flag("tensorflow_inter_op_parallelism", "int64", 0, "threads between operations"),
    Flag("use_alts_credentials", "bool", False, "Google's transport security", used=False),
    Flag("ssl_config_file", "string", "", "text proto SSLConfig with PEM texts; gRPC then speaks TLS"),
    Flag("platform_config_file", "string", "", "text proto PlatformConfigMap", used=False),
    Flag("per_process_gpu_memory_fraction", "float", 0.0, "share of a GPU's memory", used=False),
    Flag("saved_model_tags", "string", "serve", "comma-separated tags of the graph to load"),
    Flag("grpc_channel_arguments", "string", "", "comma-separated key=value arguments of the gRPC server"),
    Flag("grpc_max_threads", "int32", 4 * _CPUS, "threads that answer gRPC requests"),
    Flag("enable_model_warmup", "bool", True, "whether a version's warm-up requests are replayed before it is served"),
    Flag("num_request_iterations_for_warmup", "int32", 0, "how often each warm-up request is replayed"),
    Flag("version", "bool", False, "print the version and end"),
    Flag("monitoring_config_file", "string", "", "text proto MonitoringConfig"),
    Flag("remove_unused_fields_from_bundle_metagraph", "bool", True, "save memory after loading", used=False),
    Flag("prefer_tflite_model", "bool", False, "serve model.tflite where there is one", used=False),
    Flag("num_tflite_pools", "int32", _CPUS, "interpreter pools per TFLite session", used=False),
    Flag("num_tflite_interpreters_per_pool", "int32", 1, "interpreters per TFLite pool", used=False),
    Flag("xla_cpu_compilation_enabled", "bool", False, "compile for the CPU with XLA", used=False),
    Flag("xla_gpu_compilation_enabled", "bool", False, "compile for GPUs with XLA", used=False),
    Flag("enable_signature_method_name_check", "bool", False, "whether a signature's method name must suit the call"),
    Flag("enable_profiler", "bool", True, "offer TensorFlow's profiler service", used=False),
    Flag("enable_grpc_healthcheck_service", "bool", False, "offer grpc.health.v1.Health"),
    Flag("tensorflow_session_config_file", "string", "", "text proto ConfigProto of the sessions"),
    Flag("thread_pool_factory_config_file", "string", "", "text proto ThreadPoolConfig", used=False),
    Flag("mixed_precision", "string", "", "mixed precision mode", used=False),
    Flag("skip_initialize_tpu", "bool", False, "do not set up TPUs", used=False),
    Flag("enable_serialization_as_tensor_content", "bool", False, "write outputs to tensor_content"),
    Flag("standin_bind_address", "string", "127.0.0.1", "address to listen on (this stand-in only); 0.0.0.0 for all"),
    Flag("standin_die_with_parent", "bool", False, "end when the parent process does (this stand-in only)"),
)  # fmt: skip

_DEFAULTS = {flag.name: flag.default for flag in FLAGS}


@dataclass(frozen=True)
class ParsedFlags:
    """What a command line says.

    Attributes:
        values: every flag's value, by name.
        given: names of the flags that were on the command line.
        unknown: arguments that are no known flag, in order.
        bad: one text per value that could not be read; not empty means: print the usage and end.
    """

    values: dict[str, Value]
    given: frozenset[str]
    unknown: tuple[str, ...]
    bad: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        """``flags.port`` is ``flags.values["port"]``."""
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def parse(arguments: list[str]) -> ParsedFlags:
    """Read the arguments after the program's name; of a repeated flag the last one counts."""
    values = dict(_DEFAULTS)
    given, unknown, bad = set(), [], []
    for position, argument in enumerate(arguments):
        if argument == "--":
            unknown += arguments[position:]
            break
        flag, text = _find(argument)
        if flag is None or text is None:
            unknown.append(argument)
            continue
        value = _read(flag, text)
        if value is None:
            bad.append(f"Couldn't interpret value {text} for flag {flag.name}.")
            continue
        values[flag.name] = value
        given.add(flag.name)
    if unknown[:1] == ["--help"]:
        bad.append("--help")
    return ParsedFlags(values, frozenset(given), tuple(unknown), tuple(bad))


def _find(argument: str) -> tuple[Flag, str] | tuple[None, None]:
    """The flag that an argument is, and its text after the equals sign; for a bool, whatever follows its name."""
    for flag in FLAGS:
        # Of a bool the name alone is looked for, so a longer name is a bool with a bad value.
        start = f"--{flag.name}" if flag.kind == "bool" else f"--{flag.name}="
        if argument.startswith(start):
            return flag, argument[len(start) :]
    return None, None


def _read(flag: Flag, text: str) -> Value | None:
    """The value that a text stands for, None if it stands for none."""
    if flag.kind == "bool":
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else None
    if flag.kind == "string":
        return text
    if flag.kind == "float":
        return float(text) if _FLOAT.match(text) else None
    return _wrap(int(text), _BITS[flag.kind]) if _INTEGER.match(text) else None


def _wrap(number: int, bits: int) -> int:
    """The number as C's scanf leaves it in a signed integer of that many bits."""
    clamped = max(-(2**63), min(2**63 - 1, number))
    half: int = 2 ** (bits - 1)
    return (clamped + half) % (2 * half) - half


def usage(program: str) -> str:
    """The usage text, laid out like the genuine server's."""
    lines = [f"usage: {program}", "Flags:"]
    lines += [f"\t{'--' + flag.name + '=' + _shown(flag):<33}\t{flag.kind}\t{flag.about}" for flag in FLAGS]
    return "\n".join(lines) + "\n"


def _shown(flag: Flag) -> str:
    """A flag's default as the usage text writes it."""
    if flag.kind == "bool":
        return "true" if flag.default else "false"
    if flag.kind == "string":
        return f'"{flag.default}"'
    return f"{flag.default:f}" if flag.kind == "float" else str(flag.default)


def unused_flags(flags: ParsedFlags) -> list[str]:
    """Names of the flags on the command line that the stand-in accepts without doing anything for them."""
    return [flag.name for flag in FLAGS if flag.name in flags.given and not flag.used]
