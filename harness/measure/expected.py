"""Expected: what each request of a pool is to be answered: as it was recorded, or as the server answers it at rest."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness.checks.noise import Noise
from harness.checks.stability import judge
from harness.errors import CallError, TensorError
from harness.measure.answers import decode_answer
from harness.report.text import clip, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.checks.tolerance import Tolerance
    from harness.measure.pool import RequestPool

__all__ = ["Expectation", "Expected", "Sender", "expect"]

_LONGEST = 300


class Sender(Protocol):
    """What asks: either client."""

    def send(self, method: str, message: bytes, /) -> bytes:
        """Send bytes to a method of PredictionService, over REST to a path, and return the answer's."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Expectation:
    """What one request is to be answered.

    Attributes:
        outputs: array by output name; outputs that are left out are not looked at.
        tolerances: of float outputs, by dtype; a dtype that is missing has the usual one.
        is_recorded: whether it is the recorded answer; else it is the server's own.
    """

    outputs: Mapping[str, np.ndarray]
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    is_recorded: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """What the requests of a pool are to be answered.

    Attributes:
        of: by the number of the request; those that are missing are not compared.
        notes: which are missing and why, and what is not looked at.
    """

    of: Mapping[int, Expectation]
    notes: tuple[str, ...] = ()


def expect(
    pool: RequestPool,
    client: Sender,
    *,
    use_recorded: bool = True,
    limit_s: float = 30.0,
    most: int = 1_000,
) -> Expected:
    """Return what the requests of a pool are to be answered; call it before the load.

    Requests without a recorded answer are asked one after the other, as they will be sent; the first of each signature
    twice, since what a model draws anew each time cannot be compared.

    Args:
        pool: the requests.
        client: of the pool's API.
        use_recorded: False to ask all requests, e.g. since another version gave the recorded answers.
        limit_s: begin no further request after so many seconds.
        most: ask no more requests than that.
    """
    found: dict[int, Expectation] = {}
    to_ask = []
    for number, one in enumerate(pool.recorded):
        if one.answer is None or not use_recorded:
            to_ask.append(number)
        else:
            found[number] = Expectation(outputs=one.answer, tolerances=one.tolerances, is_recorded=True)
    asking = _Asking(pool, client)
    until_s = time.monotonic() + limit_s
    for place, number in enumerate(to_ask):
        if place == most or time.monotonic() > until_s:
            left = plural(len(to_ask) - place, "request")
            asking.notes.append(f"{left} were not asked before the load: their answers are not compared")
            break
        outputs = asking.outputs(number)
        if outputs:
            found[number] = Expectation(outputs=outputs)
    return Expected(of=found, notes=(*asking.notes, *asking.failed))


class _Asking:
    """Asks a pool's requests, and learns which outputs are random."""

    def __init__(self, pool: RequestPool, client: Sender) -> None:
        self._pool, self._client = pool, client
        self._random: dict[str, frozenset[str]] = {}
        self._failures: Counter[str] = Counter()
        self.notes: list[str] = []

    @property
    def failed(self) -> list[str]:
        """What brought no answer."""
        return [
            f"{plural(n, 'request')} brought no answer before the load: {why}"
            for why, n in self._failures.most_common()
        ]

    def outputs(self, number: int) -> dict[str, np.ndarray]:
        """Return what a request brings, without random outputs; nothing if it brings none."""
        name = self._pool.requests[number].signature_name
        try:
            answer = self._ask(number)
            if name not in self._random:
                self._learn(name, answer, self._ask(number))
        except (CallError, TensorError) as exc:
            self._failures[clip(one_line(str(exc)), _LONGEST)] += 1
            return {}
        return {output: array for output, array in answer.items() if output not in self._random[name]}

    def _learn(self, name: str, first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> None:
        random = judge([first, second], self._pool.noise.get(name, Noise())).random
        self._random[name] = frozenset(random)
        self.notes += [
            f"{output} is not compared: two answers to one request differ, {random[output]}" for output in random
        ]

    def _ask(self, number: int) -> dict[str, np.ndarray]:
        sent, request = self._pool.encoded[number], self._pool.requests[number]
        method = sent.method.rpartition("/")[2] if self._pool.api == "grpc" else sent.method
        body = self._client.send(method, sent.body)
        signature = self._pool.signatures[request.signature_name]
        return decode_answer(body, api=self._pool.api, method=request.method, signature=signature)
