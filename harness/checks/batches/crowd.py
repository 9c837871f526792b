"""A crowd: many clients ask different rows at the same time, and each gets the answer to its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.checks.batches.verdict import verdict
from harness.checks.request import ask
from harness.checks.rest_form import rest_obstacle
from harness.errors import CallError, StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.checks.rows import Batched
    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.findings import Finding

__all__ = ["Question", "ask_at_once", "check_crowd", "problem_of_crowd"]

_CLIENTS = 8
_REQUESTS = 64
_MOST_S = 2.0
_SIZES = (1, 2, 3)
_OVERLOADED = ("Server Threadpool Exhausted", "batch scheduling queue")  # it refuses rather than mixing up

Outcome: TypeAlias = "Mapping[str, np.ndarray] | CallError"


@dataclass(frozen=True)
class Question:
    """Rows that one client asks."""

    client: GrpcClient | RestClient
    rows: tuple[int, ...]


def check_crowd(subject: Subject, one: Batched) -> list[Finding]:
    """Let many clients ask different rows at once, over each API."""
    return [
        _over(subject, one, client)
        for client in subject.clients
        if client.api == "grpc" or not rest_obstacle(one.signature)
    ]


def _over(subject: Subject, one: Batched, client: GrpcClient | RestClient) -> Finding:
    count = max(_CLIENTS, min(_REQUESTS, int(_MOST_S / max(one.took_s, 1e-6))))
    sizes = [_SIZES[index % len(_SIZES)] for index in range(count)]
    questions = [Question(client, _rows(start, size, one.count)) for start, size in enumerate(sizes)]
    began = time.perf_counter_ns()
    outcomes = ask_at_once(one, questions, clients=_CLIENTS)
    problem, refused = problem_of_crowd(one, questions, outcomes)
    api = "gRPC" if client.api == "grpc" else "REST"
    return verdict(
        subject,
        one,
        f"{_CLIENTS} clients at once over {api}",
        rows=questions[0].rows,
        problem=problem,
        good=f"{count - refused} requests, each with its own answer{_refusals(refused)}",
        client=client,
        tried=f"{count} requests of {min(sizes)} to {max(sizes)} rows of {one.pool.source}, {_CLIENTS} at a time",
        expected="to each request the answer to its rows",
        duration_ns=time.perf_counter_ns() - began,
    )


def _rows(start: int, size: int, count: int) -> tuple[int, ...]:
    return tuple((start + offset) % count for offset in range(size))


def _refusals(refused: int) -> str:
    return f"; {refused} more were refused, as the server runs only so many at a time" if refused else ""


def ask_at_once(one: Batched, questions: Sequence[Question], *, clients: int) -> list[Outcome]:
    """Ask all questions, ``clients`` of them at a time, and return the answers, or the errors, in their order."""

    def outcome(question: Question) -> Outcome:
        try:
            return ask(question.client, one.pool.take(question.rows))
        except CallError as exc:
            return exc

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(outcome, questions))


def problem_of_crowd(one: Batched, questions: Sequence[Question], outcomes: Sequence[Outcome]) -> tuple[str, int]:
    """Return what is wrong with the first wrong answer and how many are wrong; and how many requests were refused.

    A server that is busy may refuse; if it refuses all of them, that is wrong.
    """
    refused = [outcome for outcome in outcomes if _is_overload(outcome)]
    if len(refused) == len(outcomes):
        return f"all {len(refused)} requests were refused: {refused[0]}", len(refused)
    texts = [
        _problem(one, question, outcome, questions)
        for question, outcome in zip(questions, outcomes, strict=True)
        if not _is_overload(outcome)
    ]
    wrong = [text for text in texts if text]
    return (f"{len(wrong)} of {len(texts)} answers are wrong; {wrong[0]}" if wrong else ""), len(refused)


def _is_overload(outcome: Outcome) -> bool:
    return isinstance(outcome, StatusError) and any(text in outcome.server_message for text in _OVERLOADED)


def _problem(one: Batched, question: Question, outcome: Outcome, questions: Sequence[Question]) -> str:
    if isinstance(outcome, CallError):
        return f"no answer to rows {list(question.rows)}: {outcome}"
    text = one.mismatch(outcome, question.rows)
    if not text:
        return ""
    others = dict.fromkeys(other.rows for other in questions if other.rows != question.rows)
    owner = next((rows for rows in others if not one.mismatch(outcome, rows)), None)
    if owner is None:
        return f"rows {list(question.rows)}: {text}"
    return (
        f"answers crossed: rows {list(question.rows)} got the answer to rows {list(owner)}, which another client asked"
    )
