"""From a running server and what a user gave to the Subject of the checks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checks.gather import gather_requests
from harness.checks.provenance import provenance_of
from harness.checks.subject import CheckOptions, Subject
from harness.errors import UsageError
from harness.savedmodel import is_bare, preflight, preflight_bare
from harness.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.clients import GrpcClient, RestClient
    from harness.prediction import VersionStatus
    from harness.savedmodel import ModelLayout
    from harness.servers import Server

__all__ = ["open_subject", "served_files"]


def open_subject(
    server: Server,
    model: str,
    *,
    grpc: GrpcClient | None,
    rest: RestClient | None,
    tags: tuple[str, ...] = ("serve",),
    options: CheckOptions | None = None,
) -> Subject:
    """Return the subject for one of a server's models.

    Args:
        server: a ready server.
        model: one of its models.
        grpc: a client of it, None if the server has no gRPC.
        rest: a client of it, None if the server has no REST.
        tags: the tag set of the SavedModel.
        options: what the user gave.

    Raises:
        CallError: the server cannot be asked for its signatures.
        CheckError: the user's examples or goldens cannot be read.
        UsageError: neither API is there.
    """
    client = grpc or rest
    if client is None:
        raise UsageError(f"model {model!r} has neither a gRPC nor a REST address; there is nothing to ask")
    given = options or CheckOptions()
    signatures = {name: one for name, one in client.signatures().items() if not one.is_internal}
    statuses = client.model_status()
    layout, notes = served_files(server, model, tags, statuses)
    subject = Subject(
        model=model,
        signatures=signatures,
        grpc=grpc,
        rest=rest,
        on_disk=None if layout is None else layout.signatures,
        version_dir=None if layout is None else layout.path,
        tags=tags,
        options=given,
        stage=Stage.of(server, model),
        provenance=provenance_of(server, statuses),
    )
    found = gather_requests(signatures, client, options=given, version_dir=subject.version_dir, tags=tags)
    return replace(subject, requests=found.requests, unexercised=found.unexercised, notes=(*notes, *found.notes))


def served_files(
    server: Server, model: str, tags: tuple[str, ...], statuses: Iterable[VersionStatus]
) -> tuple[ModelLayout | None, list[str]]:
    """Return the files of the version that answers requests which name none, and what is odd about them.

    None if they are not at hand: beside an external server, if the user gave no path.
    """
    base_path = next((one.base_path for one in server.spec.models if one.name == model), "")
    if not base_path:
        return None, []
    if is_bare(base_path):  # given beside a server that runs already, which may call it any version
        layout = preflight_bare(base_path, tags=tags)
        return layout, _notes(layout)
    versions = {one.version: one for one in preflight(Path(base_path), tags=tags).versions}
    served = max((status.version for status in statuses if status.is_available), default=max(versions))
    if served in versions:
        return versions[served], _notes(versions[served])
    layout = versions[max(versions)]
    missing = (
        f"version {served} answers, but {base_path} has {_listed(versions)}: its files are those of {layout.version}"
    )
    return layout, [missing, *_notes(layout)]


def _notes(layout: ModelLayout) -> list[str]:
    return [f"the SavedModel on disk: {note}" for note in layout.notes]


def _listed(versions: Iterable[int]) -> str:
    return ", ".join(map(str, versions))
