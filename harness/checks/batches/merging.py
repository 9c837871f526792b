"""Merging: the server puts the requests of several clients into one batch, and takes the answers apart again.

A server of its own is told to wait for a full batch, or so long that a client would notice: whatever is answered sooner
was run in a full batch. Each round asks exactly as many rows as fill one, over both APIs at once.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.batches.crowd import Question, ask_at_once, problem_of_crowd
from harness.checks.batches.verdict import verdict
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.clients import GrpcClient, RestClient
from harness.errors import CallError, ServerError
from harness.model_config import ModelConfig
from harness.savedmodel import publish_copy
from harness.savedmodel.warmup import WARMUP_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.stage import Stage

__all__ = ["check_merging"]

_WHAT = "requests merged by the server"
_SIZES = (1, 2, 1, 2)  # rows of the requests of a round; as many at a time as a server on one processor takes
_ROUNDS, _FEWEST_ROUNDS = 8, 2
_MOST_S = 3.0
_LEAST_WAIT_S = 0.3
_SURELY = 0.9  # of the wait, whose end a server sees by its own clock
_FLAGS = ("--enable_batching", "--enable_per_model_batching_parameters")
_PARAMETERS_FILE = "batching_params.pbtxt"
_PARAMETERS = """max_batch_size {{ value: {rows} }}
batch_timeout_micros {{ value: {wait_us} }}
max_enqueued_batches {{ value: 100 }}
"""


def check_merging(subject: Subject, signatures: Sequence[Batched]) -> list[Finding]:
    """Start a server that batches, and ask it with several clients at once, signature by signature."""
    fit = [one for one in signatures if not one.rowless]
    found = [
        subject.left_out(
            "batches",
            f"{one.signature.name}: {_WHAT}",
            f"a server that batches refuses outputs without rows: {', '.join(one.rowless)}",  # behaviour item 183
        )
        for one in signatures
        if one.rowless
    ]
    if not fit:
        return found
    if subject.stage is None or subject.version_dir is None:
        return [*found, subject.left_out("batches", _WHAT, "an external server is not ours to start with other flags")]
    wait_s = _LEAST_WAIT_S + 3 * max(one.took_s for one in fit)
    try:
        with _batching(subject, subject.stage, subject.version_dir, wait_s) as clients:
            return found + _all_merged(subject, fit, clients, wait_s)
    except ServerError as exc:
        return [*found, subject.finding("batches", _WHAT, problem=f"the server does not start with {_FLAGS}: {exc}")]


@dataclass(frozen=True)
class _Clients:
    """Clients of the server that batches; without REST, gRPC twice."""

    grpc: GrpcClient
    rest: RestClient | GrpcClient


@contextmanager
def _batching(subject: Subject, stage: Stage, version_dir: Path, wait_s: float) -> Iterator[_Clients]:
    with ExitStack() as stack:
        base_path = stack.enter_context(stage.base_path())
        published = publish_copy(version_dir, base_path, version=int(version_dir.name))
        for surplus in (WARMUP_FILE, _PARAMETERS_FILE):  # a warm-up request would wait for others to fill its batch
            published.joinpath(surplus).unlink(missing_ok=True)
        text = _PARAMETERS.format(rows=sum(_SIZES), wait_us=round(wait_s * 1e6))
        published.joinpath(_PARAMETERS_FILE).write_text(text)
        model = ModelConfig(name=subject.model, base_path=str(base_path))
        endpoint = stack.enter_context(stage.server(model, args=_FLAGS)).endpoint_of(subject.model)
        grpc = stack.enter_context(GrpcClient(endpoint))
        rest = stack.enter_context(RestClient(endpoint)) if endpoint.rest is not None else grpc
        yield _Clients(grpc, rest)


def _all_merged(subject: Subject, fit: Sequence[Batched], clients: _Clients, wait_s: float) -> list[Finding]:
    try:
        lone_s = _lone_s(fit[0], clients.grpc)
    except CallError as exc:
        return [_finding(subject, fit[0], problem=f"no answer: {exc}")]
    if lone_s < _SURELY * wait_s:
        why = f"the server took no notice of {_FLAGS[1]}: it answered a request alone, without waiting for more"
        return [subject.left_out("batches", _WHAT, why)]
    return [_merged(subject, one, clients, wait_s) for one in fit]


def _merged(subject: Subject, one: Batched, clients: _Clients, wait_s: float) -> Finding:
    began = time.perf_counter_ns()
    surely, problem = 0, ""
    rounds = max(_FEWEST_ROUNDS, min(_ROUNDS, int(_MOST_S / max(one.took_s, 1e-6))))
    for index in range(rounds):
        questions = _questions(one, clients, index)
        start = time.perf_counter()
        outcomes = ask_at_once(questions, clients=len(questions))
        surely += time.perf_counter() - start < _SURELY * wait_s
        problem = problem or problem_of_crowd(questions, outcomes)[0]
    good = f"{rounds} rounds of {len(_SIZES)} clients, {surely} surely run as one batch: each got its own answer"
    return _finding(subject, one, problem=problem, good=good, took_ns=time.perf_counter_ns() - began)


def _lone_s(one: Batched, client: GrpcClient) -> float:
    """Return how long a request waits that does not fill a batch; one that does goes before it, to warm up."""
    ask(client, one.pool.take(one.cycled(sum(_SIZES))))
    began = time.perf_counter()
    ask(client, one.pool.take([0]))
    return time.perf_counter() - began


def _questions(one: Batched, clients: _Clients, index: int) -> list[Question]:
    """Return the questions of a round: other rows each time, half of them over REST where it can carry them."""
    second = clients.grpc if rest_obstacle(one.signature) else clients.rest
    starts = [index + sum(_SIZES[:place]) for place in range(len(_SIZES))]
    chosen = [second if place % 2 == index % 2 else clients.grpc for place in range(len(_SIZES))]
    return [
        Question(one, client, one.cycled(size, start=start))
        for client, size, start in zip(chosen, _SIZES, starts, strict=True)
    ]


def _finding(subject: Subject, one: Batched, *, problem: str, took_ns: int = 0, good: str = "") -> Finding:
    return verdict(
        subject,
        one,
        _WHAT,
        rows=one.cycled(sum(_SIZES)),
        problem=problem,
        good=good,
        client=subject.clients[0],
        tried=f"{len(_SIZES)} clients at once ask a server with {' '.join(_FLAGS)} and a batch of {sum(_SIZES)} rows",
        expected="to each request the answer to its rows",
        duration_ns=took_ns,
    )
