"""ServerCore: look-up, status, reload and waiting, with servables that are loaded in no time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from harness.protos import model_pb2, model_server_config_pb2
from harness.standin.core import CoreOptions, ServerCore
from harness.standin.manager import LoadOptions
from harness.standin.servable import Servable
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PATIENCE_S = 10.0


class _Session:
    """A session that only remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def load(name: str, version: int, path: str) -> Servable:
    """Load anything at once, but version 13."""
    if version == 13:
        raise StatusError("DATA_LOSS", "broken")
    session: Any = _Session()
    return Servable(name=name, version=version, path=path, meta_graph=None, session=session)


def config(**base_paths: object) -> Any:
    """A model list: name to base path."""
    message = model_server_config_pb2.ModelServerConfig()
    message.model_config_list.SetInParent()
    for name, path in base_paths.items():
        message.model_config_list.config.add(name=name, base_path=str(path), model_platform="tensorflow")
    return message


@contextmanager
def core(**options: Any) -> Iterator[ServerCore]:
    """A ServerCore that polls often and does not retry."""
    defaults = {"poll_interval_s": 0.02, "load": LoadOptions(max_retries=0)}
    server_core = ServerCore(load, CoreOptions(**{**defaults, **options}))
    try:
        yield server_core
    finally:
        server_core.stop()


def spec(name: str = "m", **fields: Any) -> Any:
    """A ModelSpec."""
    message = model_pb2.ModelSpec(name=name)
    if "version" in fields:
        message.version.value = fields["version"]
    if "label" in fields:
        message.version_label = fields["label"]
    return message


def versions(path: Path, *numbers: int) -> Path:
    """A base path with these version folders."""
    for number in numbers:
        (path / str(number)).mkdir(parents=True)
    return path


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        threading.Event().wait(0.01)


def test_the_latest_version_is_found(tmp_path: Path) -> None:
    """Without a version the highest ready one is used (behaviour item 40)."""
    with core() as server_core:
        server_core.reload(config(m=versions(tmp_path, 1, 12)))
        with server_core.servable(spec()) as servable:
            assert servable.version == 12


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        (spec(""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (spec("n"), "NOT_FOUND", "Servable not found for request: Latest(n)"),
        (spec(version=7), "NOT_FOUND", "Servable not found for request: Specific(m, 7)"),
        (spec(label="x"), "INVALID_ARGUMENT", "Unrecognized servable version label: x"),
        (spec("n", label="x"), "INVALID_ARGUMENT", "Unrecognized servable version label: x"),
    ],
)
def test_what_is_not_found(tmp_path: Path, asked: Any, code: str, text: str) -> None:
    """Each failed look-up has its own code and text (behaviour items 36 to 39)."""
    with core() as server_core:
        server_core.reload(config(m=versions(tmp_path, 1)))
        with pytest.raises(StatusError) as caught, server_core.servable(asked):
            pass
        assert (caught.value.code, caught.value.message) == (code, text)


def test_status_shows_the_highest_first_and_what_failed(tmp_path: Path) -> None:
    """All versions ever seen are there, with the error of a failed one (behaviour items 78 and 80)."""
    with core() as server_core:
        server_core.reload(config(m=versions(tmp_path, 2)))
        (tmp_path / "13").mkdir()
        eventually(lambda: len(server_core.model_status("m", None)) == 2)
        eventually(lambda: server_core.model_status("m", 13)[0][1] == "END")
        assert server_core.model_status("m", None) == [
            (13, "END", "DATA_LOSS", "broken"),
            (2, "AVAILABLE", "OK", ""),
        ]


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("n", None, "Could not find any versions of model n"),
        ("n", 1, "Could not find version 1 of model n"),
        ("m", 7, "Could not find version 7 of model m"),
    ],
)
def test_status_of_what_was_never_there(tmp_path: Path, name: str, version: int | None, text: str) -> None:
    """Unknown models and versions are NOT_FOUND (behaviour item 77)."""
    with core() as server_core:
        server_core.reload(config(m=versions(tmp_path, 1)))
        with pytest.raises(StatusError) as caught:
            server_core.model_status(name, version)
        assert (caught.value.code, caught.value.message) == ("NOT_FOUND", text)


def test_a_start_with_a_broken_model_fails(tmp_path: Path) -> None:
    """The first list fails with ``servable(s)``, a later one with ``model(s)`` (behaviour items 18 and 100)."""
    broken = "did not become available: {{{name: n version: 13} due to error: DATA_LOSS: broken}, }"
    good, bad = versions(tmp_path / "m", 1), versions(tmp_path / "n", 13)
    with core() as server_core:
        with pytest.raises(StatusError) as caught:
            server_core.reload(config(m=good, n=bad))
        assert caught.value.message == f"1 servable(s) {broken}"
    with core() as server_core:
        server_core.reload(config(m=good))
        with pytest.raises(StatusError) as caught:
            server_core.reload(config(m=good, n=bad))
        assert (caught.value.code, caught.value.message) == ("UNKNOWN", f"1 model(s) {broken}")


def test_a_version_in_use_is_not_unloaded(tmp_path: Path) -> None:
    """An unload waits for the requests that use the version."""
    with core() as server_core:
        server_core.reload(config(m=versions(tmp_path, 1)))
        with server_core.servable(spec()) as servable:
            session: Any = servable.session
            server_core.reload(config())
            eventually(lambda: server_core.model_status("m", 1)[0][1] == "UNLOADING")
            assert not session.closed.wait(0.2)
        assert session.closed.wait(_PATIENCE_S)
        eventually(lambda: server_core.model_status("m", 1)[0][1] == "END")


def test_a_model_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    """Dropping a model and listing it again loads it anew, and the call returns when it is there."""
    path = versions(tmp_path, 1)
    with core() as server_core:
        server_core.reload(config(m=path))
        server_core.reload(config())
        eventually(lambda: server_core.model_status("m", 1)[0][1] == "END")
        server_core.reload(config(m=path))
        with server_core.servable(spec()) as servable:
            assert servable.version == 1


def test_labels_point_at_versions(tmp_path: Path) -> None:
    """A label stands for its version and goes with the next list (behaviour items 39, 41, 109)."""
    path = versions(tmp_path, 1)
    with core() as server_core:
        server_core.reload(config(m=path))
        labelled = config(m=path)
        labelled.model_config_list.config[0].version_labels["stable"] = 1
        server_core.reload(labelled)
        with server_core.servable(spec(label="stable")) as servable:
            assert servable.version == 1
        server_core.reload(config(m=path))
        with pytest.raises(StatusError), server_core.servable(spec(label="stable")):
            pass


def test_logging_is_refused(tmp_path: Path) -> None:
    """Request logging is not part of the open-source server."""
    asked = config(m=versions(tmp_path, 1))
    asked.model_config_list.config[0].logging_config.SetInParent()
    with core() as server_core, pytest.raises(StatusError, match="No request-logger-creator provided"):
        server_core.reload(asked)


def test_a_failed_load_is_tried_again(tmp_path: Path) -> None:
    """A load that fails once is repeated after the interval."""
    tries = []

    def load_at_second_try(name: str, version: int, path: str) -> Servable:
        tries.append(version)
        return load(name, 13 if len(tries) == 1 else version, path)

    options = CoreOptions(poll_interval_s=0.02, load=LoadOptions(max_retries=1, retry_interval_s=0.01))
    server_core = ServerCore(load_at_second_try, options)
    try:
        server_core.reload(config(m=versions(tmp_path, 1)))
        assert tries == [1, 1]
    finally:
        server_core.stop()


def test_a_list_is_only_replaced_by_a_list(tmp_path: Path) -> None:
    """Nothing and a custom configuration cannot follow a model list (behaviour item 105)."""
    nothing, custom = config(), config()
    nothing.ClearField("model_config_list")
    custom.custom_model_config.SetInParent()
    with core() as server_core:
        server_core.reload(nothing)
        with pytest.raises(StatusError, match="UNIMPLEMENTED: ModelServer does not yet support custom model config"):
            server_core.reload(custom)
        server_core.reload(config(m=versions(tmp_path, 1)))
        for other in (nothing, custom):
            with pytest.raises(StatusError, match="FAILED_PRECONDITION: Cannot transition to requested config"):
                server_core.reload(other)


def test_polling_once_sees_nothing_later(tmp_path: Path) -> None:
    """With an interval of 0 the file system is looked at once."""
    with core(poll_interval_s=0) as server_core:
        server_core.reload(config(m=versions(tmp_path, 1)))
        (tmp_path / "2").mkdir()
        threading.Event().wait(0.3)
        assert [entry[0] for entry in server_core.model_status("m", None)] == [1]
