"""Answers: a sample of a run's answers, kept so that they can be compared with what was to be answered.

Kept are answers from the whole run: every one at first; when there is no more room, half of the kept ones is dropped,
and from then on only one of two answers is kept; and so on. Which of them is drawn, since taking every second one would
meet the same requests of a pool again and again.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["MOST_BYTES", "Answer", "Keeper", "load_answers", "save_answers"]

MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that was kept.

    Attributes:
        request: the number of its request: the index in the list given to `run_load`.
        body: over gRPC the serialized message (e.g. a PredictResponse), over REST the body.
    """

    request: int
    body: bytes = field(repr=False)


class Keeper:
    """Chooses which answers to keep, and keeps them within bounds.

    An answer is chosen when its request is sent, so that only those are assembled. What fails is not kept.
    """

    def __init__(self, most: int, *, most_bytes: int = MOST_BYTES) -> None:
        """Keep at most so many answers, and at most so many bytes of them."""
        self._most, self._most_bytes = most, most_bytes
        self._stride, self._sent, self._next = 1, 0, 1
        self._random = random.Random(0)  # noqa: S311 - no secret
        self._kept: list[Answer] = []
        self._bytes = 0

    def chooses(self) -> bool:
        """Return whether the answer to the request that is sent now is to be kept; call it once for each."""
        self._sent += 1
        if self._sent < self._next:
            return False
        block_end = -(-self._sent // self._stride) * self._stride
        self._next = block_end + 1 + self._random.randrange(self._stride)
        return True

    def keep(self, request: int, body: bytes) -> None:
        """Keep an answer, or make room for later ones. One that is larger than all the room is not kept."""
        if len(body) > self._most_bytes:
            return
        self._kept.append(Answer(request=request, body=body))
        self._bytes += len(body)
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._stride *= 2
            stay = self._random.sample(range(len(self._kept)), len(self._kept) // 2)
            self._kept = [self._kept[place] for place in sorted(stay)]
            self._bytes = sum(len(one.body) for one in self._kept)

    @property
    def kept(self) -> tuple[Answer, ...]:
        """The answers kept so far, in the order they came."""
        return tuple(self._kept)


def save_answers(answers: Iterable[Answer], folder: Path) -> None:
    """Write answers into a folder, as ``answers.json`` (whose requests, which sizes) and ``answers.bin``."""
    many = list(answers)
    (folder / "answers.bin").write_bytes(b"".join(one.body for one in many))
    (folder / "answers.json").write_text(json.dumps([[one.request, len(one.body)] for one in many]))


def load_answers(folder: Path) -> tuple[Answer, ...]:
    """Read what `save_answers` wrote."""
    bodies, offset, answers = (folder / "answers.bin").read_bytes(), 0, []
    for request, size in json.loads((folder / "answers.json").read_text()):
        answers.append(Answer(request=request, body=bodies[offset : offset + size]))
        offset += size
    return tuple(answers)
