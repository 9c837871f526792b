"""The options of the gate, declared and then parsed once into one frozen GateSettings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

__all__ = ["GateSettings", "declare", "parse"]

# (option, destination, metavar, help); each may be repeated.
_OPTIONS = (
    (
        "--gate-baseline",
        "gate_baselines",
        "NAME=PATH",
        "compare the model NAME with the SavedModel at PATH, side by side",
    ),
    ("--gate-budget", "gate_budgets", "WHAT=LIMIT", "a promise that the gate holds models to, e.g. p99=20ms"),
    ("--gate-tolerance", "gate_tolerances", "METRIC=SHARE", "how much worse the gate lets pass, e.g. p50_ns=10%%"),
)


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """What the command line said of the gate.

    Attributes:
        baselines: path by model name; empty to gate nothing.
        budgets: promises as they were typed.
        tolerances: by metric, as a share.
        pairs: pairs of blocks of a round.
    """

    baselines: Mapping[str, Path] = field(default_factory=dict)
    budgets: tuple[str, ...] = ()
    tolerances: Mapping[str, float] = field(default_factory=dict)
    pairs: int = 12


def declare(group: pytest.OptionGroup) -> None:
    """Declare the options."""
    for option, destination, metavar, text in _OPTIONS:
        group.addoption(option, dest=destination, action="append", default=[], metavar=metavar, help=text)
    group.addoption("--gate-pairs", dest="gate_pairs", default=None, help="pairs of blocks of a round (default: 12)")


def parse(options: pytest.Config) -> GateSettings:
    """Return the parsed options.

    Raises:
        UsageError: a value that cannot be used.
    """
    get = options.getoption
    baselines, budgets, tolerances = (get(destination) for _, destination, _, _ in _OPTIONS)
    if not baselines:
        _refuse_idle({"--gate-budget": budgets, "--gate-tolerance": tolerances, "--gate-pairs": get("gate_pairs")})
        return GateSettings()
    from harness.gate.budgets import parse_budget
    from harness.gate.metrics import choose_metrics, parse_tolerance
    from harness.option_values import whole_number

    for text in budgets:
        parse_budget(text)
    given = dict(parse_tolerance(text, "--gate-tolerance") for text in tolerances)
    choose_metrics(given)
    pairs = 12 if get("gate_pairs") is None else whole_number(get("gate_pairs"), "--gate-pairs")
    if not pairs:
        raise UsageError("--gate-pairs 0: a gate needs pairs to judge by; the default is 12")
    return GateSettings(baselines=_paths(baselines), budgets=tuple(budgets), tolerances=given, pairs=pairs)


def _refuse_idle(given: Mapping[str, object]) -> None:
    idle = [option for option, value in given.items() if value]
    if idle:
        raise UsageError(f"{idle[0]} does nothing without --gate-baseline NAME=PATH, which says what to gate")


def _paths(texts: Sequence[str]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for text in texts:
        name, _, path = text.partition("=")
        if not name or not path:
            raise UsageError(f"--gate-baseline {text!r} should be NAME=PATH, e.g. digits=build/main/digits")
        if name in paths:
            raise UsageError(f"--gate-baseline {name} is given twice: {paths[name]} and {path}; give it once")
        paths[name] = Path(path).expanduser().absolute()
        if not paths[name].exists():
            raise UsageError(f"--gate-baseline {text}: there is no such path; give the directory that holds the model")
    return paths
