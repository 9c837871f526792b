"""What all modes of the load command have in common: the options of every run, and the runner they lead to."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from harness.cli.server_options import Once, positive
from harness.clients import open_client
from harness.errors import ReportError, UsageError
from harness.load import engines
from harness.measure.expected import expect
from harness.measure.progress import progress_on
from harness.measure.runner import Runner, RunSettings, usage_of
from harness.measure.server_metrics import MetricsWatch
from harness.measure.verify import verify
from harness.option_values import seconds, whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from harness.cli.load.context import Context
    from harness.load import Answer
    from harness.measure import RequestPool
    from harness.measure.expected import Expected
    from harness.measure.verify import Verification

__all__ = ["add_common_options", "observer_of", "refuse_unfit", "running", "samples_folder", "seed_of", "settings_of"]

_DEFAULT_DURATION, _DEFAULT_WARMUP, _DEFAULT_REQUEST_TIMEOUT = "5", "15", "10"
_NO_END_S = 86_400.0  # of a run that a number of requests ends
_ENGINE_APIS = {name: api for api, names in engines.ENGINES.items() for name in names}


def add_common_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that every mode knows."""
    group.add_argument(
        "--api", action=Once, choices=("grpc", "rest", "both"), default="both", help="what to call (default: both)"
    )
    group.add_argument("--duration", action=Once, metavar="SECONDS", help="measured time of each run (default: 5)")
    group.add_argument(
        "--requests", action=Once, type=positive, metavar="N", help="end each run after so many measured requests"
    )
    group.add_argument(
        "--warmup", action=Once, metavar="SECONDS", help="the most a warm-up may take; 0 for none (default: 15)"
    )
    group.add_argument(
        "--request-timeout", action=Once, metavar="SECONDS", help="the most one request may take (default: 10)"
    )
    group.add_argument(
        "--processes", action=Once, type=positive, default=1, metavar="N", help="how many processes send (default: 1)"
    )
    group.add_argument(
        "--engine", action=Once, choices=tuple(_ENGINE_APIS), help="what sends; asks for its API (default: the fastest)"
    )
    group.add_argument("--seed", action=Once, default="0", help="of arrivals, orders and made-up values (default: 0)")
    group.add_argument(
        "--verify", action=Once, type=positive, metavar="N", help="keep so many answers of each run and compare them"
    )
    group.add_argument("--samples", action=Once, metavar="DIR", help="write each run's raw samples there, as .npz")


def settings_of(options: argparse.Namespace) -> RunSettings:
    """Return what the common options mean; an engine that is named chooses the API.

    Raises:
        UsageError: an option has no such value, or options contradict each other.
    """
    _choose_api(options)
    duration = options.duration or (_DEFAULT_DURATION if options.requests is None else None)
    warmup = options.warmup or _DEFAULT_WARMUP
    think = getattr(options, "think_time", None)
    return RunSettings(
        duration_s=_NO_END_S if duration is None else seconds(duration, "--duration"),
        most_requests=options.requests,
        warmup_s=0.0 if warmup == "0" else seconds(warmup, "--warmup"),
        timeout_s=seconds(options.request_timeout or _DEFAULT_REQUEST_TIMEOUT, "--request-timeout"),
        think_s=0.0 if think is None else seconds(think, "--think-time"),
        processes=options.processes,
        engine=options.engine,
        shuffle_seed=seed_of(options),
        keep_answers=options.verify or 0,
    )


def seed_of(options: argparse.Namespace) -> int:
    """Return the seed.

    Raises:
        UsageError: it is none.
    """
    return whole_number(options.seed, "--seed")


def samples_folder(options: argparse.Namespace) -> Path | None:
    """Return the folder for samples, made if need be; None if none are wanted.

    Raises:
        ReportError: it cannot be made.
    """
    if options.samples is None:
        return None
    folder = Path(options.samples)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ReportError(f"--samples {folder}: this folder cannot be made: {exc.strerror}; name another") from exc
    return folder


@contextmanager
def running(context: Context) -> Iterator[Runner]:
    """Yield what makes the runs of a mode, and shows their progress until the block ends."""
    settings = settings_of(context.options)
    with progress_on(context.console) as progress:
        yield Runner(
            endpoints=context.endpoints or (context.server.endpoint,),
            usage=usage_of(context.server) if len(context.endpoints) < 2 else None,
            settings=settings,
            progress=progress,
            samples=samples_folder(context.options),
            verify=_verifier(context) if settings.keep_answers else None,
            observe=observer_of(context),
        )


def observer_of(context: Context) -> Callable[[], MetricsWatch] | None:
    """Return what makes readers of the server's own metrics; None, with a note on the console, if it shows none."""
    if len(context.endpoints) > 1:
        return None
    trial = MetricsWatch(context.server)
    trial.look()
    if trial.note:
        context.console.print(Text(f"note: the server's own metrics are left out: {trial.note}"), soft_wrap=True)
        return None
    return partial(MetricsWatch, context.server)


def _verifier(context: Context) -> Callable[[RequestPool, Sequence[Answer]], Verification]:
    """Return what compares answers with the recorded ones, or with those that the server gives now, at rest."""
    expected: dict[int, Expected] = {}
    for pool in context.every_pool:
        with open_client(context.server.endpoint, pool.api) as client:
            expected[id(pool)] = expect(pool, client)
    return lambda pool, answers: verify(answers, pool, expected[id(pool)])


def refuse_unfit(options: argparse.Namespace, mode: str, *names: str) -> None:
    """Refuse common options that a mode has no use for.

    Raises:
        UsageError: one of them was given.
    """
    for name in names:
        if name in vars(options).get("_given", ()):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} does not go with {mode}, which makes no use of it; leave it out")


def _choose_api(options: argparse.Namespace) -> None:
    if options.engine is None:
        return
    api = _ENGINE_APIS[options.engine]
    if options.api not in ("both", api):
        raise UsageError(
            f"--engine {options.engine} is for {api}, but --api {options.api} is given; correct one of them"
        )
    options.api = api
