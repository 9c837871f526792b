"""ServerCore: the models a server has, and the one place where requests look them up.

It keeps the stored model list, the labels and the poll of the file system; versions.py decides what is loaded,
manager.py does it. Both edges, gRPC and REST, find their servables here (behaviour items 36 to 41, 77 to 79).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.standin import log
from harness.standin.manager import LoadOptions, VersionManager
from harness.standin.model_config import check_before_storing, check_kind, check_platforms, resolve_labels
from harness.standin.monitoring import Metrics
from harness.standin.source import poll
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.standin.servable import Servable

__all__ = ["CoreOptions", "ServerCore"]

_SOURCE = "core.py"


@dataclass(frozen=True, kw_only=True)
class CoreOptions:
    """What the command line says about models.

    Attributes:
        poll_interval_s: seconds between two looks at the file system; 0 for one look, negative for none.
        allow_labels_for_unavailable: whether a new label may name a version that is not served yet.
        check_method_names: whether a signature's method name must suit the call (item 57).
        tensor_content: whether outputs go into ``tensor_content`` instead of the typed fields (item 60).
        load: how versions are loaded.
    """

    poll_interval_s: float = 1.0
    allow_labels_for_unavailable: bool = False
    check_method_names: bool = False
    tensor_content: bool = False
    load: LoadOptions = field(default_factory=LoadOptions)


class ServerCore:
    """The models of one server."""

    def __init__(
        self, load: Callable[[str, int, str], Servable], options: CoreOptions, metrics: Metrics | None = None
    ) -> None:
        """Use ``load(model, version, path)`` to load a version; it raises StatusError when it cannot."""
        self.options = options
        self.metrics = metrics or Metrics()
        self._manager = VersionManager(load, options.load)
        self._config_lock = threading.Lock()
        self._config: Any = None
        self._labels: dict[str, dict[str, int]] = {}
        self._watched: dict[str, Any] = {}
        self._watch_lock = threading.Lock()
        self._stopping = threading.Event()
        self._poller: threading.Thread | None = None
        self._manager.start()

    def stop(self) -> None:
        """Begin nothing more: no poll, no load."""
        self._stopping.set()
        self._manager.stop()

    @contextmanager
    def servable(self, spec: Any) -> Iterator[Servable]:
        """Find the version a ModelSpec asks for, and keep it loaded while it is used.

        Raises:
            StatusError: the name is empty, the label is unknown, or no such version is ready.
        """
        version = self._version(spec)
        servable = self._manager.pinned_version(spec.name, version)
        if servable is None:
            request = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise StatusError("NOT_FOUND", f"Servable not found for request: {request}")
        try:
            yield servable
        finally:
            servable.unpin()

    def _version(self, spec: Any) -> int | None:
        """The version number a ModelSpec asks for, None for the latest."""
        if not spec.name:
            raise StatusError("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return int(spec.version.value)
        if choice is None:
            return None
        try:
            return self._labels[spec.name][spec.version_label]
        except KeyError:
            text = f"Unrecognized servable version label: {spec.version_label}"
            raise StatusError("INVALID_ARGUMENT", text) from None

    def model_status(self, name: str, version: int | None) -> list[tuple[int, str, str, str]]:
        """Return (version, state, error code, error message) of a model's versions, the highest first.

        Raises:
            StatusError: NOT_FOUND, the server never had such a model or version.
        """
        history = self._manager.history(name)
        if version is not None and version not in history:
            raise StatusError("NOT_FOUND", f"Could not find version {version} of model {name}")
        if not history:
            raise StatusError("NOT_FOUND", f"Could not find any versions of model {name}")
        numbers = sorted(history, reverse=True) if version is None else [version]
        return [(n, history[n].state, *_code_and_text(history[n].error)) for n in numbers]

    def reload(self, config: Any) -> None:
        """Take a ModelServerConfig over in place of the stored one; waits for the models that are new.

        Raises:
            StatusError: the list is refused, or a new model did not become available.
        """
        with self._config_lock:
            kind = config.WhichOneof("config")
            check_kind(kind, is_first=self._config is None)
            if kind is None:
                log.info(_SOURCE, "Taking no action for empty config.")
                return
            models = list(config.model_config_list.config)
            old = None if self._config is None else self._config.model_config_list.config
            check_before_storing(old, models)
            first, self._config = self._config is None, config
            self._labels = self._resolve_labels(models)
            log.info(_SOURCE, "Adding/updating models.")
            check_platforms(models)
            self._serve(models, first=first)
            if any(model.HasField("logging_config") for model in models):
                raise StatusError("INVALID_ARGUMENT", "No request-logger-creator provided.")

    def _serve(self, models: list[Any], *, first: bool) -> None:
        """Have these models served from now on; returns when the new ones are available."""
        for model in models:
            log.info(_SOURCE, f" (Re-)adding model: {model.name}")
        mark = self._manager.position()
        new = self._watch({model.name: model for model in models})
        if first:
            self._start_polling()
        self._wait(new, mark, kind="servable(s)" if first else "model(s)")
        if first:
            self._manager.initial_load_done()

    def _resolve_labels(self, models: list[Any]) -> dict[str, dict[str, int]]:
        available = {
            model.name: {n for n, c in self._manager.history(model.name).items() if c.state == "AVAILABLE"}
            for model in models
        }
        return resolve_labels(
            models,
            available=available,
            current=self._labels,
            allow_unavailable=self.options.allow_labels_for_unavailable,
        )

    def _watch(self, models: dict[str, Any]) -> list[str]:
        """Poll these models from now on, drop the others, and return the names that are new."""
        with self._watch_lock:
            gone = self._watched.keys() - models.keys()
            new = models.keys() - self._watched.keys()
            self._manager.aspire({name: {} for name in gone})
            self._watched = models
        return sorted(new)

    def _wait(self, models: list[str], mark: int, *, kind: str) -> None:
        failures = self._manager.wait_available(models, since=mark)
        if failures:
            reasons = "".join(
                f"{{{{name: {change.model} version: {change.version}}} due to error: {change.error or 'OK'}}}, "
                for change in failures
            )
            raise StatusError("UNKNOWN", f"{len(failures)} {kind} did not become available: {{{reasons}}}")

    def _start_polling(self) -> None:
        if self.options.poll_interval_s >= 0:
            self._poller = threading.Thread(target=self._poll_for_ever, name="poll", daemon=True)
            self._poller.start()

    def _poll_for_ever(self) -> None:
        self._poll_once()
        while self.options.poll_interval_s and not self._stopping.wait(self.options.poll_interval_s):
            self._poll_once()

    def _poll_once(self) -> None:
        with self._watch_lock:
            try:
                versions = poll(self._watched.values())
            except StatusError as error:
                text = f"FileSystemStoragePathSource encountered a filesystem access error: {error.message}"
                log.error(_SOURCE, text)
                return
            self._manager.aspire(versions)


def _code_and_text(error: StatusError | None) -> tuple[str, str]:
    return ("OK", "") if error is None else (error.code, error.message)
