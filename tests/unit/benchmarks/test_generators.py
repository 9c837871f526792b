"""The comparison of load generators: order, ratios, what is left out, and what other programs' words are read as."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks.children import generator_cores, running
from benchmarks.generators.agreement import verdict
from benchmarks.generators.h2load import by_h2load
from benchmarks.generators.own import by_engine
from benchmarks.generators.perf_analyzer import by_perf_analyzer
from benchmarks.generators.reading import Missing, Reading
from benchmarks.generators.requests_load import by_requests
from benchmarks.generators.speed import Generator, measure_all, print_table
from benchmarks.generators.targets import Target
from benchmarks.generators.wrk import by_wrk
from harness.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_H2LOAD = """
finished in 2.00s, 35976.00 req/s, 3.40MB/s
requests: 71952 total, 71960 started, 71952 done, 71950 succeeded, 2 failed, 0 errored, 0 timeout
status codes: 71950 2xx, 0 3xx, 2 4xx, 0 5xx
"""
_WRK = """
  Latency Distribution
     50%  119.00us
     75%  201.00us
     90%    1.16ms
     99%    7.27ms
  83891 requests in 2.00s, 15.76MB read
  Non-2xx or 3xx responses: 3
Requests/sec:  41925.46
"""

_PROGRAM = """#!{python}
import sys
print({said!r})
for each in sys.argv:
    if each.startswith('--log-file='):
        open(each[11:], 'w').write('1\\t200\\t50\\n')
"""


def _reading(rate: float, cpu_us: float = 10.0) -> Reading:
    return Reading(rate_per_s=rate, p50_us=1.0, p99_us=2.0, generator_cpu_us=cpu_us, server_cpu_us=5.0)


def _target(api: str) -> Target:
    return Target(name="t", api=api, port=1, process=psutil.Process())


def _program(folder: Path, name: str, said: str) -> None:
    """Put a program on a path that says this, and writes what h2load would log."""
    path = folder / name
    path.write_text(_PROGRAM.format(python=sys.executable, said=said))
    path.chmod(0o755)


@pytest.fixture(scope="module")
def rest_target() -> Iterator[Target]:
    """A REST server that answers at once."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.generators.slow_server", "rest", str(port), "0"]
    with running(command, port) as process:
        yield Target(name="quick", api="rest", port=port, process=process)


def test_a_round_goes_there_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    """Generators are measured from first to last, then from last to first; one that is missing is asked once."""
    asked = []

    def measure(name: str) -> Reading:
        asked.append(name)
        if name == "c":
            raise Missing("not installed")
        return _reading(1.0)

    several = [Generator(name=name, measure=lambda _, name=name, **__: measure(name)) for name in "abc"]
    readings = measure_all(several, _target("grpc"), rounds=1, concurrency=1, seconds=1.0)
    assert asked == ["a", "b", "c", "b", "a"]
    assert {name: len(its) for name, its in readings.items()} == {"a": 2, "b": 2}
    assert "left out: c: not installed" in capsys.readouterr().out


def test_ratios_are_of_one_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """A machine that is half as fast in one pass changes no ratio, and a ratio of three says so."""
    several = [Generator(name=name, measure=_reading, wanted=2.5) for name in ("ours", "other")]
    print_table(
        several, {"ours": [_reading(300.0), _reading(150.0)], "other": [_reading(100.0, 40.0), _reading(50.0, 40.0)]}
    )
    row = capsys.readouterr().out.splitlines()[2]
    assert re.findall(r"3\.00 \(3\.00-3\.00\) +>=2\.5", row)
    assert re.findall(r" 4\.00 ", row), "the other's processor time per request, as a ratio to ours"


def test_h2load_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate, latencies of the log, and requests without a 2xx are read from what h2load says."""
    _program(tmp_path, "h2load", _H2LOAD)
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = by_h2load(_target("grpc"), concurrency=8, seconds=1.0)
    assert (reading.rate_per_s, reading.p50_us, reading.errors) == (35976.0, 50.0, 2)
    assert 0 < reading.generator_cpu_us < 1e6 / 71952 * 5


def test_wrk_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate, percentiles in any unit, and answers that are no 2xx are read from what wrk says."""
    _program(tmp_path, "wrk", _WRK)
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = by_wrk(_target("rest"), concurrency=8, seconds=1.0)
    assert (reading.rate_per_s, reading.p50_us, reading.p99_us, reading.errors) == (41925.46, 119.0, 7270.0, 3)


@pytest.mark.parametrize("measure", [by_h2load, by_wrk, lambda *a, **b: by_perf_analyzer(None, *a, **b)])
def test_what_is_not_installed_is_missing(measure: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is not on PATH is missing, with what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Missing, match=r"Debian|wheel"):
        measure(_target("grpc"), concurrency=1, seconds=1.0)


def test_our_engine_and_requests_measure_a_server(rest_target: Target) -> None:
    """Both tell a rate, latencies in order, and what both sides spend, without an error."""
    for reading in (
        by_engine("http1", rest_target, concurrency=2, seconds=0.2),
        by_requests(rest_target, concurrency=2, seconds=0.2),
    ):
        assert reading.rate_per_s > 0
        assert 0 < reading.p50_us <= reading.p99_us
        assert reading.generator_cpu_us > 0
        assert reading.errors == 0


@pytest.mark.parametrize(
    ("difference", "said"), [(-40.0, "agree within noise"), (120.0, "own time"), (400.0, "differ"), (-80.0, "differ")]
)
def test_verdicts(difference: float, said: str) -> None:
    """A reference may be later by its own processor time and noise, and earlier by noise alone."""
    assert said in verdict(difference, noise=50.0, spent=50.0)


def test_generators_have_one_core() -> None:
    """All generators share one processor, so that what is compared is what one can do."""
    assert len(generator_cores()) == 1
