"""Agreement: what is served, held against the committed contract file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.contract.contract_file import HOW_TO_UPDATE, read_contract, write_contract
from harness.checks.contract.sources import names_of
from harness.errors import CheckError
from harness.signature_diff import diff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.checks.contract.sources import Source
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.signature_diff import Change
    from harness.signatures import Signature

__all__ = ["check_agreement", "update_agreement"]

_CHECK = "contract"


def check_agreement(subject: Subject, sources: Sequence[Source]) -> list[Finding]:
    """Compare every source with the contract file, as a caller would who knows only the file.

    Returns:
        One passed finding where nothing changed; an error for each breaking change; one warning for all compatible
        ones, with the way to accept them. Sources that say the same are judged once.
    """
    path = subject.options.contract
    if path is None or not path.exists():
        why = f"there is no contract file; write contracts/{subject.model}.json with {HOW_TO_UPDATE}, and commit it"
        return [subject.left_out(_CHECK, "agreed signatures", why)]
    try:
        agreed = read_contract(path)
    except CheckError as exc:
        return [_file_fault(subject, path, exc)]
    groups = _alike(sources)
    findings: list[Finding] = []
    for group in groups:
        where = "served" if len(groups) == 1 else ", ".join(source.name for source in group)
        findings += _judge(subject, f"{_label(path)} -> {where}", agreed, group)
    return findings


def _label(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _file_fault(subject: Subject, path: Path, exc: CheckError) -> Finding:
    return subject.finding(
        _CHECK,
        _label(path),
        problem=str(exc),
        tried=f"read the agreed signatures from {_label(path)}",
        expected="a contract file",
    )


def _alike(sources: Sequence[Source]) -> list[list[Source]]:
    """Return the sources in groups that say the same, in their own order."""
    groups: list[list[Source]] = []
    for source in sources:
        for group in groups:
            if not diff(group[0].signatures, source.signatures):
                group.append(source)
                break
        else:
            groups.append([source])
    return groups


def _judge(subject: Subject, title: str, agreed: Mapping[str, Signature], group: Sequence[Source]) -> list[Finding]:
    changes = diff(agreed, group[0].signatures)
    if not changes:
        return [subject.finding(_CHECK, title, good=f"as agreed ({names_of(agreed)})")]
    if agreed and not _have_anything_in_common(agreed, group[0].signatures):
        question = "nothing that was agreed is there; is it another model's contract?"
        return [_breach(subject, title, f"{question} {_steps(changes)}", group)]
    breaches = [
        _breach(subject, f"{title}: {change.subject}", f"{change.step} ({change.why})", group)
        for change in changes
        if change.breaking
    ]
    compatible = [change for change in changes if not change.breaking]
    return breaches + ([_novelty(subject, title, compatible)] if compatible else [])


def _novelty(subject: Subject, title: str, compatible: Sequence[Change]) -> Finding:
    return subject.finding(
        _CHECK,
        title,
        problem=f"{_steps(compatible)} - no caller breaks; accept it with {HOW_TO_UPDATE}, and commit the file",
        severity="warning",
        tried=_tried(title),
        expected="what was agreed",
    )


def _breach(subject: Subject, title: str, problem: str, group: Sequence[Source]) -> Finding:
    return subject.finding(
        _CHECK,
        title,
        problem=problem,
        tried=_tried(title),
        expected=f"what was agreed; if no caller relies on it any more, accept the change with {HOW_TO_UPDATE}",
        reproduce=tuple(source.reproduce for source in group),
    )


def _tried(title: str) -> str:
    return f"compare signatures, {title}"


def _steps(changes: Sequence[Change]) -> str:
    return "; ".join(f"{change.subject}: {change.step} ({change.why})" for change in changes)


def _have_anything_in_common(agreed: Mapping[str, Signature], served: Mapping[str, Signature]) -> bool:
    """Whether any agreed input or output is still there, by signature and name."""
    return not _tensors(agreed).isdisjoint(_tensors(served))


def _tensors(signatures: Mapping[str, Signature]) -> set[tuple[str, str, str]]:
    return {
        (name, side, spec.name)
        for name, signature in signatures.items()
        for side, specs in (("input", signature.inputs), ("output", signature.outputs))
        for spec in specs
    }


def update_agreement(subject: Subject, sources: Sequence[Source]) -> Finding:
    """Write what is served as the contract, and say what changed: a file to be reviewed and committed.

    Nothing is written where the sources differ, or over a file that is no contract of this format.
    """
    path = subject.options.contract
    if path is None:
        return subject.left_out(_CHECK, "agreed signatures", "no file to write them to was given", severity="warning")
    served = sources[-1].signatures if sources else {}
    if len(_alike(sources)) != 1:
        problem = "not written: the places where signatures can be read do not agree, or some cannot be read"
        return subject.finding(_CHECK, _label(path), problem=problem, expected="one and the same to write down")
    try:
        before = read_contract(path) if path.exists() else None
        changes = [] if before is None else diff(before, served)
        if before is not None and not changes:
            return subject.finding(_CHECK, _label(path), good=f"as agreed ({names_of(served)}); nothing to write")
        write_contract(served, path)
    except CheckError as exc:
        return _file_fault(subject, path, exc)
    what = "; ".join(map(str, changes)) or f"new, with {names_of(served)}"
    return subject.finding(
        _CHECK,
        _label(path),
        problem=f"written: {what} - review the file and commit it",  # a warning, as nobody looks at what passed
        severity="warning",
        tried=f"write the served signatures to {_label(path)}",
    )
