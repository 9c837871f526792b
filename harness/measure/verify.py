"""Verify: whether the answers that came under load are those that the requests had to bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.checks.compare import compare
from harness.checks.noise import Noise
from harness.checks.rest_form import written
from harness.checks.tolerance import TOLERANCES
from harness.errors import TensorError
from harness.measure.answers import decode_answer
from harness.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

    from harness.load import Answer
    from harness.measure.expected import Expectation, Expected
    from harness.measure.pool import RequestPool
    from harness.results import Throughput

__all__ = ["Verification", "verify"]

_MOST_SUSPECTS = 1_000  # whose answer a wrong one may be


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of comparing answers.

    Attributes:
        compared: how many answers were compared.
        wrong: how many of them were not as expected.
        text: the first wrong one: number of the request, output, difference, and whose answer it is if that is known;
            empty if none is wrong.
        notes: what was not compared and why, and what a comparison could not show.
    """

    compared: int
    wrong: int
    text: str = ""
    notes: tuple[str, ...] = ()

    def on(self, row: Throughput) -> Throughput:
        """Return the row of a run with these numbers; wrong answers are its first warning."""
        warnings = (self.text, *row.warnings) if self.text else row.warnings
        return replace(row, answers_compared=self.compared, answers_wrong=self.wrong, warnings=(*warnings, *self.notes))


def verify(answers: Iterable[Answer], pool: RequestPool, expected: Expected) -> Verification:
    """Compare answers with what was expected.

    A float may be off by the tolerance of its dtype, or by what the noise of the model's arithmetic explains: requests
    that a server puts together are computed in other sizes than one alone. NaN equals NaN.

    Args:
        answers: those that ``run_load`` kept, of this pool's requests.
        pool: the requests, as they were given to ``run_load``.
        expected: see ``expect``.
    """
    compared, wrong, skipped, text = 0, 0, 0, ""
    for answer in answers:
        want = expected.of.get(answer.request)
        if want is None:
            skipped += 1
            continue
        compared += 1
        fault = _fault(answer, pool, want)
        wrong += bool(fault)
        if fault and not text:
            text = f"the answer to request {answer.request} is wrong: {fault}{_owner(answer, pool, expected)}"
    if text:
        text = f"{wrong} of {plural(compared, 'answer')} compared {'is' if wrong == 1 else 'are'} wrong; {text}"
    notes = [*expected.notes]
    notes += [f"{plural(skipped, 'answer')} not compared: nothing is known to compare with"] if skipped else []
    notes += _blind(pool, expected) if compared else []
    return Verification(compared=compared, wrong=wrong, text=text, notes=tuple(notes))


def _fault(answer: Answer, pool: RequestPool, want: Expectation) -> str:
    """Return how an answer differs from what its request had to bring, empty if it does not."""
    request = pool.requests[answer.request]
    signature = pool.signatures[request.signature_name]
    try:
        seen = decode_answer(answer.body, api=pool.api, method=request.method, signature=signature)
    except TensorError as exc:
        return str(exc)
    return _difference(seen, want, pool, request.signature_name)


def _difference(seen: Mapping[str, np.ndarray], want: Expectation, pool: RequestPool, name: str) -> str:
    seen = {output: array for output, array in seen.items() if output in want.outputs}
    outputs = written(want.outputs, seen) if pool.api == "rest" else want.outputs
    tolerances = {**TOLERANCES, **want.tolerances}
    found = compare(seen, outputs, tolerances=tolerances, equal_nan=True)
    if not found:
        return ""
    beyond_noise = {one.name for one in pool.noise.get(name, Noise()).mismatches(seen, outputs)}
    return "; ".join(str(one) for one in found if one.name in beyond_noise)


def _owner(answer: Answer, pool: RequestPool, expected: Expected) -> str:
    """Return whose answer a wrong one is, if that of another request; of several that fit, the first."""
    for number in list(expected.of)[:_MOST_SUSPECTS]:
        same_form = pool.requests[number].signature_name == pool.requests[answer.request].signature_name
        if number != answer.request and same_form and not _fault(answer, pool, expected.of[number]):
            return f"; it is the answer to request {number}"
    return ""


def _blind(pool: RequestPool, expected: Expected) -> list[str]:
    """Return that a mix-up would not show, if all requests are to be answered alike."""
    numbers = list(expected.of)[:_MOST_SUSPECTS]
    if len(numbers) < 2:
        return []
    first, *others = numbers
    name = pool.requests[first].signature_name
    if all(
        pool.requests[number].signature_name == name
        and not _difference(expected.of[first].outputs, expected.of[number], pool, name)
        for number in others
    ):
        return ["all requests compared are to be answered alike: answers to the wrong request would not show"]
    return []
