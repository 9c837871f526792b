"""Context: what a mode of the load command works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from rich.console import Console

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
    """

    server: Server
    options: argparse.Namespace
    pools: Mapping[Api, RequestPool]
    stage: Stage | None
    console: Console
