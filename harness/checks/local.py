"""Local: the served model answers what the SavedModel answers without a server."""

from __future__ import annotations

import time
from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checks.compare import compare
from harness.checks.parity import rest_obstacle
from harness.checks.reproduce import local_line, request_line
from harness.checks.request import ask
from harness.checks.tensor_pictures import difference_pictures
from harness.clients.examples import serialized_example
from harness.errors import CallError, SavedModelError, TensorError
from harness.savedmodel import LocalCall, run_locally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.savedmodel import LocalAnswer

__all__ = ["check", "compare_with_local", "local_call"]

_SUBJECT = "served = local"
_EXAMPLES_INPUT = "inputs"  # the only name under which a server feeds tf.Examples (behaviour item 65)


def check(subject: Subject) -> list[Finding]:
    """Ask the server and ``tf.saved_model`` the same, and compare the answers within the usual tolerances."""
    if subject.version_dir is None:
        return [subject.left_out("local", _SUBJECT, "the model's files are not at hand")]
    findings, asked = [], []
    for name, request in _named(subject.requests):
        obstacle = _obstacle(subject, request)
        if obstacle:
            findings.append(subject.left_out("local", name, obstacle))
        else:
            asked.append((name, request, local_call(request)))
    if not asked:
        return findings or [subject.left_out("local", _SUBJECT, "no request is known that could be asked")]
    try:
        answers = run_locally(subject.version_dir, [call for _, _, call in asked], tags=subject.tags)
    except SavedModelError as exc:
        return [*findings, subject.left_out("local", _SUBJECT, str(exc), severity="warning")]
    for (name, request, _), answer in zip(asked, answers, strict=True):
        findings.append(compare_with_local(subject, name, request, answer))
    return findings


def _named(requests: Iterable[Request]) -> list[tuple[str, Request]]:
    """Return each request with a name of its own: the signature, where the values come from, a number if need be."""
    names = [f"{request.signature_name}, {request.name or request.source}" for request in requests]
    counts, seen = Counter(names), Counter[str]()
    named = []
    for name, request in zip(names, requests, strict=True):
        seen[name] += 1
        named.append((f"{name} #{seen[name]}" if counts[name] > 1 else name, request))
    return named


def _obstacle(subject: Subject, request: Request) -> str:
    signature = subject.signatures.get(request.signature_name)
    return rest_obstacle(signature) if subject.clients[0].api == "rest" and signature is not None else ""


def local_call(request: Request) -> LocalCall:
    """Return a request as a call of its signature: tf.Examples, which a server serialises, as they reach the graph.

    A context's features are those of every example that has none of that name (behaviour item 64).

    Raises:
        TensorError: a feature that a tf.Example cannot hold.
    """
    if request.method == "predict":
        return LocalCall(signature_name=request.signature_name, inputs=request.inputs)
    context = request.context or {}
    serialized = np.empty(len(request.examples), dtype=object)
    serialized[:] = [serialized_example({**context, **example}) for example in request.examples]
    return LocalCall(signature_name=request.signature_name, inputs={_EXAMPLES_INPUT: serialized})


def compare_with_local(subject: Subject, name: str, request: Request, local: LocalAnswer) -> Finding:
    """Ask the server and compare.

    Args:
        subject: whose first client is asked.
        name: what the finding calls the request.
        request: what to ask.
        local: what the same brought without a server.
    """
    began = time.perf_counter_ns()
    try:
        served = ask(subject.clients[0], request)
    except TensorError as exc:
        return subject.left_out("local", name, str(exc))
    except CallError as exc:
        if local.error:
            return subject.finding("local", name, good=f"both refuse it; without a server: {local.error}")
        return _failed(subject, name, request, f"no answer, though there is one without a server: {exc}")
    if local.error:
        why = f"the server answers, but here tf.saved_model does not: {local.error}"
        return subject.left_out("local", name, why, severity="warning")
    return _compared(subject, name, request, served, local, began)


def _compared(
    subject: Subject,
    name: str,
    request: Request,
    served: Mapping[str, np.ndarray],
    local: LocalAnswer,
    began_ns: int,
) -> Finding:
    expected, again = (_as_answered(request, run) for run in local.runs)
    unsteady = {one.name: str(one) for one in compare(again, expected, equal_nan=True)}
    shown = {key: served[key] for key in served if request.method == "predict" or key in expected}
    skipped = unsteady.keys() & shown.keys()
    seen, wanted = ({key: arrays[key] for key in arrays if key not in skipped} for arrays in (shown, expected))
    mismatches = compare(seen, wanted, equal_nan=True)
    if mismatches:
        text = "; ".join(str(mismatch) for mismatch in mismatches)
        pictures = difference_pictures(mismatches, seen, wanted, model=subject.model)
        return _failed(subject, name, request, text, pictures=pictures, duration_ns=time.perf_counter_ns() - began_ns)
    if unsteady:
        text = f"not deterministic: without a server, too, {', '.join(unsteady)} differ from run to run, e.g. "
        text += next(iter(unsteady.values())) + (f"; the same outputs: {', '.join(sorted(wanted))}" if wanted else "")
        return subject.finding("local", name, problem=text, severity="warning", tried=_tried(subject))
    return subject.finding(
        "local", name, good="the same outputs", tried=_tried(subject), duration_ns=time.perf_counter_ns() - began_ns
    )


def _as_answered(request: Request, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the graph gives in the form in which ``ask`` returns it: Regress flattens [N, 1] (item 71)."""
    if request.method == "regress":
        return {key: array.reshape(-1) for key, array in outputs.items()}
    return dict(outputs)


def _tried(subject: Subject) -> str:
    return f"the same inputs through the server and through tf.saved_model.load({str(subject.version_dir)!r})"


def _failed(subject: Subject, name: str, request: Request, text: str, **parts: Any) -> Finding:
    here, there = metadata.version("tensorflow"), subject.provenance.get("tensorflow")
    other = (
        f"the server runs on TensorFlow {there}, this was computed with {here}: " if there not in {None, here} else ""
    )
    return subject.finding(
        "local",
        name,
        problem=other + text,
        tried=_tried(subject),
        expected="the same outputs, floats within the tolerance of their dtype",
        reproduce=_reproduce(subject, request),
        **parts,
    )


def _reproduce(subject: Subject, request: Request) -> tuple[str, ...]:
    call = local_call(request)
    here = local_line(str(subject.version_dir), subject.tags, call.inputs, signature_name=call.signature_name)
    return request_line(subject.clients[0], request), here
