"""A crowd: many clients ask different rows at the same time, and each gets the answer to its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.checks.reproduce import request_line
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
_REQUESTS, _OF_EACH = 64, 6
_MOST_S = 2.0
_NAMED = 4
_SIZES = (1, 2, 3)
_OVERLOADED = ("Server Threadpool Exhausted", "batch scheduling queue")  # it refuses rather than mixing up

Outcome: TypeAlias = "Mapping[str, np.ndarray] | CallError"


@dataclass(frozen=True)
class Question:
    """Rows of a signature that one client asks."""

    one: Batched
    client: GrpcClient | RestClient
    rows: tuple[int, ...]

    def __str__(self) -> str:
        """Name signature and rows."""
        return f"rows {list(self.rows)} of {self.one.signature.name}"

    def mismatch(self, answer: Mapping[str, np.ndarray]) -> str:
        """Return how an answer differs from the one to this question, empty if it does not."""
        return self.one.mismatch(answer, self.rows)


def check_crowd(subject: Subject, signatures: Sequence[Batched]) -> list[Finding]:
    """Let many clients ask different rows of all signatures at once, over each API."""
    found = []
    for client in subject.clients:
        able = [one for one in signatures if client.api == "grpc" or not rest_obstacle(one.signature)]
        found += [_over(subject, able, client)] if able else []
    return found


def _over(subject: Subject, signatures: Sequence[Batched], client: GrpcClient | RestClient) -> Finding:
    slowest_s = max(one.took_s for one in signatures)
    most = max(_REQUESTS, _OF_EACH * len(signatures))
    count = max(_CLIENTS, min(most, int(_MOST_S / max(slowest_s, 1e-6))))
    questions = [
        _question(signatures[index % len(signatures)], client, index // len(signatures)) for index in range(count)
    ]
    began = time.perf_counter_ns()
    problem, refused = problem_of_crowd(questions, ask_at_once(questions, clients=_CLIENTS))
    names = dict.fromkeys(question.one.signature.name for question in questions)
    asked = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} signatures"
    first = questions[0]
    return subject.finding(
        "batches",
        f"{_CLIENTS} clients at once over {'gRPC' if client.api == 'grpc' else 'REST'}",
        problem=problem,
        good=f"{count - refused} requests to {asked}: each got its own answer{_refusals(refused)}",
        tried=f"{count} requests of {min(_SIZES)} to {max(_SIZES)} rows, {_CLIENTS} at a time",
        expected="to each request the answer to its rows",
        reproduce=(request_line(client, first.one.pool.take(first.rows)),) if problem else (),
        duration_ns=time.perf_counter_ns() - began,
    )


def _question(one: Batched, client: GrpcClient | RestClient, start: int) -> Question:
    return Question(one, client, one.cycled(_SIZES[start % len(_SIZES)], start=start))


def _refusals(refused: int) -> str:
    return f"; {refused} more were refused, as the server runs only so many at a time" if refused else ""


def ask_at_once(questions: Sequence[Question], *, clients: int) -> list[Outcome]:
    """Ask all questions, ``clients`` of them at a time, and return the answers, or the errors, in their order."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(_outcome, questions))


def _outcome(question: Question) -> Outcome:
    try:
        return ask(question.client, question.one.pool.take(question.rows))
    except CallError as exc:
        return exc


def problem_of_crowd(questions: Sequence[Question], outcomes: Sequence[Outcome]) -> tuple[str, int]:
    """Return what is wrong with the first wrong answer and how many are wrong; and how many requests were refused.

    A server that is busy may refuse; if it refuses all of them, that is wrong.
    """
    refused = [outcome for outcome in outcomes if _is_overload(outcome)]
    if len(refused) == len(outcomes):
        return f"all {len(refused)} requests were refused: {refused[0]}", len(refused)
    texts = [
        _problem(question, outcome, questions)
        for question, outcome in zip(questions, outcomes, strict=True)
        if not _is_overload(outcome)
    ]
    wrong = [text for text in texts if text]
    return (f"{len(wrong)} of {len(texts)} answers are wrong; {wrong[0]}" if wrong else ""), len(refused)


def _is_overload(outcome: Outcome) -> bool:
    return isinstance(outcome, StatusError) and any(text in outcome.server_message for text in _OVERLOADED)


def _problem(question: Question, outcome: Outcome, questions: Sequence[Question]) -> str:
    if isinstance(outcome, CallError):
        return f"no answer to {question}: {outcome}"
    text = question.mismatch(outcome)
    if not text:
        return ""
    others = dict.fromkeys(other for other in questions if other != question)
    owner = next((other for other in others if not other.mismatch(outcome)), None)
    if owner is None:
        return f"{question}: {text}"
    return f"answers crossed: {question} got the answer to {owner}, which another client asked"
