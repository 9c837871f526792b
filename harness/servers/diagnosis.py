"""From what a server wrote and what lies on disk to the likely cause of a failed start, and its remedy.

A table of patterns over the server's own texts. It only explains: whether the server is ready is never read from here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.versions import version_directories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model_config import ModelConfig

__all__ = ["hopeless_cause", "likely_cause", "likely_external_cause", "unknown_flags"]

_CAUSES = (
    (r"No module named '?harness'?\s*\Z", "the stand-in's interpreter does not have the harness installed"),
    (
        r"Illegal instruction|SIGILL",
        "the CPU lacks instructions (AVX) the server was built for; the image is amd64 only; emulators lack them",
    ),
    (r"exec format error", "the server is built for another kind of processor; the image is amd64 only"),
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
    (
        r"Could not find SavedModel|does not appear to contain a SavedModel",
        "a version directory has no saved_model.pb: half copied? Copy to another name first, then rename to the number",
    ),
    (
        r"Can't parse .*saved_model\.pb|Read less bytes than|TensorSliceReader|checksum|variables\.(index|data)",
        "saved_model.pb or the variables are damaged or half copied: copy to another name first, then rename",
    ),
    (
        r"not currently available for inference",
        "a label of the start-up config is on an unloaded version: --allow_version_labels_for_unavailable_models",
    ),
    (
        r"Invalid protobuf file: '(?P<path>[^']*)'|Error parsing text-format (?P<kind>\S+):",
        "a config file is not the text proto its flag wants ({path}{kind})",
    ),
    (
        r"(?P<path>/\S+); (No such file or directory|Invalid argument)",
        "{path} is missing or empty where the server runs; a container sees only what is mounted or copied in",
    ),
    (r"batching_parameters_file is set without", "--batching_parameters_file needs --enable_batching"),
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
    (r"SIGKILL", "the server was killed from outside, or by the system for want of memory"),
    (r"the container was removed", "somebody removed the container while it started (docker rm, docker prune?)"),
)
# What an external server's status call may bring; one of ours may bring it too, while it starts.
_EXTERNAL_CAUSES = (
    (r"BadStatusLine", "that is not a REST port; gRPC addresses are given as HOST:PORT, without http://"),
    (r"http1\.x server", "that is not a gRPC port; REST addresses are given as http://HOST:PORT"),
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
)
_UNKNOWN_FLAG = re.compile(r"^unknown argument: (?P<flag>.+)$", re.MULTILINE)


def likely_cause(log: str, models: Sequence[ModelConfig]) -> str:
    """Return the likely cause with its remedy, empty if nothing is known."""
    return _unknown_flags_text(log) or _first(_CAUSES, log) or _layout_causes(models)


def likely_external_cause(seen: str) -> str:
    """Return why a server of the user's could not be used, from what calling it brought; empty if nothing is known."""
    return next((cause for pattern, cause in _EXTERNAL_CAUSES if re.search(pattern, seen)), "")


def unknown_flags(log: str) -> list[str]:
    """Return the flags that the server said it does not know; it starts without them (behaviour item 8)."""
    return [match["flag"].strip() for match in _UNKNOWN_FLAG.finditer(log)]


def _layout_cause(model: ModelConfig) -> str:
    base_path = Path(model.base_path)
    if not base_path.is_dir():
        return f"{base_path} is not a directory"
    if (base_path / "saved_model.pb").exists():
        return f"{base_path} is a version directory itself; its parent is the base path"
    if not version_directories(base_path):
        return f"{base_path} has no numeric version directory"
    return ""


def hopeless_cause(log: str, seen: str, models: Sequence[ModelConfig]) -> str:
    """Return why a server that still runs will never be ready, empty if waiting longer may help.

    Args:
        log: what the server wrote.
        seen: what its status API said last.
        models: what it is to serve.
    """
    return _unknown_flags_text(log) or _layout_causes(models) or _first(_HOPELESS, log) or _foreign_models(log, seen)


def _first(causes: tuple[tuple[str, str], ...], text: str) -> str:
    for pattern, cause in causes:
        match = re.search(pattern, text)
        if match:
            return cause.format(**{name: value or "" for name, value in match.groupdict().items()})
    return ""


def _unknown_flags_text(log: str) -> str:
    flags = unknown_flags(log)
    return f"the server does not know {', '.join(flags)}; check the spelling of --serving-arg" if flags else ""


def _layout_causes(models: Sequence[ModelConfig]) -> str:
    return next((cause for cause in map(_layout_cause, models) if cause), "")


def _foreign_models(log: str, seen: str) -> str:
    """The gRPC API opens once the start-up models are loaded, so one that is unknown then stays unknown."""
    if "Could not find any versions of model" not in seen:
        return ""
    served = ", ".join(dict.fromkeys(re.findall(r"\(Re-\)adding model: (\S+)", log))) or "others"
    return f"the server has no model of that name; it serves {served}. The name asked for and the server's must be one"
