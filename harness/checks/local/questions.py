"""Questions: requests as they are put to a SavedModel without a server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.rounding import nudged
from harness.clients.examples import serialized_example
from harness.savedmodel import LocalCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.checks.request import Request
    from harness.savedmodel import LocalAnswer

    Outputs = Mapping[str, np.ndarray]

__all__ = ["Answered", "Question", "local_call", "questions_of"]

_EXAMPLES_INPUT = "inputs"  # the only name under which a server feeds tf.Examples (behaviour item 65)
_RUNS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """A request, and the calls that ask the same without a server.

    Attributes:
        name: of its own among all of a check's.
        request: what the server is asked.
        calls: the same, twice; then, if it holds floats, the same with each of them one rounding away.
    """

    name: str
    request: Request
    calls: tuple[LocalCall, ...]

    def answered(self, answers: tuple[LocalAnswer, ...]) -> Answered:
        """Return what the calls brought, in the form in which ``ask`` returns a server's answer."""
        first, *more = answers
        runs = [_as_asked(self.request, run) for run in first.runs]
        moved = [_as_asked(self.request, run) for answer in more for run in answer.runs]
        return Answered(runs=tuple(runs), nudged=moved[0] if moved else None, error=first.error, loader=first.loader)


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """What a question brought without a server.

    Attributes:
        runs: of each run, array by output name; empty if a run failed.
        nudged: what the nudged question brought, None if there is none, or no answer to it.
        error: why a run failed, empty if none did.
        loader: what loaded the model.
    """

    runs: tuple[Outputs, ...]
    nudged: Outputs | None
    error: str
    loader: str


def questions_of(requests: Iterable[Request]) -> list[Question]:
    """Return each request as a question, named by its signature, its source, and a number if need be.

    Raises:
        TensorError: a feature that a tf.Example cannot hold.
    """
    named = [(f"{request.signature_name}, {request.name or request.source}", request) for request in requests]
    counts, seen = Counter(name for name, _ in named), Counter[str]()
    questions = []
    for name, request in named:
        seen[name] += 1
        own_name = f"{name} #{seen[name]}" if counts[name] > 1 else name
        questions.append(Question(name=own_name, request=request, calls=_calls(request)))
    return questions


def _calls(request: Request) -> tuple[LocalCall, ...]:
    moved = nudged(request)
    return (local_call(request, runs=_RUNS), *([] if moved is None else [local_call(moved)]))


def local_call(request: Request, *, runs: int = 1) -> LocalCall:
    """Return a request as a call of its signature: tf.Examples, which a server serialises, as they reach the graph.

    A context's features are those of every example that has none of that name (behaviour item 64).

    Raises:
        TensorError: a feature that a tf.Example cannot hold.
    """
    if request.method == "predict":
        return LocalCall(signature_name=request.signature_name, inputs=request.inputs, runs=runs)
    context = request.context or {}
    serialized = np.empty(len(request.examples), dtype=object)
    serialized[:] = [serialized_example({**context, **example}) for example in request.examples]
    return LocalCall(signature_name=request.signature_name, inputs={_EXAMPLES_INPUT: serialized}, runs=runs)


def _as_asked(request: Request, outputs: Outputs) -> dict[str, np.ndarray]:
    """Return what the graph gives in the form of an answer: Regress flattens [N, 1] (behaviour item 71)."""
    if request.method == "regress":
        return {name: array.reshape(-1) for name, array in outputs.items()}
    return dict(outputs)
