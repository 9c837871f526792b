"""Sizes: rows together in one request, in another order, none of them, and many."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.batches.verdict import GOOD, problem_of, verdict
from harness.checks.message_sizes import answer_bytes, request_bytes
from harness.checks.request import ask
from harness.checks.rows import is_size_limit
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["check_sizes"]

_LARGE = (64, 256)
_MOST_MIB = 3.5  # larger messages are another check's business
_MOST_S = 3.0
_PATIENCE_S = 10.0


def check_sizes(subject: Subject, one: Batched) -> list[Finding]:
    """Ask the rows of a signature together, none of them, and many."""
    together = _together(subject, one)
    more = [] if one.fault else [_large(subject, one)]
    return [together, _of_no_rows(subject, one), *more]


def _together(subject: Subject, one: Batched) -> Finding:
    """Ask the rows in their order, and in another with some of them twice."""
    order = np.random.default_rng(subject.options.seed).permutation(one.count)[::-1].tolist()
    shuffled = [*order, *order[:2], order[0]]
    problem = problem_of(one, one.together, one.rows)
    if problem:
        return verdict(subject, one, "rows together", rows=one.rows, problem=problem, client=subject.clients[0])
    return _asked(subject, one, "rows together, in any order", [shuffled])


def _asked(subject: Subject, one: Batched, what: str, batches: Sequence[Sequence[int]], good: str = GOOD) -> Finding:
    """Ask batches one after the other until one is wrong."""
    client = subject.clients[0]
    began = time.perf_counter_ns()
    rows: Sequence[int] = ()
    problem = ""
    try:
        for rows in batches:
            problem = problem or problem_of(one, ask(client, one.pool.take(rows)), rows)
    except CallError as exc:
        if is_size_limit(exc):
            why = f"the server was told to take fewer rows in a request: {exc}"
            return subject.left_out("batches", f"{one.signature.name}: {what}", why)
        problem = f"{len(rows)} rows bring no answer: {exc}"
    took_ns = time.perf_counter_ns() - began
    return verdict(subject, one, what, rows=rows, problem=problem, client=client, good=good, duration_ns=took_ns)


def _large(subject: Subject, one: Batched) -> Finding:
    client = subject.clients[0]
    largest = max(request_bytes(client, one.pool), answer_bytes(client.api, one.alone))
    mib, took_s = largest / one.count / 2**20, one.took_s / len(one.rows)
    tried = [size for size in _LARGE if size * took_s <= _MOST_S and size * mib <= _MOST_MIB]
    what = f"batches of {' and '.join(map(str, tried or _LARGE))}"
    untried = [str(size) for size in _LARGE if size not in tried]
    why = f"a row takes about {took_s:.2g} s and {mib:.2g} MiB, a batch may take {_MOST_S:g} s and {_MOST_MIB:g} MiB"
    if not tried:
        return subject.left_out("batches", f"{one.signature.name}: {what}", why)
    good = f"{GOOD} ({', '.join(untried)} not tried: {why})" if untried else GOOD
    return _asked(subject, one, what, [one.cycled(size) for size in tried], good)


def _of_no_rows(subject: Subject, one: Batched) -> Finding:
    """Ask for no rows: none come back, or an operation refuses; a server that hangs or ends is at fault."""
    name, what = one.signature.name, "a batch of no rows"
    why = _no_rows_obstacle(subject, one)
    if why or subject.grpc is None:
        return subject.left_out("batches", f"{name}: {what}", why)
    began = time.perf_counter_ns()
    problem = ""
    try:
        answer = ask(subject.grpc, one.pool.take([]), timeout_s=_PATIENCE_S + one.took_s)
        shapes = {output: list(answer[output].shape) for output in one.alone if output in answer}
        good = "no rows come back"
        if any(shape[:1] != [0] for shape in shapes.values()):
            problem = f"rows come back where none were asked: {shapes}"
    except StatusError as exc:
        good = f"refused with {exc.code}: {exc.server_message}"
    except CallError as exc:
        good, problem = "", f"{exc}{_aftermath(subject, one)}"
    took_ns = time.perf_counter_ns() - began
    return verdict(
        subject, one, what, rows=[], problem=problem, good=good, client=subject.grpc, duration_ns=took_ns,
        expected="no rows, or an error",
    )  # fmt: skip


def _no_rows_obstacle(subject: Subject, one: Batched) -> str:
    if subject.grpc is None:
        return "JSON's empty list does not show the other dimensions"
    if one.pool.method != "predict":
        return f"{one.pool.method} refuses requests without examples by itself"  # behaviour item 63
    if subject.stage is None:
        return "a server that batches never answers such a request, and an external server may batch"
    if any(word.startswith("--enable_batching") and not word.endswith("=false") for word in subject.stage.spec.args):
        return "a server that batches never answers such a request"  # behaviour item 181
    return ""


def _aftermath(subject: Subject, one: Batched) -> str:
    """Return whether the server answers other requests after it did not answer one."""
    try:
        ask(subject.clients[0], one.pool.take([0]), timeout_s=_PATIENCE_S)
    except CallError as exc:
        return f"; after that one row alone is not answered either ({type(exc).__name__}): did the server end?"
    return "; other requests are still answered"
