"""Rows: the examples that are known of a signature, asked each alone, so that batches of them can be judged.

A batch is right if every row brings the answer that it brings alone. Whether a signature has batches at all is not
written anywhere: its inputs must share an open first dimension, and its outputs must have a row for each row asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.noise import Noise, largest_of, noise_of
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.checks.stability import judge
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.request import Request
    from harness.checks.subject import Subject
    from harness.clients.client import Client
    from harness.findings import Severity
    from harness.signatures import Signature

__all__ = ["Batched", "NotBatched", "ask_rows", "batch_obstacle", "content_of", "is_size_limit", "joined", "kind_of"]

_MOST_ROWS = 8
_REPEATED = 3  # where only one row is known
_LOST = "output {!r} loses its first dimension in a batch of one: {} instead of {} (tf.squeeze without an axis?)"
_PADDED = "its other sizes depend on the rows of a batch, as if padded to the longest"
_SIZE_LIMIT = "larger than maximum input batch size"  # behaviour item 179


@dataclass(frozen=True, kw_only=True)
class NotBatched:
    """Why no batches of a signature can be judged; an error if it should have some."""

    why: str
    severity: Severity = "info"


@dataclass(frozen=True, kw_only=True, eq=False)
class Batched:
    """A signature that answers a row for each row it is asked.

    Attributes:
        signature: the signature.
        pool: a request with the rows that are known, all different.
        rows: which of them ``together`` holds.
        alone: what each row of the pool brings when it is asked alone, by output, along the first dimension.
        together: what ``rows`` bring in one request.
        noise: how far equal answers may differ.
        rowless: outputs that have no rows.
        left_out: why some outputs are not compared, by name; the rowless are among them.
        took_s: how long ``together`` took, in seconds.
    """

    signature: Signature
    pool: Request
    rows: tuple[int, ...]
    alone: Mapping[str, np.ndarray]
    together: Mapping[str, np.ndarray]
    noise: Noise
    rowless: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    took_s: float = 0.0

    @cached_property
    def count(self) -> int:
        """How many rows are known."""
        return self.pool.rows or 0

    def cycled(self, count: int, *, start: int = 0) -> tuple[int, ...]:
        """Return so many rows, from ``start`` on and again from the first."""
        return tuple((start + offset) % self.count for offset in range(count))

    @cached_property
    def fault(self) -> str:
        """What is wrong with the rows together, empty if nothing is; no other batch can be right then either."""
        return self.mismatch(self.together, self.rows)

    @cached_property
    def _largest(self) -> dict[str, float]:
        of_inputs = max(map(largest_of, self.pool.inputs.values()), default=1.0)
        return {name: largest_of(array) or of_inputs for name, array in self.alone.items()}

    @property
    def is_telling(self) -> bool:
        """Whether some rows bring different answers, so that a mix-up would show."""
        return any(self.mismatch(self._answer([row]), [0]) for row in range(1, self.count))

    def mismatch(self, answer: Mapping[str, np.ndarray], rows: Sequence[int]) -> str:
        """Return how an answer to these rows of the pool differs from theirs, empty if it does not."""
        seen = {name: answer[name] for name in self.alone if name in answer}
        return "; ".join(map(str, self.noise.mismatches(seen, self._answer(rows), usual=self._largest)))

    def has_form(self, answer: Mapping[str, np.ndarray], rows: Sequence[int]) -> bool:
        """Whether an answer to these rows has all outputs in their shape, so that at most values are wrong."""
        return all(
            name in answer and answer[name].shape == (len(rows), *array.shape[1:]) for name, array in self.alone.items()
        )

    def mixed_up(self, answer: Mapping[str, np.ndarray], rows: Sequence[int]) -> str:
        """Return which rows hold the answer to another row of the pool, empty if that does not explain a mismatch."""
        found = []
        for place, row in enumerate(rows):
            seen = {name: array[place : place + 1] for name, array in answer.items() if name in self.alone}
            if self.mismatch(seen, [row]):
                owner = next((other for other in range(self.count) if not self.mismatch(seen, [other])), None)
                if owner is None:
                    return ""
                found.append(f"place {place} holds the answer to row {owner} instead of row {row}")
        return ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")

    def _answer(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        return {name: array[list(rows)] for name, array in self.alone.items()}


def ask_rows(subject: Subject, client: Client, signature: Signature) -> Batched | NotBatched:
    """Ask each known row of a signature alone, and all of them together.

    Raises:
        TensorError: inputs that this API cannot carry.
    """
    pool = _pool([one for one in subject.requests if one.signature_name == signature.name])
    why = _obstacle(client, signature, pool)
    if why or pool is None:
        return NotBatched(why=why)
    rows = tuple(range(pool.rows or 0)) if pool.rows != 1 else (0,) * _REPEATED
    noise = noise_of(subject, signature)
    try:
        alone = [ask(client, pool.take([row])) for row in range(pool.rows or 0)]
    except StatusError as exc:
        return _refused_alone(client, pool.take(rows), exc)
    except CallError as exc:
        return NotBatched(why=f"one row alone brings no answer: {exc}", severity="error")
    try:
        first = ask(client, pool.take(rows))
        began = time.perf_counter()
        again = ask(client, pool.take(rows))
    except CallError as exc:
        return NotBatched(
            why=f"one row alone is answered, but {len(rows)} together are not: {exc}",
            severity="info" if is_size_limit(exc) else "error",
        )
    found = Batched(
        signature=signature, pool=pool, rows=rows, alone={}, together=first, noise=noise,
        took_s=time.perf_counter() - began,
    )  # fmt: skip
    return _with_outputs(found, alone, again)


def is_size_limit(error: CallError) -> bool:
    """Whether a server that batches refused a request for its number of rows: that is its configuration."""
    return isinstance(error, StatusError) and _SIZE_LIMIT in error.server_message


def _pool(requests: Iterable[Request]) -> Request | None:
    """Return the rows of the requests that can be asked together, without repetitions: of the largest such group."""
    groups: dict[object, list[Request]] = {}
    for request in requests:
        if request.rows:
            groups.setdefault(kind_of(request), []).append(request)
    pools = [_unique(joined(group)) for group in groups.values()]
    return max(pools, key=lambda pool: pool.rows or 0, default=None)


def kind_of(request: Request) -> object:
    """Return what requests must have in common to be ``joined``; it can be hashed."""
    forms = {(name, array.dtype.str, array.shape[1:]) for name, array in request.inputs.items()}
    return request.method, frozenset(forms), repr(request.context)


def joined(requests: Sequence[Request]) -> Request:
    """Return the rows of requests of one kind, at least one, as one request."""
    return replace(
        requests[0],
        inputs={name: np.concatenate([one.inputs[name] for one in requests]) for name in requests[0].inputs},
        examples=tuple(example for one in requests for example in one.examples),
        source=", ".join(dict.fromkeys(one.source for one in requests)),
    )


def content_of(request: Request) -> object:
    """Return what a request holds, in a form that can be hashed: requests of one kind with the same are the same."""
    arrays = tuple(
        array.tobytes() if array.dtype != object else repr(array.tolist()) for array in request.inputs.values()
    )
    return arrays, repr(request.examples)


def _unique(request: Request) -> Request:
    firsts: dict[object, int] = {}
    for row in range(request.rows or 0):
        firsts.setdefault(content_of(request.take([row])), row)
    return request.take(list(firsts.values())[:_MOST_ROWS])


def _obstacle(client: Client, signature: Signature, pool: Request | None) -> str:
    """Return why a signature cannot be asked in batches of any size; empty if it can."""
    if client.api == "rest" and rest_obstacle(signature):
        return rest_obstacle(signature)
    why = batch_obstacle(signature)
    if why or pool is not None:
        return why
    return "its inputs share no first dimension, or hold no row: there is no batch"


def batch_obstacle(signature: Signature) -> str:
    """Return why a signature cannot be asked in batches of any size, as far as it tells; empty if it does not."""
    for spec in signature.inputs:
        if spec.shape is not None and spec.shape[:1] not in {(), (None,)}:
            return (
                f"its signature fixes the first dimension of {spec.name!r} at {spec.shape[0]}: there is no other batch"
            )
    return ""


def _refused_alone(client: Client, together: Request, alone: StatusError) -> NotBatched:
    """Return what a refused row means: a fault only if rows together are answered."""
    text = f"{alone.code}: {alone.server_message}"
    try:
        ask(client, together)
    except CallError:
        return NotBatched(why=f"rows of the known requests are refused ({text}): the first dimension seems no batch")
    return NotBatched(
        why=f"{together.rows} rows are answered, but one row alone is refused ({text}); if the first dimension is a"
        " batch, callers who send one example get this error",
        severity="warning",
    )


def _with_outputs(
    found: Batched, alone: Sequence[Mapping[str, np.ndarray]], again: Mapping[str, np.ndarray]
) -> Batched | NotBatched:
    """Return the signature with the outputs that have rows, or why there are none."""
    random = judge([found.together, again], found.noise).random
    rowless: list[str] = []
    left_out: dict[str, str] = {}
    for name, array in found.together.items():
        shapes = [one[name].shape for one in alone if name in one]
        if _loses_a_dimension(array.shape, shapes, len(found.rows)):
            why = _LOST.format(name, list(shapes[0]), [1, *array.shape[1:]])
            return NotBatched(why=why, severity="error")
        if array.shape[:1] != (len(found.rows),) or any(shape[:1] != (1,) for shape in shapes):
            rowless.append(name)
            left_out[name] = f"it has no row for each row: {list(array.shape)} for {len(found.rows)}"
        elif name in random:
            left_out[name] = f"two answers to the same request differ: {random[name]}"
        elif any(shape[1:] != array.shape[1:] for shape in shapes):
            left_out[name] = f"{_PADDED}: {list(shapes[0])} for one, {list(array.shape)} for {len(found.rows)}"
    kept = [name for name in found.together if name not in left_out]
    if not kept:
        return NotBatched(why="; ".join(f"output {name!r}: {why}" for name, why in left_out.items()) or "no outputs")
    stacked = {name: np.concatenate([one[name] for one in alone]) for name in kept}
    return replace(found, alone=stacked, rowless=tuple(rowless), left_out=left_out)


def _loses_a_dimension(together: tuple[int, ...], alone: Sequence[tuple[int, ...]], count: int) -> bool:
    return together[:1] == (count,) and any(len(shape) == len(together) - 1 for shape in alone)
