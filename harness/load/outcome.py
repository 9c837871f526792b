"""Outcome: what workers leave behind besides their samples, and how several of them become one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.load.session import Ended

__all__ = ["Outcome"]

_BY_WEIGHT: tuple[Ended, ...] = ("server gone", "overrun", "interrupted", "completed")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run went.

    Attributes:
        ended: how it ended.
        reason: why, if not as planned.
        reached: whether there was a connection at all.
        steady: whether the warm-up became steady.
        warmup_s: how long it took.
        duration_s: the measured time.
        cpu_share: processor time of the worker while measuring, as a share of one core; the busiest one's of several.
        cpu_s: processor time of all workers while measuring.
        messages: status name to the first message seen with it.
    """

    ended: Ended
    reason: str
    reached: bool
    steady: bool
    warmup_s: float
    duration_s: float
    cpu_share: float
    cpu_s: float
    messages: dict[str, str]

    def save(self, folder: Path) -> None:
        """Write outcome.json."""
        (folder / "outcome.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> Outcome:
        """Read what `save` wrote."""
        return cls(**json.loads((folder / "outcome.json").read_text()))

    @classmethod
    def merge(cls, parts: Sequence[Outcome]) -> Outcome:
        """Return the outcome of all parts of one run, one or more.

        A server that is gone outweighs an overrun, and both an interruption: a part that ends early has the others
        interrupted.
        """
        heaviest = min(parts, key=lambda one: _BY_WEIGHT.index(one.ended))
        return cls(
            ended=heaviest.ended,
            reason=heaviest.reason,
            reached=all(one.reached for one in parts),
            steady=all(one.steady for one in parts),
            warmup_s=max(one.warmup_s for one in parts),
            duration_s=max(one.duration_s for one in parts),
            cpu_share=max(one.cpu_share for one in parts),
            cpu_s=sum(one.cpu_s for one in parts),
            messages={name: text for one in reversed(parts) for name, text in one.messages.items()},
        )
