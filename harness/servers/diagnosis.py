"""From what a server wrote and what lies on disk to the likely cause of a failed start, and its remedy.

Tables of patterns over the server's own texts. They only explain: whether the server is ready is never read from here.
What was seen last is searched first, then the server's own last word, then its whole log: a log also holds what was no
trouble, and a wrong cause is worse than none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.servers.layout_causes import layout_cause, missing_graph_cause
from harness.servers.remedies import AMD64_ONLY, ENGINE_GONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model_config import ModelConfig

__all__ = ["hopeless_cause", "last_word", "likely_cause", "likely_external_cause", "unknown_flags_cause"]

_NO_GRAPH = r"Could not find SavedModel|does not appear to contain a SavedModel"
_DAMAGE = (
    r"Can't parse .*saved_model\.pb|Read less bytes than|Unsuccessful TensorSliceReader|DATA_LOSS|not an sstable"
    r"|Checksum does not match|TensorBundle at|variables\.(index|data-\S*); No such file"
)
_LABELS = "--allow_version_labels_for_unavailable_models"
_CAUSES = (
    (r"No module named '?harness'?\s*\Z", "the stand-in's interpreter does not have the harness installed"),
    (
        r"Illegal instruction|SIGILL",
        "the CPU lacks instructions (AVX) that the server needs, as emulators of amd64 do; --serving-backend=standin",
    ),
    (r"exec format error", f"the server is built for another kind of processor; {AMD64_ONLY}"),
    (
        r"tensorflow_model_server: command not found",
        "the image has no tensorflow_model_server: is it tensorflow/serving?",
    ),
    (r"Address already in use|Failed to BuildAndStart gRPC", "a port was taken while the server started; try again"),
    (
        r"out of memory|OutOfMemory|Cannot allocate memory|std::bad_alloc",
        "the server ran out of memory; give it more (--serving-memory, or the engine's own limit), or serve less",
    ),
    (
        r"Could not find meta graph def matching supplied tags",
        "the SavedModel was exported with other tags; pass --saved_model_tags=... or export it with the tag 'serve'",
    ),
    (
        r"Op type not registered '(?P<name>[^']+)'",
        "the model uses the op {name}, which this server does not have; serve it with a build that has it",
    ),
    (r"(?P<path>/\S+); Not a directory", "{path} is a file, but a server takes every number for a version directory"),
    (
        r"(?P<path>/\S+); Permission denied",
        "the server's user may not read {path}; chmod -R a+rX, or --serving-model-transfer=copy",
    ),
    (
        _DAMAGE,
        "saved_model.pb or the variables are damaged or half copied; copy to another name first, then rename",
    ),
    (
        r"not currently available for inference",
        f"a label of the start-up config is on a version that is not loaded; pass {_LABELS}",
    ),
    (
        r"Invalid protobuf file: '(?P<path>[^']*)'|Error parsing text-format (?P<kind>[\w.]+):",
        "a config file is not the text proto its flag wants ({path}{kind})",
    ),
    (
        r"(?P<path>/\S+); (No such file or directory|Invalid argument)",
        "{path} is missing or empty where the server runs; a container sees only what is mounted or copied in",
    ),
    (r"batching_parameters_file is set without", "--batching_parameters_file needs --enable_batching"),
    (
        r"Couldn't interpret value =?(?P<value>.*) for flag (?P<name>\w+)",
        "--{name} cannot have the value {value}; its type is in the server's --help",
    ),
    (r"must have an absolute path|Expected model .* absolute path", "the base path must be absolute"),
    (r"Illegal to list model (?P<name>\S+) multiple times", "the model config lists {name} twice"),
    (
        r"Failed to parse warmup record|verify your warmup data|log_type for warmup|Number of warmup records exceeds",
        "a warm-up record of the model cannot be replayed",
    ),
    (
        r"Did you forget to name your leaf directory as a number|No versions of servable",
        "the base path has no numeric version directory; give the directory that holds 1/, not 1/ itself",
    ),
    (r"Could not find base path", "the base path does not exist where the server runs"),
    (
        r"gRPC serves, but REST does not open",
        "--monitoring_config_file cannot be read where the server runs, or a flag turns REST off",
    ),
    (r"SIGKILL", "the server was killed from outside, or by the system for want of memory"),
    (r"the container was removed", "somebody removed the container while it started (docker rm, docker prune?)"),
    (r"engine does not answer any more", ENGINE_GONE),
)
# What an external server's status call may bring; one of ours may bring it too, while it starts.
_EXTERNAL_CAUSES = (
    (r"BadStatusLine", "that is not a REST port; gRPC addresses are given as HOST:PORT, without http://"),
    (r"http1\.x server", "that is not a gRPC port; REST addresses are given as http://HOST:PORT"),
    (
        r"(?i)certificate.?required|bad certificate|unknown ca\b",
        "the server there wants a client's certificate that it trusts: --serving-tls-cert and --serving-tls-key",
    ),
    (
        r"(?i)certificate.?verify.?failed|verification check|hostname mismatch|doesn't match",
        "TLS fails: its certificate is not trusted (--serving-tls-ca) or for another name (--serving-tls-server-name)",
    ),
    (
        r"(?i)wrong.version.number|record layer failure|tls handshake failed",
        "TLS fails: what listens there seems not to speak it; write grpc://HOST:PORT, http://HOST:PORT for REST",
    ),
    (
        r"failed to connect.*(Socket closed|Connection reset)|Connection aborted|HTTP request.*HTTPS",
        "it hangs up on plain text; if it speaks TLS, write grpcs://HOST:PORT, https://HOST:PORT for REST",
    ),
    (
        r"UNAUTHENTICATED|PERMISSION_DENIED|HTTP 40[13]\b",
        "no such call may pass there; give the header it wants, e.g. --serving-header authorization=env:TOKEN",
    ),
    (
        r"Connection refused|failed to connect to all addresses",
        "nothing listens at that address; is the server running?",
    ),
    (r"Could not find any versions of model", "the server runs, but has no model of that name"),
)
# What a server says and then goes on without: waiting until the deadline would not help.
_HOPELESS = (
    (
        r"Failed to start HTTP Server at (?P<address>\S+)",
        "its REST port could not be opened ({address}); give another port, or stop what listens there",
    ),
    (
        r"http_port cannot be same as grpc_port",
        "gRPC and REST were given one port, and the server leaves REST out; give two",
    ),
)
_UNKNOWN_FLAG = re.compile(r"^unknown argument: (?P<flag>.+)$", re.MULTILINE)
_LAST_WORD = re.compile(r"^Failed to start server\. Error: (?P<word>.+)$", re.MULTILINE)


def likely_cause(what: str, log: str, models: Sequence[ModelConfig]) -> str:
    """Return the likely cause with its remedy, empty if nothing is known.

    Args:
        what: what was seen of the server from outside: its end, or its status.
        log: what it wrote.
        models: what it was to serve, with the base paths of this machine.
    """
    flags = unknown_flags_cause(log)
    if flags:
        return flags
    for text in (what, *_LAST_WORD.findall(log), log):
        cause = missing_graph_cause(models) if re.search(_NO_GRAPH, text) else _first(_CAUSES, text)
        if cause:
            return cause
    return _layout_causes(models)


def last_word(log: str) -> str:
    """Return why the server itself says it could not start (behaviour item 7), empty if it says nothing."""
    words = _LAST_WORD.findall(log)
    return str(words[-1]) if words else ""


def likely_external_cause(seen: str) -> str:
    """Return why a server of the user's could not be used, from what calling it brought; empty if nothing is known."""
    return _first(_EXTERNAL_CAUSES, seen)


def hopeless_cause(log: str, seen: str, models: Sequence[ModelConfig]) -> str:
    """Return why a server that still runs will never be ready, empty if waiting longer may help.

    Args:
        log: what the server wrote.
        seen: what its status API said last.
        models: what it is to serve.
    """
    return unknown_flags_cause(log) or _layout_causes(models) or _first(_HOPELESS, log) or _foreign_models(log, seen)


def _first(causes: tuple[tuple[str, str], ...], text: str) -> str:
    for pattern, cause in causes:
        match = re.search(pattern, text)
        if match:
            return cause.format(**{name: value or "" for name, value in match.groupdict().items()})
    return ""


def unknown_flags_cause(log: str) -> str:
    """Return which flags the server does not know, and what to look for; empty if it knows all."""
    flags = [match["flag"].strip() for match in _UNKNOWN_FLAG.finditer(log)]
    if not flags:
        return ""
    form = "" if all(flag.startswith("--") for flag in flags) else "; flags are given as --NAME=VALUE"
    return f"the server does not know {', '.join(flags)}; check the spelling of --serving-arg{form}"


def _layout_causes(models: Sequence[ModelConfig]) -> str:
    return next(filter(None, map(layout_cause, models)), "")


def _foreign_models(log: str, seen: str) -> str:
    """The gRPC API opens once the start-up models are loaded, so one that is unknown then stays unknown."""
    unknown = re.search(r"Could not find any versions of model (\S+)", seen)
    if unknown is None:
        return ""
    served = ", ".join(dict.fromkeys(re.findall(r"\(Re-\)adding model: (\S+)", log))) or "others"
    return (
        f"the server has no model {unknown[1]}; it serves {served}. Name it the same in --model, and in --model_name or"
        " the config file"
    )
