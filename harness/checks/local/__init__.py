"""Local: the served model answers what the SavedModel answers without a server."""

from __future__ import annotations

import time
from importlib import metadata
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.checks.local.questions import local_call, questions_of
from harness.checks.local.verdict import judge
from harness.checks.parity import rest_obstacle
from harness.checks.provenance import onednn_environment
from harness.checks.reproduce import local_line, request_line
from harness.checks.request import ask
from harness.checks.tensor_pictures import difference_pictures
from harness.checks.tolerance import TOLERANCES
from harness.errors import CallError, SavedModelError, TensorError
from harness.savedmodel import run_locally

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.local.questions import Answered, Question
    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.checks.tolerance import Tolerance
    from harness.findings import Finding

__all__ = ["check"]

_SUBJECT = "served = local"
_OTHER_BUILD = 10  # times the usual tolerance, where the server's TensorFlow is not the one that is installed here


def check(subject: Subject) -> list[Finding]:
    """Ask the server and TensorFlow itself the same, and compare the answers within the usual tolerances."""
    if subject.version_dir is None:
        return [subject.left_out("local", _SUBJECT, "the model's files are not at hand")]
    findings, questions = [], []
    for question in questions_of(subject.requests):
        obstacle = _obstacle(subject, question.request)
        if obstacle:
            findings.append(subject.left_out("local", question.name, obstacle))
        else:
            questions.append(question)
    if not questions:
        return findings or [subject.left_out("local", _SUBJECT, "no request is known that could be asked")]
    try:
        answered = _answered(subject, questions)
    except SavedModelError as exc:
        return [*findings, subject.left_out("local", _SUBJECT, str(exc), severity="warning")]
    return findings + [_compared(subject, question, local) for question, local in zip(questions, answered, strict=True)]


def _obstacle(subject: Subject, request: Request) -> str:
    signature = subject.signatures.get(request.signature_name)
    return rest_obstacle(signature) if subject.clients[0].api == "rest" and signature is not None else ""


def _answered(subject: Subject, questions: list[Question]) -> list[Answered]:
    """Return what the questions bring without a server, all of them from one process."""
    assert subject.version_dir is not None  # noqa: S101 - the caller has looked
    calls = [call for question in questions for call in question.calls]
    environment = onednn_environment(subject.provenance)
    answers = iter(run_locally(subject.version_dir, calls, tags=subject.tags, environment=environment))
    return [question.answered(tuple(islice(answers, len(question.calls)))) for question in questions]


def _compared(subject: Subject, question: Question, local: Answered) -> Finding:
    began = time.perf_counter_ns()
    try:
        served = ask(subject.clients[0], question.request)
    except TensorError as exc:
        return subject.left_out("local", question.name, str(exc))
    except CallError as exc:
        if local.error:
            return subject.finding("local", question.name, good=f"both refuse it; without a server: {local.error}")
        return _failed(subject, question, local, f"no answer, though there is one without a server: {exc}")
    if local.error:
        why = f"the server answers, but TensorFlow here does not: {local.error}"
        return subject.left_out("local", question.name, why, severity="warning")
    return _judged(subject, question, local, served, began)


def _judged(
    subject: Subject, question: Question, local: Answered, served: Mapping[str, np.ndarray], began_ns: int
) -> Finding:
    expected, again = local.runs
    # A server fills in classes or scores that a model does not give (behaviour item 70).
    shown = {name: served[name] for name in served if question.request.method == "predict" or name in expected}
    verdict = judge(shown, expected, again=again, nudged=local.nudged, tolerances=_tolerances(subject))
    took_ns = time.perf_counter_ns() - began_ns
    if verdict.errors:
        pictures = difference_pictures(verdict.errors, shown, expected, model=subject.model)
        text = "; ".join(str(mismatch) for mismatch in verdict.errors)
        return _failed(subject, question, local, text, pictures=pictures, duration_ns=took_ns)
    tried = _tried(subject, local)
    if verdict.doubts:
        same = [f"the same: {', '.join(verdict.same)}"] if verdict.same else []
        text = "; ".join([*verdict.doubts, *same])
        return subject.finding("local", question.name, problem=text, severity="warning", tried=tried)
    good = "; ".join(["the same outputs", *verdict.notes])
    return subject.finding("local", question.name, good=good, tried=tried, duration_ns=took_ns)


def _is_other_build(subject: Subject) -> bool:
    """Whether the server's TensorFlow was built by others than the one here, for other instruction sets perhaps."""
    is_ours = subject.provenance.get("backend") == "standin"
    return not (is_ours and subject.provenance.get("tensorflow") == metadata.version("tensorflow"))


def _tolerances(subject: Subject) -> dict[str, Tolerance]:
    factor = _OTHER_BUILD if _is_other_build(subject) else 1
    return {name: tolerance.times(factor) for name, tolerance in TOLERANCES.items()}


def _tried(subject: Subject, local: Answered) -> str:
    return f"the same inputs through the server and through {local.loader}({_path(subject)!r})"


def _path(subject: Subject) -> str:
    """Return the version directory as a report may show it: where a base path lies is nobody's business."""
    return f"BASE_PATH/{'' if subject.version_dir is None else subject.version_dir.name}"


def _failed(subject: Subject, question: Question, local: Answered, text: str, **parts: Any) -> Finding:
    here, there = metadata.version("tensorflow"), subject.provenance.get("tensorflow")
    other = (
        f"the server runs on TensorFlow {there}, this was computed with {here}: " if there not in {None, here} else ""
    )
    call = local_call(question.request)
    here_line = local_line(local.loader, _path(subject), subject.tags, call.inputs, question.request.signature_name)
    return subject.finding(
        "local",
        question.name,
        problem=other + text,
        tried=_tried(subject, local),
        expected="the same outputs, floats within the tolerance of their dtype",
        reproduce=(request_line(subject.clients[0], question.request), here_line),
        **parts,
    )
