"""Job: what a worker process is to do, and how it travels: as plain files in one folder.

``job.json`` and ``bodies.bin``; no pickle: the files can be read and replayed by hand.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.load.arrivals import Arrivals
from harness.load.request import EncodedRequest
from harness.load.session import Timing
from harness.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Job"]

_PLAIN = ("engine", "concurrency", "timeout_s", "think_s", "shuffle_seed", "keep_answers", "part", "parts")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run, or one worker's part of it.

    Attributes:
        engine: its name in the table of `harness.load.engines`.
        targets: gRPC addresses, or REST base URLs, taken in turn.
        concurrency: requests in flight, in closed loop.
        timeout_s: the most one request may take.
        timing: how long the parts of the run take.
        requests: sent in turn, again and again.
        arrivals: when they leave, in open loop; None for a closed loop.
        think_s: in closed loop, how long to wait between an answer and the next request.
        shuffle_seed: of the order of the requests in each pass; None for their own.
        tls: files for TLS, None for none.
        keep_answers: how many answers to keep.
        part: which worker's part this is.
        parts: of how many.
    """

    engine: str
    targets: tuple[str, ...]
    concurrency: int
    timeout_s: float
    timing: Timing
    requests: tuple[EncodedRequest, ...]
    arrivals: Arrivals | None = None
    think_s: float = 0.0
    shuffle_seed: int | None = None
    tls: Tls | None = None
    keep_answers: int = 0
    part: int = 0
    parts: int = 1

    @property
    def lane_targets(self) -> list[int]:
        """The number of each lane's target: the lanes of all parts together take the targets in turn."""
        return [(self.part + self.parts * lane) % len(self.targets) for lane in range(self.concurrency)]

    def split(self, parts: int) -> list[Job]:
        """Return the parts of so many workers: of the requests in flight, of the schedule, and of what is counted."""
        if parts == 1:
            return [self]
        most = self.timing.most_requests
        return [
            replace(
                self,
                part=part,
                parts=parts,
                concurrency=max(1, _share(self.concurrency, part, parts)),
                keep_answers=_share(self.keep_answers, part, parts),
                timing=replace(self.timing, most_requests=None if most is None else _share(most, part, parts)),
            )
            for part in range(parts)
        ]

    def save(self, folder: Path) -> None:
        """Write the job's files."""
        heads: list[dict[str, Any]] = [
            {"method": each.method, "verb": each.verb, "headers": each.headers, "size": len(each.body)}
            for each in self.requests
        ]
        (folder / "bodies.bin").write_bytes(b"".join(each.body for each in self.requests))
        document = {
            **{name: getattr(self, name) for name in _PLAIN},
            "targets": self.targets,
            "timing": asdict(self.timing),
            "requests": heads,
            "arrivals": None if self.arrivals is None else asdict(self.arrivals),
            "tls": None if self.tls is None else _absolute(self.tls),
        }
        (folder / "job.json").write_text(json.dumps(document))

    @classmethod
    def load(cls, folder: Path) -> Job:
        """Read what `save` wrote."""
        document = json.loads((folder / "job.json").read_text())
        arrivals, tls = document.pop("arrivals"), document.pop("tls")
        return cls(
            targets=tuple(document.pop("targets")),
            timing=Timing(**document.pop("timing")),
            requests=_requests(document.pop("requests"), (folder / "bodies.bin").read_bytes()),
            arrivals=None if arrivals is None else Arrivals(**{**arrivals, "times_s": tuple(arrivals["times_s"])}),
            tls=None if tls is None else Tls(**tls),
            **document,
        )


def _share(whole: int, part: int, parts: int) -> int:
    return whole // parts + (part < whole % parts)


def _absolute(tls: Tls) -> dict[str, str | None]:
    """Return the files by paths that hold in any working folder."""
    files = {name: getattr(tls, name) for name in ("ca", "certificate", "key")}
    paths = {name: None if file is None else str(Path(file).absolute()) for name, file in files.items()}
    return {**paths, "server_name": tls.server_name}


def _requests(heads: Sequence[dict[str, Any]], bodies: bytes) -> tuple[EncodedRequest, ...]:
    offset, requests = 0, []
    for head in heads:
        size = head.pop("size")
        headers = tuple((name, value) for name, value in head.pop("headers"))
        requests.append(EncodedRequest(body=bodies[offset : offset + size], headers=headers, **head))
        offset += size
    return tuple(requests)
