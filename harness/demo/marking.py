"""Marking: client code works on one image, and what it returns and how long it took are kept."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.demo.timing import group_spans
from harness.errors import HarnessError, UsageError
from harness.measure.timed_client import TimedClient
from harness.pictures import PNG_SIGNATURE
from harness.stages import StageClock

if TYPE_CHECKING:
    from harness.clients import GrpcClient, RestClient
    from harness.demo.timing import Group
    from harness.measure.pipeline import Pipeline

__all__ = ["Marked", "Marker"]


@dataclass(frozen=True, kw_only=True)
class Marked:
    """The result of an image.

    Attributes:
        png: a PNG file.
        groups: what took how long: preprocessing, serving, postprocessing.
    """

    png: bytes
    groups: tuple[Group, ...]


class Marker:
    """Calls client code on images, one after the other."""

    def __init__(self, pipeline: Pipeline, client: GrpcClient | RestClient) -> None:
        """Keep the client code, and the client that it is given, with a clock around, to ask the server."""
        self._pipeline = pipeline
        self._clock = StageClock()
        self._client = client
        self._timed = TimedClient(client, self._clock)

    def prepare(self) -> None:
        """Ask the server what an image's first call would have to ask.

        Raises:
            CallError: no answer.
            SignatureError: the answer holds no signatures.
        """
        self._timed.learn_signatures()

    def __call__(self, image: bytes) -> Marked:
        """Return the marked image.

        Args:
            image: the bytes of an image file, or what somebody takes for one.

        Raises:
            UsageError: they are no image that the client code reads.
            CallError: the server gave no answer.
            TypeError: the client code returned something else than a PNG file.
            Exception: the client code raised it.
        """
        self._clock.spans.clear()
        began_ns = time.perf_counter_ns()
        try:
            made = self._pipeline.run(image, self._timed, clock=self._clock)
        except UsageError:
            raise
        except HarnessError:
            self._client.forget_signatures()  # there may be another version by now
            self._timed = TimedClient(self._client, self._clock)
            raise
        groups = group_spans(self._clock.spans, began_ns=began_ns, ended_ns=time.perf_counter_ns())
        return Marked(png=_png(made, self._pipeline.name), groups=groups)


def _png(made: Any, name: str) -> bytes:
    data = made.getvalue() if isinstance(made, io.BytesIO) else made
    if not isinstance(data, bytes):
        raise TypeError(f"{name} returned {type(made).__name__}; a PNG file is wanted, as io.BytesIO or bytes")
    if not data.startswith(PNG_SIGNATURE):
        raise TypeError(f"{name} returned {len(data)} bytes that begin with {data[:8]!r}; a PNG file is wanted")
    return data
