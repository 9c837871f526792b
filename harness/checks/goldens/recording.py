"""Recording: ask, and keep the answers as goldens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.checks.compare import compare
from harness.checks.goldens.files import read_goldens, tensors_form, write_golden
from harness.checks.goldens.golden import Golden, nan_place, usual_tolerances
from harness.checks.goldens.plan import plan_recording
from harness.checks.request import ask
from harness.checks.rounding import nudged, widened
from harness.checks.tolerance import TOLERANCES, Tolerance
from harness.dtypes import dtype_of_array
from harness.errors import CallError, CheckError, TensorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.goldens.plan import Case
    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding

__all__ = ["record_golden", "update_goldens"]

_EXACT = Tolerance(rtol=0, atol=0)


def record_golden(
    client: GrpcClient | RestClient,
    name: str,
    request: Request,
    *,
    tolerances: Mapping[str, Tolerance] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Golden:
    """Return a case with the answer that the server gives now.

    Args:
        client: whom to ask.
        name: the case's name.
        request: what to ask.
        tolerances: by dtype; the usual ones for dtypes that are missing.
        provenance: where the answer comes from.

    Raises:
        CallError: the server gave no answer.
        CheckError: a name that is no file name, or the answer holds NaN.
    """
    return _golden(name, request, ask(client, request), tolerances or {}, provenance or {})


def _golden(
    name: str,
    request: Request,
    outputs: Mapping[str, np.ndarray],
    tolerances: Mapping[str, Tolerance],
    provenance: Mapping[str, str],
) -> Golden:
    usual = usual_tolerances(outputs)
    chosen = {dtype: tolerances.get(dtype, usual[dtype]) for dtype in usual}
    return Golden(name=name, request=request, outputs=outputs, tolerances=chosen, provenance=provenance)


def update_goldens(subject: Subject, directory: Path) -> list[Finding]:
    """Record a case for every known request, over gRPC if there is one, and say what was written and what removed.

    Cases are known by what they ask: one that is recorded already keeps its name and its tolerances, and its file if
    the answer is the same to the last bit.

    Args:
        subject: whose answers.
        directory: where the files are.

    Raises:
        CheckError: a file cannot be read, written or removed.
        TensorError: a request that cannot be written.
    """
    plan = plan_recording(read_goldens(directory), subject.requests)
    findings = [_record(subject, case, directory) for case in plan.cases]
    for golden in plan.stale:
        _remove(directory / f"{golden.name}.json")
        good = f"removed: it came from {golden.provenance.get('source')}, where it is no more"
        findings.append(_told(subject, golden.name, good=good))
    findings += [_failed(subject, name, why) for name, why in plan.refused.items()]
    findings += [_told(subject, name, problem=f"not recorded: {why}") for name, why in subject.unexercised.items()]
    return findings


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as exc:
        raise CheckError(f"{path} is out of date and cannot be removed: {exc.strerror}") from exc


def _told(subject: Subject, name: str, *, good: str = "", problem: str = "") -> Finding:
    severity = "warning" if problem else "info"
    return subject.finding("goldens", name, good=good, problem=problem, severity=severity)


def _failed(subject: Subject, name: str, why: str) -> Finding:
    return subject.finding(
        "goldens", name, problem=f"not recorded: {why}", tried="record the answer", expected="an answer in a file"
    )


def _record(subject: Subject, case: Case, directory: Path) -> Finding:
    client = subject.clients[0]
    try:
        answer, again = ask(client, case.request), ask(client, case.request)
    except (CallError, TensorError) as exc:
        return _failed(subject, case.name, str(exc))
    unfit = _unfit(answer, again)
    kept = {name: array for name, array in answer.items() if name not in unfit}
    left_out = "; ".join(f"{name} {why}" for name, why in unfit.items())
    if answer and not kept:
        return _told(subject, case.name, problem=f"not recorded: {left_out}")
    left_out = f"; left out: {left_out}" if left_out else ""
    provenance = {**subject.provenance, "recorded_over": client.api, "source": case.request.source}
    tolerances = case.before.tolerances if case.before else _tolerances(client, case.request, kept)
    golden = _golden(case.name, case.request, kept, tolerances, provenance)
    if case.before is not None and tensors_form(case.before.outputs) == tensors_form(kept):
        return _told(subject, case.name, good=f"still as recorded, file unchanged{left_out}")
    path = write_golden(golden, directory)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return _told(subject, case.name, good=f"written to {shown}: {_news(golden, case.before)}{left_out}")


def _tolerances(
    client: GrpcClient | RestClient, request: Request, outputs: Mapping[str, np.ndarray]
) -> dict[str, Tolerance]:
    """Return the tolerance of each dtype: wider than usual where the model rounds worse than that allows."""
    question = nudged(request)
    try:
        again = {} if question is None else ask(client, question)
    except (CallError, TensorError):
        return {}
    found: dict[str, Tolerance] = {}
    for name, array in outputs.items():
        dtype = dtype_of_array(array).name
        if dtype in TOLERANCES and name in again and again[name].shape == array.shape:
            wider = widened(TOLERANCES, dtype, array, again[name])
            found[dtype] = max(found.get(dtype, wider), wider, key=lambda one: one.atol)
    return found


def _unfit(answer: Mapping[str, np.ndarray], again: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return why, by name, no later answer could be compared with an output."""
    unsteady = {mismatch.name for mismatch in compare(again, answer, equal_nan=True)}
    return {
        name: "holds NaN, which equals nothing" if nan_place(array) is not None else "differs from answer to answer"
        for name, array in sorted(answer.items())
        if nan_place(array) is not None or name in unsteady
    }


def _news(golden: Golden, before: Golden | None) -> str:
    """Return what is in the file now, or how the answer differs from the former one."""
    if before is None:
        shapes = [
            f"{name} {dtype_of_array(one).name} {list(one.shape)}" for name, one in sorted(golden.outputs.items())
        ]
        return ", ".join(shapes) or "no outputs"
    mismatches = compare(golden.outputs, before.outputs, tolerances=dict.fromkeys(TOLERANCES, _EXACT))
    differences = "; ".join(str(mismatch) for mismatch in mismatches)
    return f"other than before: {differences}" if differences else "the same numbers, written otherwise"
