"""Which backend ``auto`` takes, and why the earlier ones could not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BackendUnavailableError

if TYPE_CHECKING:
    from harness.servers.spec import ServerSpec

__all__ = ["BackendChoice", "choose_backend", "find_binary"]

BINARY_NAME = "tensorflow_model_server"


@dataclass(frozen=True, kw_only=True)
class BackendChoice:
    """The backend that will run, and how it came to that.

    Attributes:
        name: ``container``, ``binary``, ``standin`` or ``external``.
        reason: why this one, in a few words.
        rejected: for each earlier choice of ``auto``, its name and why it cannot work here.
    """

    name: str
    reason: str
    rejected: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return one line for headers: the backend, the reason, and what could not run."""
        text = f"{self.name} ({self.reason})"
        return text + "".join(f"; not {name}: {why}" for name, why in self.rejected)


def find_binary(wanted: str | None) -> tuple[Path | None, str]:
    """Return the server's executable and, if there is none, why."""
    if wanted is not None:
        found = shutil.which(wanted)
        return (Path(found).absolute(), "") if found else (None, f"{wanted} is not an executable file")
    found = shutil.which(BINARY_NAME)
    return (Path(found).absolute(), "") if found else (None, f"no {BINARY_NAME} on PATH")


def choose_backend(spec: ServerSpec) -> BackendChoice:
    """Return the backend that will run this spec. Takes at most about 5 s, also without a network.

    Raises:
        BackendUnavailableError: the backend asked for by name cannot run here; it never falls back to another.
    """
    wanted, reason = spec.backend, "asked for"
    if wanted == "auto" and spec.container.given:
        wanted, reason = "container", f"asked for by {' and '.join(spec.container.given)}"
    if wanted != "auto":
        why_not = _why_not(wanted, spec)
        if why_not:
            raise BackendUnavailableError(
                f"backend {wanted!r} was {reason}, but it cannot run here: {why_not}\n  remedy: {_REMEDIES[wanted]}"
            )
        return BackendChoice(name=wanted, reason=reason)
    rejected: list[tuple[str, str]] = []
    for name in ("external", "container", "binary"):
        if name == "external" and spec.external is None:
            continue  # nobody named one, so nothing was rejected
        why_not = _why_not(name, spec)
        if not why_not:
            reason = "an endpoint was named" if name == "external" else "first that can run"
            return BackendChoice(name=name, reason=reason, rejected=tuple(rejected))
        rejected.append((name, why_not))
    return BackendChoice(name="standin", reason="runs everywhere", rejected=tuple(rejected))


_REMEDIES = {
    "container": "as it says, or serve without a container: --serving-backend=standin",
    "binary": f"install {BINARY_NAME} or name it with --serving-binary; or use --serving-backend=standin",
    "external": "name the running server with --serving-endpoint=HOST:PORT,http://HOST:PORT",
    "standin": "install the harness with its dependencies",
}


def _why_not(name: str, spec: ServerSpec) -> str:
    """Return why a backend cannot run this spec here; empty if it can."""
    if name == "external":
        return "" if spec.external is not None else "no endpoint was named"
    if name == "container":
        from harness.servers.container import why_no_container

        return why_no_container(spec)
    if name == "binary":
        return find_binary(spec.binary)[1]
    return ""
