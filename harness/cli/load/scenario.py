"""Scenario: MLPerf's inference scenarios, driven and judged by its LoadGen; one row over each API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.load.common import seed_of, settings_of
from harness.cli.server_options import Once, positive
from harness.errors import UsageError
from harness.load.mlperf.process import check_installed
from harness.measure.scenario import Rules, run_scenario
from harness.option_values import seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from harness.cli.load.context import Context
    from harness.load.mlperf.rules import ScenarioName
    from harness.results import Scenario

__all__ = ["add_options", "asked", "check", "run"]

_NAMES: Mapping[str, ScenarioName] = {
    "single-stream": "SingleStream",
    "multi-stream": "MultiStream",
    "server": "Server",
    "offline": "Offline",
}
# Options of one scenario each.
_OWN = {"target_rate": "server", "target_latency": "server", "samples_per_query": "multi-stream"}
_DEFAULT_TARGET_LATENCY, _DEFAULT_SAMPLES, _DEFAULT_QUERIES, _DEFAULT_IN_FLIGHT = "15ms", 8, 100, 8
# Options of every run that LoadGen has no use for.
_NOT_HERE = {
    "requests": "give --min-queries instead",
    "engine": "the fastest one sends; leave it out",
    "samples": "give --scenario-logs instead",
}


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add its options."""
    group.add_argument(
        "--scenario",
        action=Once,
        choices=tuple(_NAMES),
        help="MLPerf's scenario, judged by its LoadGen; --duration is its shortest time (needs the extra mlperf)",
    )
    group.add_argument(
        "--target-rate",
        action=Once,
        metavar="R",
        help="--scenario server: queries a second (default: half of what a short closed loop reaches)",
    )
    group.add_argument(
        "--target-latency",
        action=Once,
        metavar="LIMIT",
        help=f"--scenario server: limit of the percentile, e.g. 20ms (default: {_DEFAULT_TARGET_LATENCY})",
    )
    group.add_argument(
        "--percentile",
        action=Once,
        metavar="P",
        help="--scenario: the percentile of latency to judge by (default: 90 for single-stream, else 99)",
    )
    group.add_argument(
        "--samples-per-query",
        action=Once,
        type=positive,
        metavar="N",
        help=f"--scenario multi-stream: requests in a query (default: {_DEFAULT_SAMPLES})",
    )
    group.add_argument(
        "--min-queries",
        action=Once,
        type=positive,
        metavar="N",
        help=f"--scenario: the fewest queries of a valid run (default: {_DEFAULT_QUERIES})",
    )
    group.add_argument(
        "--in-flight",
        action=Once,
        type=positive,
        metavar="N",
        help=f"--scenario offline: the most requests in flight (default: {_DEFAULT_IN_FLIGHT})",
    )
    group.add_argument("--scenario-logs", action=Once, metavar="DIR", help="--scenario: keep LoadGen's own logs there")


def asked(options: argparse.Namespace) -> bool:
    """Return whether a scenario was named."""
    return options.scenario is not None


def check(options: argparse.Namespace) -> None:
    """Refuse values, and options that the scenario has no use for.

    Raises:
        UsageError: such a value or option, or LoadGen is not installed.
    """
    for name, scenario in _OWN.items():
        if getattr(options, name) is not None and options.scenario != scenario:
            raise UsageError(f"--{name.replace('_', '-')} goes with --scenario {scenario}, not {options.scenario}")
    for name, remedy in _NOT_HERE.items():
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} does not go with --scenario; {remedy}")
    if options.processes > 1:
        raise UsageError("--processes does not go with --scenario: LoadGen is one process; leave it out")
    if len(options.endpoint or ()) > 1:
        raise UsageError("--scenario asks one server; give one --endpoint")
    _rules(options)
    _target_rate(options)
    check_installed()


def run(context: Context) -> Iterator[Scenario]:
    """Run the scenario over each API, for each kind of request."""
    options = context.options
    settings = settings_of(options)
    for pool in context.every_pool:
        with context.console.status(f"MLPerf {options.scenario} over {pool.api}"):
            row = run_scenario(
                context.server.endpoint,
                pool,
                _rules(options),
                rate_per_s=_target_rate(options),
                warmup_s=settings.warmup_s,
                timeout_s=settings.timeout_s,
                keep_logs=None if options.scenario_logs is None else Path(options.scenario_logs),
            )
        yield row


def _rules(options: argparse.Namespace) -> Rules:
    latency_s = _latency_s(options.target_latency or _DEFAULT_TARGET_LATENCY)
    return Rules(
        scenario=_NAMES[options.scenario],
        min_duration_s=settings_of(options).duration_s,
        min_queries=options.min_queries or _DEFAULT_QUERIES,
        percent=None if options.percentile is None else _number(options.percentile, "--percentile", "e.g. 97"),
        target_latency_ns=round(latency_s * 1e9),
        samples_per_query=options.samples_per_query or _DEFAULT_SAMPLES,
        in_flight=options.in_flight or _DEFAULT_IN_FLIGHT,
        seed=seed_of(options),
    )


def _target_rate(options: argparse.Namespace) -> float | None:
    if options.target_rate is None:
        return None
    return _number(options.target_rate, "--target-rate", "queries a second, e.g. 500")


def _latency_s(text: str) -> float:
    number, is_ms, _ = text.partition("ms")
    return seconds(number, "--target-latency") / 1e3 if is_ms else seconds(text.removesuffix("s"), "--target-latency")


def _number(text: str, option: str, like: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise UsageError(f"{option} {text!r} should be a number above 0: {like}")
    return value
