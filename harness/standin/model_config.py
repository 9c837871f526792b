"""Which model lists the server takes, and which labels: the rules of ServerCore, without any state.

A refused list has a text of its own (behaviour items 23, 95, 101 to 104, 107 to 109). The order of the checks
matters, as the genuine server stores a list between the first and the second half of them (item 104).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format

from harness.protos import model_server_config_pb2
from harness.standin import log
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "check_before_storing",
    "check_kind",
    "check_platforms",
    "check_text_proto",
    "read_config_file",
    "read_text_proto",
    "resolve_labels",
    "single_model_config",
]

_TENSORFLOW = "tensorflow"
_TENSORFLOW_TYPE = 1
_URI = re.compile(r"[A-Za-z][0-9A-Za-z.]+://")
_EXPANDED_ANY = b"[type.googleapis.com/"


def single_model_config(name: str, base_path: str) -> Any:
    """The configuration that ``--model_name`` and ``--model_base_path`` stand for."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=base_path, model_platform=_TENSORFLOW)
    return config


def read_config_file(path: str) -> Any:
    """Read a text proto ModelServerConfig."""
    return read_text_proto(path, model_server_config_pb2.ModelServerConfig())


def read_text_proto(path: str, message: Any) -> Any:
    """Read a text proto file into ``message``.

    Raises:
        StatusError: NOT_FOUND if there is no such file, INVALID_ARGUMENT if it is empty or cannot be parsed.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise StatusError("NOT_FOUND", f"{path}; No such file or directory") from None
    except OSError as fault:
        raise StatusError("FAILED_PRECONDITION", f"{path}; {fault.strerror}") from None
    if not data:
        raise StatusError("INVALID_ARGUMENT", f"{path}; Invalid argument")
    try:
        return text_format.Parse(data.decode("utf-8", "surrogateescape"), message)
    except (text_format.ParseError, UnicodeError) as fault:
        log.error("model_config.py", f"Error parsing text-format {message.DESCRIPTOR.full_name}: {fault}")
        raise StatusError("INVALID_ARGUMENT", f"Invalid protobuf file: '{path}'") from None


def check_kind(kind: str | None, *, is_first: bool) -> None:
    """Refuse a configuration that is no model list, where the genuine server does (behaviour item 105).

    Args:
        kind: which field of ModelServerConfig is set, None for none.
        is_first: whether no model list was stored before.

    Raises:
        StatusError: FAILED_PRECONDITION, it would replace a list; UNIMPLEMENTED, it is a custom one at the start,
            which the genuine server crashes on.
    """
    if not is_first and kind != "model_config_list":
        text = (
            "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to another."
        )
        raise StatusError("FAILED_PRECONDITION", text)
    if kind == "custom_model_config":
        raise StatusError("UNIMPLEMENTED", "ModelServer does not yet support custom model config.")


def check_text_proto(path: str, message: Any) -> None:
    """Refuse a text proto file whose contents have no use here where the genuine server could not read it.

    Of an Any that is written out, only the genuine server has the definition; such a file is taken as it is.

    Raises:
        StatusError: as by :func:`read_text_proto`.
    """
    if not Path(path).is_file() or _EXPANDED_ANY not in Path(path).read_bytes():
        read_text_proto(path, message)


def check_before_storing(old: Iterable[Any] | None, new: Iterable[Any]) -> None:
    """The checks that leave the stored list alone when they fail: names, paths, changed platforms.

    Args:
        old: the ModelConfigs of the stored list, None before the first.
        new: the ModelConfigs asked for.
    """
    models = list(new)
    names: set[str] = set()
    for model in models:
        if model.name in names:
            raise StatusError("INVALID_ARGUMENT", f"Illegal to list model {model.name} multiple times in config list")
        names.add(model.name)
    for model in models:
        if not _is_absolute(model.base_path):
            text = f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            raise StatusError("INVALID_ARGUMENT", text)
    if old is not None:
        _check_changed_platforms({model.name: _platform(model) for model in old}, models)


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or _URI.match(path) is not None


def _check_changed_platforms(old: Mapping[str, str], models: list[Any]) -> None:
    for model in models:
        if model.name in old and _platform(model) != old[model.name]:
            text = (
                f"Illegal to change a model's platform. For model {model.name} platform was {old[model.name]} "
                f"and new platform requested is {_platform(model)}"
            )
            raise StatusError("INVALID_ARGUMENT", text)


def _platform(model: Any) -> str:
    fields = "ModelServerConfig::model_type (deprecated) {} ModelServerConfig::model_platform, model name is "
    if model.model_type and model.model_platform:
        raise StatusError("INVALID_ARGUMENT", "Illegal setting both " + fields.format("and") + model.name)
    if model.model_type not in {0, _TENSORFLOW_TYPE}:
        text = f"ModelServerConfig::model_type choice {model.model_type} not supported."
        raise StatusError("INVALID_ARGUMENT", text)
    if not model.model_type and not model.model_platform:
        raise StatusError("INVALID_ARGUMENT", "Illegal setting neither " + fields.format("nor") + model.name)
    return str(model.model_platform) or _TENSORFLOW


def check_platforms(models: Iterable[Any]) -> None:
    """The check made after the list is stored: each model's platform is one the server has."""
    for model in models:
        platform = _platform(model)
        if platform != _TENSORFLOW:
            raise StatusError("INVALID_ARGUMENT", f"Model {model.name} requests unsupported platform {platform}")


def resolve_labels(
    models: Iterable[Any],
    *,
    available: Mapping[str, set[int]],
    current: Mapping[str, Mapping[str, int]],
    allow_unavailable: bool,
) -> dict[str, dict[str, int]]:
    """Return the labels of each model, to replace ``current`` as a whole.

    Args:
        models: the ModelConfigs of the list.
        available: the versions that can be served, by model.
        current: the labels now in force.
        allow_unavailable: whether a label that is new may name a version that cannot be served yet.

    Raises:
        StatusError: FAILED_PRECONDITION, a label names a version that is not available.
    """
    labels: dict[str, dict[str, int]] = {}
    for model in models:
        for label, version in model.version_labels.items():
            is_new = current.get(model.name, {}).get(label, version) == version
            if version not in available.get(model.name, set()) and not (allow_unavailable and is_new):
                text = (
                    f"Request to assign label to version {version} of model {model.name}, "
                    "which is not currently available for inference"
                )
                raise StatusError("FAILED_PRECONDITION", text)
            labels.setdefault(model.name, {})[label] = version
    return labels
