"""Crew: the clients of a rollout, and the question they ask."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.checks.parity import rest_obstacle
from harness.checks.request import ask
from harness.checks.rollout.calls import Ask
from harness.checks.rollout.place import NEW, OLD
from harness.checks.rollout.traffic import Lane, Question
from harness.clients import GrpcClient, RestClient
from harness.errors import CheckError, HarnessError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from harness.checks.request import Request
    from harness.checks.rollout.place import Place
    from harness.checks.subject import Subject
    from harness.servers import Server

__all__ = ["Crew"]

_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)  # channels to one address share a connection otherwise
_TIMES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Crew:
    """Opens clients of both models on the server; each client has connections of its own.

    Attributes:
        server: the check's own server.
        place: names the models.
        stack: closes what is opened.
    """

    server: Server
    place: Place
    stack: ExitStack

    def grpc(self) -> dict[str, GrpcClient]:
        """Return a gRPC client of each model, by name."""
        return {
            name: self.stack.enter_context(GrpcClient(self.server.endpoint_of(name), channel_options=_OWN_CONNECTION))
            for name in (self.place.name, self.place.name_beside)
        }

    def rest(self) -> dict[str, RestClient]:
        """Return a REST client of each model, by name."""
        return {
            name: self.stack.enter_context(RestClient(self.server.endpoint_of(name)))
            for name in (self.place.name, self.place.name_beside)
        }

    def lanes(self, *, with_rest: bool) -> list[Lane]:
        """Return the lanes: over each API some ask for the latest version, others for each version by its number."""
        latest, beside = Ask(model=self.place.name), Ask(model=self.place.name_beside)
        by_number = tuple(Ask(model=self.place.name, version=number) for number in (OLD, NEW))
        lanes = [
            Lane(name=f"gRPC client {number}", clients=self.grpc(), asks=asks)
            for number, asks in enumerate(((latest,), (latest, beside), by_number), 1)
        ]
        if with_rest:
            lanes += [
                Lane(name=f"REST client {number}", clients=self.rest(), asks=asks)
                for number, asks in enumerate(((latest, beside), by_number), 1)
            ]
        return lanes

    def choose(self, subject: Subject) -> tuple[Question, str]:
        """Return a small request that is answered, and why it cannot flow over REST; one that can, if there is any.

        The subject must have a request.

        Raises:
            CheckError: no request is answered.
        """
        grpc, rest = self.grpc()[self.place.name], self.rest()[self.place.name]
        found: list[tuple[Question, str]] = []
        error = ""
        for request in sorted(subject.requests, key=_size):
            try:
                question = _question(grpc, request)
            except HarnessError as exc:
                error = str(exc)
                continue
            found.append((question, _why_no_rest(subject, rest, question)))
            if not found[-1][1]:
                return found[-1]
        if not found:
            raise CheckError(f"no request is answered, so none can flow during a rollout: {error}")
        return found[0]


def _size(request: Request) -> int:
    return sum(array.nbytes for array in request.inputs.values()) + len(request.examples)


def _question(client: GrpcClient, request: Request) -> Question:
    """Return a request with its answer; without one if answers differ."""
    first, *others = [ask(client, request) for _ in range(_TIMES)]
    began_s = time.monotonic()
    ask(client, request)
    question = Question(request=request, answer=first, took_s=time.monotonic() - began_s)
    is_steady = not any(question.difference(answer) for answer in others)
    return question if is_steady else replace(question, answer=None)


def _why_no_rest(subject: Subject, client: RestClient, question: Question) -> str:
    obstacle = rest_obstacle(subject.signatures[question.request.signature_name])
    if obstacle:
        return obstacle
    try:
        difference = question.difference(ask(client, question.request))
    except HarnessError as exc:
        return str(exc).partition("\n")[0]
    return difference and f"before anything was changed REST answers otherwise than gRPC: {difference}"
