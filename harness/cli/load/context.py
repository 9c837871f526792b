"""Context: what a mode of the load command works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from rich.console import Console

    from harness.endpoint import Endpoint
    from harness.measure import RequestPool
    from harness.results.measured import Api
    from harness.servers import Server
    from harness.stage import Stage

__all__ = ["Context"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """A running server, and what to ask it.

    Attributes:
        server: the server; it is ready.
        options: what was typed.
        pools: what to send over each API that can carry it, in the order in which they are to be measured.
        stage: starts further servers like it; None if it is not ours to start again.
        console: where progress is shown.
        variants: all pools of each API, where sizes of batches or payloads are varied; the first one is in `pools`.
        endpoints: where the model answers, if there are several servers; the first one is the server's.
    """

    server: Server
    options: argparse.Namespace
    pools: Mapping[Api, RequestPool]
    stage: Stage | None
    console: Console
    variants: Mapping[Api, tuple[RequestPool, ...]] = field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def every_pool(self) -> tuple[RequestPool, ...]:
        """All that is to be sent, one API after the other."""
        variants = self.variants or {api: (pool,) for api, pool in self.pools.items()}
        return tuple(pool for several in variants.values() for pool in several)
