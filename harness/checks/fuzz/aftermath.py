"""What fuzzing leaves behind: the server must answer known requests as before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.checks.compare import compare
from harness.checks.fuzz.arena import API_NAMES
from harness.checks.parity import rest_obstacle
from harness.checks.reproduce import again_line, request_line
from harness.checks.request import Request, ask
from harness.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from harness.checks.fuzz.arena import Arena
    from harness.findings import Finding

__all__ = ["Before"]

_MOST_SIGNATURES = 5
_PATIENCE = 20  # times what a known request takes


class Before:
    """What a server answers to known requests before it is fuzzed.

    Attributes:
        limit_s: how long a request may take, judged by the slowest of these.
    """

    def __init__(self, arena: Arena) -> None:
        """Ask each API one known request of some signatures, twice: a model that draws lots shows itself."""
        self._arena = arena
        self._answers: list[tuple[str, Request, dict[str, np.ndarray]]] = []
        self._varying: list[str] = []
        slowest_s = 0.0
        for api, request in self._known():
            began = time.monotonic()
            answer = self._ask(api, request)
            slowest_s = max(slowest_s, time.monotonic() - began)
            again = self._ask(api, request)
            if isinstance(answer, str) or isinstance(again, str):
                continue  # other checks tell what is wrong with it
            if _difference(again, answer):
                self._varying.append(f"{request.signature_name} over {API_NAMES[api]}")
            else:
                self._answers.append((api, request, answer))
        self.limit_s = max(arena.limit_s, _PATIENCE * slowest_s)
        self._memory_bytes = arena.peak_memory_bytes()

    def _known(self) -> Iterator[tuple[str, Request]]:
        subject = self._arena.subject
        first = {request.signature_name: request for request in reversed(subject.requests)}
        for api in self._arena.apis:
            for name in list(first)[:_MOST_SIGNATURES]:
                is_sendable = api == "grpc" or first[name].method != "predict"
                if is_sendable or not rest_obstacle(subject.signatures[name]):
                    yield api, first[name]

    def _ask(self, api: str, request: Request) -> dict[str, np.ndarray] | str:
        try:
            return ask(self._arena.client(api), request)
        except CallError as exc:
            self._arena.fault_of(exc)  # a server that ended of it is replaced, so that no other request is blamed
            return str(exc)

    def findings(self) -> list[Finding]:
        """Ask again and say whether the answers are the same."""
        subject, arena = self._arena.subject, self._arena
        where = "known requests afterwards"
        if arena.is_lost:
            return [subject.left_out("fuzz", "whatever else there was to ask", "the server has ended")]
        found = [self._compared(api, request, answer, where) for api, request, answer in self._answers]
        failed = [finding for finding in found if not finding.passed]
        if found and not failed:
            failed = [subject.finding("fuzz", where, good=f"answered as before{self._memory()}", expected=_EXPECTED)]
        if self._varying:
            why = f"the same request brings other answers anyhow ({', '.join(self._varying)})"
            failed.append(subject.left_out("fuzz", where, why))
        return failed

    def _compared(self, api: str, request: Request, answer: dict[str, np.ndarray], where: str) -> Finding:
        subject = self._arena.subject
        now = self._ask(api, request)
        (client,) = [one for one in subject.clients if one.api == api]
        return subject.finding(
            "fuzz",
            f"{where}, {request.signature_name} over {API_NAMES[api]}",
            problem=now if isinstance(now, str) else _difference(now, answer),
            good="the same",
            tried="ask a known request before and after fuzzing",
            expected=_EXPECTED,
            reproduce=(request_line(client, request), again_line("fuzz", subject.options.seed)),
        )

    def _memory(self) -> str:
        now_bytes = self._arena.peak_memory_bytes()
        if self._memory_bytes is None or now_bytes is None or self._arena.was_restarted:
            return ""
        return f"; the server's highest memory went from {self._memory_bytes / 1e6:.0f} MB to {now_bytes / 1e6:.0f} MB"


_EXPECTED = "the same answer as before"


def _difference(seen: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> str:
    return "; ".join(str(mismatch) for mismatch in compare(seen, expected, equal_nan=True))
