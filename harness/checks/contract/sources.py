"""Sources: the places where a served model's signatures can be read, which must all say the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.reproduce import metadata_line
from harness.errors import CallError, SignatureError
from harness.signature_diff import diff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.signatures import Signature

__all__ = ["Source", "compare_sources", "names_of", "read_sources"]

_MOST_NAMES = 8
_DISK = "SavedModel on disk"
_API_NAMES = {"grpc": "gRPC metadata", "rest": "REST metadata"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place, and what it says.

    Attributes:
        name: how findings call it.
        signatures: by name, as read; those of TensorFlow's loader may be among them.
        reproduce: the line that shows them again.
        took_ns: how long reading them took.
    """

    name: str
    signatures: Mapping[str, Signature]
    reproduce: str
    took_ns: int = 0


def read_sources(subject: Subject) -> tuple[list[Source], list[Finding]]:
    """Return the sources that can be read, the files first, and a failed finding for each API that gives none."""
    sources: list[Source] = []
    faults: list[Finding] = []
    if subject.on_disk is not None:
        tags = ",".join(subject.tags)
        line = f"saved_model_cli show --all --tag_set {tags} --dir BASE_PATH/{_version(subject)}  # of {subject.model}"
        sources.append(Source(name=_DISK, signatures=subject.on_disk, reproduce=line))
    for client in subject.clients:
        name, line, began = _API_NAMES[client.api], metadata_line(client), time.perf_counter_ns()
        try:
            found = client.signatures()
        except (CallError, SignatureError) as exc:
            faults.append(
                subject.finding(
                    "contract",
                    name,
                    problem=f"it cannot be read: {exc}",
                    tried=f"ask for {name}",
                    expected="the model's signatures",
                    reproduce=(line,),
                )
            )
        else:
            took_ns = time.perf_counter_ns() - began
            sources.append(Source(name=name, signatures=found, reproduce=line, took_ns=took_ns))
    return sources, faults


def _version(subject: Subject) -> str:
    return "VERSION" if subject.version_dir is None else subject.version_dir.name


def names_of(signatures: Mapping[str, Signature]) -> str:
    """Return the names of what can be called, for people; of very many the first."""
    names = sorted(name for name, one in signatures.items() if not one.is_internal)
    more = [f"and {len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*names[:_MOST_NAMES], *more]) or "none"


def compare_sources(subject: Subject, sources: Sequence[Source]) -> list[Finding]:
    """Compare the sources pairwise: any difference at all fails.

    Returns:
        One finding if all are alike; one for each pair if some differ, as that tells which one stands alone; an
        ``info`` finding if there is no pair.
    """
    if len(sources) < 2:
        only = f"only {sources[0].name} can be read" if sources else "no signatures can be read"
        return [subject.left_out("contract", "signatures", only)]
    pairs = [(left, right) for index, left in enumerate(sources) for right in sources[index + 1 :]]
    if any(diff(left.signatures, right.signatures) for left, right in pairs):
        return [_pair_finding(subject, left, right) for left, right in pairs]
    return [
        subject.finding(
            "contract",
            " = ".join(source.name for source in sources),
            good=f"the same ({names_of(sources[0].signatures)})",
            duration_ns=sum(source.took_ns for source in sources),
        )
    ]


def _pair_finding(subject: Subject, left: Source, right: Source) -> Finding:
    changes = diff(left.signatures, right.signatures)
    differences = "; ".join(f"{change.subject}: {change.step}" for change in changes)
    return subject.finding(
        "contract",
        f"{left.name} = {right.name}",
        problem=f"{differences} - {_cause(left)}" if changes else "",
        good=f"the same ({names_of(right.signatures)})",
        tried=f"compare the signatures of {left.name} with those of {right.name}",
        expected="the same inputs and outputs, by name, dtype and shape",
        reproduce=(left.reproduce, right.reproduce),
        duration_ns=left.took_ns + right.took_ns,
    )


def _cause(left: Source) -> str:
    """Return what a difference can only come from."""
    if left.name == _DISK:
        return "the server loaded other files than these, or something before it alters its answers"
    return "the two addresses belong to two servers, or something before one of them alters its answers"
