"""Job: what a worker process is to do, and how the job and its outcome travel: as plain files in one folder.

``job.json`` and ``bodies.bin`` go in, ``samples.npz`` and ``outcome.json`` come out. No pickle: the files can be read
and replayed by hand.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.load.arrivals import Arrivals
from harness.load.request import EncodedRequest
from harness.load.session import Timing

if TYPE_CHECKING:
    from pathlib import Path

    from harness.load.session import Ended

__all__ = ["Job", "Outcome"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of one worker.

    Attributes:
        engine: its name in the table of `harness.load.engines`.
        target: gRPC address, or REST base URL.
        concurrency: requests in flight.
        timeout_s: the most one request may take.
        timing: how long the parts of the run take.
        requests: sent in turn, again and again.
        arrivals: when they leave, in open loop; None for a closed loop.
    """

    engine: str
    target: str
    concurrency: int
    timeout_s: float
    timing: Timing
    requests: tuple[EncodedRequest, ...]
    arrivals: Arrivals | None = None

    def save(self, folder: Path) -> None:
        """Write the job's files."""
        heads: list[dict[str, Any]] = [
            {"method": each.method, "verb": each.verb, "headers": each.headers, "size": len(each.body)}
            for each in self.requests
        ]
        (folder / "bodies.bin").write_bytes(b"".join(each.body for each in self.requests))
        plain = {name: getattr(self, name) for name in ("engine", "target", "concurrency", "timeout_s")}
        arrivals = None if self.arrivals is None else asdict(self.arrivals)
        document = {**plain, "timing": asdict(self.timing), "requests": heads, "arrivals": arrivals}
        (folder / "job.json").write_text(json.dumps(document))

    @classmethod
    def load(cls, folder: Path) -> Job:
        """Read what `save` wrote."""
        document = json.loads((folder / "job.json").read_text())
        bodies, offset, requests = (folder / "bodies.bin").read_bytes(), 0, []
        for head in document.pop("requests"):
            size = head.pop("size")
            headers = tuple((name, value) for name, value in head.pop("headers"))
            requests.append(EncodedRequest(body=bodies[offset : offset + size], headers=headers, **head))
            offset += size
        arrivals = document.pop("arrivals")
        return cls(
            timing=Timing(**document.pop("timing")),
            requests=tuple(requests),
            arrivals=None if arrivals is None else Arrivals(**arrivals),
            **document,
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a worker has to say besides its samples.

    Attributes:
        ended: how the run ended.
        reason: why, if not as planned.
        reached: whether the target answered at all at the start.
        steady: whether the warm-up became steady.
        warmup_s: how long it took.
        duration_s: the measured time.
        cpu_share: processor time of the worker while measuring, as a share of one core.
        messages: status name to the first message seen with it.
    """

    ended: Ended
    reason: str
    reached: bool
    steady: bool
    warmup_s: float
    duration_s: float
    cpu_share: float
    messages: dict[str, str]

    def save(self, folder: Path) -> None:
        """Write outcome.json."""
        (folder / "outcome.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> Outcome:
        """Read what `save` wrote."""
        return cls(**json.loads((folder / "outcome.json").read_text()))
