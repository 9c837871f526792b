"""Scenario runs: one of MLPerf's inference scenarios on a served model, judged by LoadGen, as a row of results.

Before LoadGen begins, a short closed loop with as many requests in flight as the scenario has warms the server up,
finds out whether it answers at all, and says what LoadGen must be told to expect.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import CheckError, ReportError, UsageError
from harness.load import run_load
from harness.load.engines import DEFAULTS
from harness.load.job import Job
from harness.load.mlperf import Failures, Rules, read_verdict, run_loadgen
from harness.load.mlperf.process import check_installed
from harness.load.request import with_headers
from harness.load.session import Timing
from harness.results import Scenario
from harness.scratch import scratch

if TYPE_CHECKING:
    from pathlib import Path

    from harness.endpoint import Endpoint
    from harness.load import LoadResult
    from harness.load.mlperf.verdict import Verdict
    from harness.measure.pool import RequestPool
    from harness.tls import Tls

__all__ = ["Rules", "run_scenario"]

_LOGS = ("mlperf_log_summary.txt", "mlperf_log_detail.txt")
_PROBE_S = 0.5
_RATE_SHARE = 0.5
_OFFLINE_MARGIN = 1.25  # LoadGen's one query must last for the shortest duration even if the server does better


def run_scenario(
    endpoint: Endpoint,
    pool: RequestPool,
    rules: Rules,
    *,
    rate_per_s: float | None = None,
    warmup_s: float = 5.0,
    timeout_s: float = 10.0,
    tls: Tls | None = None,
    keep_logs: Path | None = None,
) -> Scenario:
    """Run a scenario and return LoadGen's verdict; a run with failed answers is not valid, whatever LoadGen says.

    Args:
        endpoint: the model to ask.
        pool: the samples that queries are drawn from.
        rules: the scenario and its settings; what LoadGen is to expect is found out before.
        rate_per_s: Server: the mean rate of arrivals; None for half of what a closed loop with ``rules.in_flight``
            requests in flight reaches.
        warmup_s: the longest warm-up of the closed loop before.
        timeout_s: the most one request may take.
        tls: files for TLS; None for the endpoint's own.
        keep_logs: a folder to put LoadGen's logs into, named after API and scenario; None to keep none.

    Raises:
        UsageError: LoadGen is not installed, or an argument cannot be used.
        ConnectionFailedError: the server cannot be reached, or went away.
        CheckError: no request is answered well.
        ReportError: the logs cannot be written or read.
        HarnessError: LoadGen broke.
        KeyboardInterrupt: Ctrl-C.
    """
    check_installed()
    target = endpoint.grpc if pool.api == "grpc" else endpoint.rest
    if target is None:
        raise UsageError(f"the endpoint of model {endpoint.model!r} has no {pool.api} address; choose the other api")
    in_flight = _in_flight(rules)
    probe = run_load(
        endpoint,
        pool.encoded,
        api=pool.api,
        concurrency=in_flight,
        duration_s=_PROBE_S,
        warmup_s=warmup_s,
        timeout_s=timeout_s,
        tls=tls,
    )
    _check_probe(probe)
    informed = _informed(rules, probe, rate_per_s)
    job = Job(
        engine=DEFAULTS[pool.api],
        targets=(target,),
        concurrency=in_flight,
        timeout_s=timeout_s,
        timing=Timing(duration_ns=0, warmup_bound_ns=0),
        requests=with_headers(tuple(pool.encoded), endpoint),
        tls=endpoint.tls_over(pool.api) if tls is None else tls,
    )
    with scratch() as folder:
        run_loadgen(job, informed, folder)
        if keep_logs is not None:
            _keep(folder, keep_logs / f"mlperf-{pool.api}-{rules.scenario}")
        row = _row(endpoint.model, pool, read_verdict(folder), Failures.load(folder))
    return replace(
        row, numbers={**row.numbers, **_of_probe(probe)}, warnings=(*row.warnings, *_notes(informed, rate_per_s))
    )


def _in_flight(rules: Rules) -> int:
    return {"SingleStream": 1, "MultiStream": rules.samples_per_query}.get(rules.scenario, rules.in_flight)


def _check_probe(probe: LoadResult) -> None:
    if probe.ended == "interrupted":
        raise KeyboardInterrupt
    if not probe.n:
        first = next(iter(probe.messages.values()), probe.reason)
        raise CheckError(
            f"no request of {probe.model} was answered well over {probe.api} in the warm-up of the scenario:"
            f" {probe.errors or 'no answer came'}: {first}; correct the requests, or look at the server's log"
        )


def _informed(rules: Rules, probe: LoadResult, rate_per_s: float | None) -> Rules:
    """Return the rules with what LoadGen must be told to expect."""
    latency_ns = float(np.median(probe.samples.latency_ns))
    rate = probe.rate_per_s * (_OFFLINE_MARGIN if rules.scenario == "Offline" else _RATE_SHARE)
    if rules.scenario == "Server" and rate_per_s is not None:
        rate = rate_per_s
    return replace(rules, expected_latency_ns=max(1, round(latency_ns)), rate_per_s=rate)


def _row(model: str, pool: RequestPool, verdict: Verdict, failures: Failures) -> Scenario:
    failed = sum(failures.errors.values())
    warnings = list(verdict.warnings)
    if failed:
        kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(failures.errors.items()))
        first = next(iter(failures.messages.values()), "")
        warnings.insert(
            0,
            f"{failed:,} of {failed + failures.answered:,} requests failed ({kinds}; first message: {first}): the run"
            " is not valid, and LoadGen's numbers count them as answered",
        )
    missed = [name for name, said in verdict.checks.items() if said == "NO"]
    if missed:
        why = verdict.checks.get("Early stopping", "") if "Early stopping satisfied" in missed else ""
        warnings.append(f"not valid: {', '.join(missed)}: NO. {why}".strip())
    return Scenario(
        model=model,
        api=pool.api,
        scenario=verdict.scenario,  # type: ignore[arg-type]  # LoadGen has no others
        valid=verdict.valid and not failed,
        metric=verdict.metric,
        value=verdict.value,
        n=verdict.n,
        checks={**verdict.checks, "All requests answered well": "NO" if failed else "Yes"},
        numbers={**verdict.numbers, "Requests answered": failures.answered, "Requests failed": failed},
        warnings=tuple(warnings),
    )


def _of_probe(probe: LoadResult) -> dict[str, float]:
    before = f"closed loop before, {probe.concurrency} in flight"
    return {
        f"50.00 percentile latency (ns), {before}": float(np.median(probe.samples.latency_ns)),
        f"Requests per second, {before}": probe.rate_per_s,
    }


def _notes(rules: Rules, rate_per_s: float | None) -> list[str]:
    if rules.scenario != "Server" or rate_per_s is not None:
        return []
    source = f"half of what a closed loop with {rules.in_flight} in flight reached"
    return [f"no rate was given: {rules.rate_per_s:,.1f} requests a second is {source}"]


def _keep(folder: Path, kept: Path) -> None:
    try:
        kept.mkdir(parents=True, exist_ok=True)
        for name in _LOGS:
            shutil.copy(folder / name, kept / name)
    except OSError as exc:
        raise ReportError(f"LoadGen's logs cannot be kept in {kept}: {exc}; name another folder") from exc
