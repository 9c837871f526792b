"""``tfserving-harness gate``: is the candidate slower, larger or wrong, measured beside the baseline in one run?"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.checks.default_files import existing
from harness.cli.main import INTERRUPTED
from harness.cli.record import Record, add_report_option
from harness.cli.server_options import Once, positive, tags_of
from harness.errors import UsageError
from harness.gate.budgets import parse_budget
from harness.gate.contender import Contender, default_name
from harness.gate.estimate import LEAST_PAIRS
from harness.gate.metrics import METRICS, parse_tolerance
from harness.gate.rounds import Plan
from harness.gate.run import GateOptions, run_gate
from harness.gate.stored import append_entry, entry_of, read_history, stored_path, trends
from harness.option_values import asked_backend, seconds, whole_number
from harness.results import Fingerprint
from harness.servers import BACKENDS
from harness.servers.container_options import parse_environment
from harness.surroundings import machine, tool_versions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from harness.gate.blocks import Block
    from harness.gate.run import GateOutcome
    from harness.results import Trend

__all__ = ["EXIT_CODES", "add_options", "run"]

EXIT_CODES = {"pass": 0, "improved": 0, "regressed": 1, "inconclusive": 2}

_SIDES = ("baseline", "candidate")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = "Exit codes: 0 pass or improved, 1 regressed, 2 inconclusive, 3 it could not run, 130 interrupted."
    parser.add_argument("path", nargs="?", help="SavedModel of both sides, where they differ by image, binary or flags")
    sides = parser.add_argument_group("the two sides")
    for side in _SIDES:
        sides.add_argument(
            f"--{side}", action=Once, metavar="PATH", help=f"base path, SavedModel or version directory of the {side}"
        )
        sides.add_argument(f"--{side}-image", action=Once, metavar="IMAGE", help="container image of its server")
        sides.add_argument(f"--{side}-binary", action=Once, metavar="PATH", help="tensorflow_model_server of it")
        sides.add_argument(f"--{side}-arg", action="append", default=[], metavar="FLAG", help="flag for its server")
        sides.add_argument(f"--{side}-env", action="append", default=[], metavar="NAME=VALUE", help="variable of it")
    group = parser.add_argument_group("server")
    group.add_argument("--name", action=Once, help="the model's name (default: the path's last component)")
    group.add_argument(
        "--backend", action=Once, choices=BACKENDS, default="auto", help="what runs both (default: auto)"
    )
    group.add_argument("--image", action=Once, help="container image of both; asks for backend container")
    group.add_argument("--binary", action=Once, help="tensorflow_model_server of both; asks for backend binary")
    group.add_argument("--tags", action=Once, help="tags of the SavedModels, with commas between (default: serve)")
    group.add_argument("--timeout", action=Once, default="120", help="seconds to become available (default: 120)")
    group.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="environment variable of both")
    group.add_argument("--arg", action="append", default=[], help="flag for both, e.g. --arg=--enable_batching")
    _add_measuring(parser)
    _add_judging(parser)
    parser.add_argument_group("keeping").add_argument(
        "--store", action=Once, metavar="DIR", help="add what was measured of the candidate to the history there"
    )
    add_report_option(parser)


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "--api", action=Once, choices=("grpc", "rest"), default="grpc", help="what to call (default: grpc)"
    )
    group.add_argument("--signature", action=Once, help="the signature to call (default: serving_default)")
    group.add_argument("--examples", action=Once, metavar="FILE", help=".npz or .json file of requests to send")
    group.add_argument("--batch-size", action=Once, type=positive, help="examples in a request")
    group.add_argument("--concurrency", action=Once, type=positive, default=4, help="requests in flight (default: 4)")
    group.add_argument("--rate", action=Once, help="arrivals a second instead, whatever is in flight")
    group.add_argument("--block", action=Once, default="3.2", help="seconds of each side in a pair (default: 3.2)")
    group.add_argument("--slice", action=Once, help="seconds until the other side's turn (default: as few as serve)")
    group.add_argument(
        "--pairs", action=Once, type=positive, default=12, help="pairs of blocks of a round (default: 12)"
    )
    group.add_argument(
        "--most-pairs", action=Once, type=positive, default=20, help="pairs of a round that stays open (default: 20)"
    )
    group.add_argument("--starts", action=Once, type=positive, default=3, help="starts of both servers (default: 3)")
    group.add_argument("--seed", action=Once, default="0", help="of everything that is made up (default: 0)")


def _add_judging(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("judging")
    names = ", ".join(f"{metric.name} {metric.tolerance:.0%}" for metric in METRICS).replace("%", "%%")
    group.add_argument(
        "--tolerance", action="append", default=[], metavar="METRIC=SHARE", help=f"how much worse is let pass ({names})"
    )
    group.add_argument(
        "--budget", action="append", default=[], metavar="WHAT=LIMIT", help="a promise, e.g. p99=20ms, memory=512MiB"
    )
    group.add_argument(
        "--contract", action=Once, metavar="FILE", help="agreed signatures (default: contracts/NAME.json if it exists)"
    )
    group.add_argument(
        "--goldens", action=Once, metavar="DIR", help="recorded cases (default: goldens/NAME if it exists)"
    )


def run(options: argparse.Namespace) -> int:
    """Compare; 0 pass, 1 regressed, 2 inconclusive, 130 if Ctrl-C cut it short: what there was is reported."""
    record = Record(options)
    baseline, candidate = (_contender(options, side) for side in _SIDES)
    given = _given(options, baseline.name)
    words = ("tfserving-harness", *options.words)
    with _Progress(given.plan) as on_pair:
        outcome = run_gate(
            baseline,
            candidate,
            given,
            command=words,
            on_pair=on_pair,
            backend=_backend(options),
            args=tuple(options.arg),
            environment=parse_environment(options.env, "--env"),
            ready_timeout_s=seconds(options.timeout, "--timeout"),
        )
    is_whole = not outcome.interrupted
    stored = _store(Path(options.store), given, outcome) if options.store is not None and is_whole else ()
    record.finish(
        interrupted=outcome.interrupted,
        backend=outcome.backend,
        gated=(outcome.gated,),
        findings=outcome.findings,
        trends=stored,
    )
    return EXIT_CODES[outcome.gated.verdict] if is_whole else INTERRUPTED


def _store(directory: Path, given: GateOptions, outcome: GateOutcome) -> tuple[Trend, ...]:
    """Add the candidate to its history, and return that; nothing was measured of one that answers wrongly."""
    gated = outcome.gated
    path = stored_path(directory, gated.model, given.benchmark)
    now = Fingerprint.of(machine(), outcome.backend, tool_versions())
    if not gated.metrics:
        return trends(gated.model, read_history(path), now, METRICS)
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    entry = entry_of(gated.metrics, created_utc=created, label=gated.candidate, fingerprint=now)
    return trends(gated.model, append_entry(path, entry), now, METRICS)


def _contender(options: argparse.Namespace, side: str) -> Contender:
    path = getattr(options, side) or options.path
    if path is None:
        raise UsageError(f"nothing to serve as the {side}: give --{side} PATH, or one PATH for both")
    name = options.name or default_name(Path(options.baseline or options.path))
    return Contender(
        path=Path(path),
        name=name,
        args=tuple(getattr(options, f"{side}_arg")),
        image=getattr(options, f"{side}_image") or options.image,
        binary=getattr(options, f"{side}_binary") or options.binary,
        environment=parse_environment(getattr(options, f"{side}_env"), f"--{side}-env"),
        tags=tags_of(options),
    )


def _backend(options: argparse.Namespace) -> Any:
    images = options.image or options.baseline_image or options.candidate_image
    binaries = options.binary or options.baseline_binary or options.candidate_binary
    return asked_backend(options.backend, image=images, binary=binaries, endpoint=None, prefix="--")


def _given(options: argparse.Namespace, name: str) -> GateOptions:
    return GateOptions(
        api=options.api,
        signature=options.signature,
        batch_size=options.batch_size,
        examples=_file(options.examples, "--examples"),
        concurrency=options.concurrency,
        rate_per_s=None if options.rate is None else _rate(options.rate),
        block_s=seconds(options.block, "--block"),
        slice_s=None if options.slice is None else seconds(options.slice, "--slice"),
        plan=_plan(options),
        tolerances=dict(parse_tolerance(each, "--tolerance") for each in options.tolerance),
        budgets=tuple(parse_budget(each) for each in options.budget),
        contract=_file(options.contract, "--contract") or existing(Path("contracts", f"{name}.json")),
        goldens=_file(options.goldens, "--goldens") or existing(Path("goldens", name)),
        seed=whole_number(options.seed, "--seed"),
    )


def _plan(options: argparse.Namespace) -> Plan:
    if max(options.pairs, options.most_pairs) < LEAST_PAIRS:
        raise UsageError(
            f"--most-pairs {options.most_pairs} with --pairs {options.pairs}: a verdict takes at least {LEAST_PAIRS}"
        )
    return Plan(pairs=options.pairs, most_pairs=options.most_pairs, starts=options.starts)


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--rate {text!r} should be a number of requests a second, e.g. 200") from None


def _file(text: str | None, option: str) -> Path | None:
    if text is None:
        return None
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise UsageError(f"{option} {text}: there is no such path")
    return path


class _Progress:
    """A bar that grows with each pair; in a log a line for each."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._done = 0

    def __enter__(self) -> Callable[[Sequence[Block]], None]:
        if self._console.is_terminal:
            self._bar.start()
            self._task = self._bar.add_task("pairs of blocks", total=self._plan.pairs)
        return self._pair

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def _pair(self, blocks: Sequence[Block]) -> None:
        self._done += 1
        if self._console.is_terminal:
            total = max(self._plan.pairs * -(-self._done // self._plan.pairs), self._done)
            self._bar.update(self._task, completed=self._done, total=total)
        else:
            values = ", ".join(f"{block.side} {block.values.get('cpu_us', 0):,.0f} us" for block in blocks)
            self._console.print(f"pair {self._done}: {values}", highlight=False)
