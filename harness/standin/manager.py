"""The version manager: carries out what the state machine of versions.py decides.

One thread takes the actions one by one. The first loads after start-up run side by side; later ones run in this
very thread unless ``num_load_threads`` says otherwise, so a version that is tried again for minutes holds up every
other model, as in the genuine server. What is newly asked for is looked at after 100 ms, the genuine manager's
period; so a version that is loaded and at once not wanted any more can be seen for a moment.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.standin import log
from harness.standin.status import StatusError
from harness.standin.versions import Action, VersionStates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.standin.servable import Servable
    from harness.standin.versions import Change

__all__ = ["LoadOptions", "VersionManager"]

_SOURCE = "manager.py"
_TICK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """How versions are loaded.

    Attributes:
        max_retries: how often a failed load is tried again.
        retry_interval_s: seconds between two tries.
        initial_threads: loads side by side until :meth:`VersionManager.initial_load_done`.
        load_threads: loads side by side afterwards; 0 for the manager's own thread.
        unload_threads: unloads side by side; 0 for the manager's own thread.
    """

    max_retries: int = 5
    retry_interval_s: float = 60.0
    initial_threads: int = 4
    load_threads: int = 0
    unload_threads: int = 0


class VersionManager:
    """Loads and unloads versions, and knows which are ready."""

    def __init__(self, load: Callable[[str, int, str], Servable], options: LoadOptions) -> None:
        """Use ``load(model, version, path)`` to load a version; it raises StatusError when it cannot."""
        self._load = load
        self._options = options
        self._states = VersionStates()
        self._changed = threading.Condition(threading.RLock())
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._initial = True
        self._ready: dict[str, dict[int, Servable]] = {}
        self._log: list[Change] = []
        self._loaders: ThreadPoolExecutor | None = ThreadPoolExecutor(options.initial_threads, "load")
        self._unloaders = ThreadPoolExecutor(options.unload_threads, "unload") if options.unload_threads else None
        self._thread = threading.Thread(target=self._work, name="manager", daemon=True)

    def start(self) -> None:
        """Begin to act."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; what is being loaded is not waited for."""
        self._stopping.set()
        self._wake.set()

    def initial_load_done(self) -> None:
        """From now on load with the number of threads meant for later."""
        self._initial = False
        loaders, threads = self._loaders, self._options.load_threads
        self._loaders = ThreadPoolExecutor(threads, "load") if threads else None
        if loaders is not None:
            loaders.shutdown(wait=False)

    def aspire(self, models: Mapping[str, Mapping[int, str]]) -> None:
        """Ask for exactly these versions of each model named (number to folder)."""
        with self._changed:
            for model, versions in models.items():
                self._states.aspire(model, versions)
        self._wake.set()

    def ready_version(self, model: str, version: int | None) -> Servable | None:
        """Return the servable of that version (None for the highest) if it is ready, else None."""
        versions = self._ready.get(model)
        if not versions:
            return None
        return versions.get(max(versions) if version is None else version)

    def pinned_version(self, model: str, version: int | None) -> Servable | None:
        """Like :meth:`ready_version`, but pinned: call its ``unpin`` after use."""
        with self._changed:
            servable = self.ready_version(model, version)
            if servable is not None:
                servable.pin()
            return servable

    def history(self, model: str) -> dict[int, Change]:
        """Every version of a model ever seen, with its last state."""
        with self._changed:
            return dict(self._states.history.get(model, {}))

    def position(self) -> int:
        """A mark in the run of changes, for :meth:`wait_available`."""
        with self._changed:
            return len(self._log)

    def wait_available(self, models: Iterable[str], *, since: int) -> list[Change]:
        """Wait, without limit, until each model has a version that became available or ended after a mark.

        Returns:
            for each model whose version of highest number so reached ended, that change; empty if all is well.
        """
        names = sorted(set(models))
        with self._changed:
            while True:
                reached = [self._reached(name, since) for name in names]
                if all(reached):
                    return [change for change in reached if change is not None and change.state == "END"]
                self._changed.wait()

    def _reached(self, model: str, since: int) -> Change | None:
        last = {change.version: change for change in self._log[since:] if change.model == model}
        done = [number for number, change in last.items() if change.state in {"AVAILABLE", "END"}]
        return last[max(done)] if done else None

    def _work(self) -> None:
        action = self._next()
        while not self._stopping.is_set():
            if action is not None:
                action = self._dispatch(action)
                continue
            self._wake.wait()
            self._wake.clear()
            if not self._initial:
                self._stopping.wait(_TICK_S)
            action = self._next()

    def _next(self, report: Callable[[], None] | None = None) -> Action | None:
        """Report the end of an action, if any, and take the next one before anybody else can ask for something."""
        with self._changed:
            if report is not None:
                report()
            action = self._states.step()
            changes = list(self._states.changes())
            if changes:
                self._log += changes
                self._changed.notify_all()
            return action

    def _dispatch(self, action: Action) -> Action | None:
        """Carry an action out here, or hand it to a pool; returns the next one."""
        pool = self._loaders if action.kind == "load" else self._unloaders
        work = self._carry_out_load if action.kind == "load" else self._carry_out_unload
        if pool is None:
            return self._next(work(action))
        pool.submit(self._carry_out_aside, work, action)
        return self._next()

    def _carry_out_aside(self, work: Callable[[Action], Callable[[], None]], action: Action) -> None:
        report = work(action)
        with self._changed:
            report()
        self._wake.set()

    def _carry_out_load(self, action: Action) -> Callable[[], None]:
        """Load a version; returns what is to be reported with the lock held."""
        label = f"{{name: {action.model} version: {action.version}}}"
        log.info(_SOURCE, f"Successfully reserved resources to load servable {label}")
        log.info(_SOURCE, f"Approving load for servable version {label}")
        log.info(_SOURCE, f"Loading servable version {label}")
        try:
            servable = self._load_with_retries(action, label)
        except StatusError as error:
            log.error(_SOURCE, f"Servable {label} cannot be loaded: {error}")
            failure = error
            return lambda: self._states.failed(action, failure)
        log.info(_SOURCE, f"Successfully loaded servable version {label}")
        return lambda: self._put_ready(action, servable)

    def _put_ready(self, action: Action, servable: Servable) -> None:
        self._ready = self._with(action, servable)
        self._states.loaded(action)

    def _load_with_retries(self, action: Action, label: str) -> Servable:
        retries = 0
        while True:
            try:
                return self._load(action.model, action.version, action.path)
            except StatusError as error:
                log.error(_SOURCE, f"Loading servable: {label} failed: {error}")
                if retries >= self._options.max_retries:
                    if retries:
                        log.error(_SOURCE, f"Loading servable: {label} exhausted max_num_retries: {retries}")
                    raise
                self._stopping.wait(self._options.retry_interval_s)
                with self._changed:
                    wanted = self._states.is_wanted(action) and not self._stopping.is_set()
                if not wanted:
                    log.info(_SOURCE, f"Retrying of Loading servable: {label} was cancelled.")
                    raise
                retries += 1
                log.info(_SOURCE, f"Retrying of Loading servable: {label} retry: {retries}")

    def _carry_out_unload(self, action: Action) -> Callable[[], None]:
        """Unload a version; returns what is to be reported with the lock held."""
        label = f"{{name: {action.model} version: {action.version}}}"
        log.info(_SOURCE, f"Quiescing servable version {label}")
        with self._changed:
            servable = self._ready[action.model][action.version]
            self._ready = self._with(action, None)
        log.info(_SOURCE, f"Done quiescing servable version {label}")
        log.info(_SOURCE, f"Unloading servable version {label}")
        servable.unload()
        log.info(_SOURCE, f"Done unloading servable version {label}")
        return lambda: self._states.unloaded(action)

    def _with(self, action: Action, servable: Servable | None) -> dict[str, dict[int, Servable]]:
        """The map of ready versions with one put in or taken out; readers keep the old one."""
        versions = {n: s for n, s in self._ready.get(action.model, {}).items() if n != action.version}
        if servable is not None:
            versions[action.version] = servable
        return {**self._ready, action.model: versions}
