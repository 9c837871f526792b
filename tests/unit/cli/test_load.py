"""``tfserving-harness load``: what it refuses, what it measures, and what it keeps when it is cut short."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.load_results import made_result
from harness.cli.load import closed_loop
from harness.errors import ConnectionFailedError
from harness.load import Arrivals, Samples
from harness.protos import prediction_log_pb2
from harness.results import RateSearch, read_results
from harness.savedmodel.tfrecord import encode_records
from harness.tensors import to_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = ("--duration", "0.2", "--warmup", "0")

BAD = {
    "two modes": (("--rate", "5", "--concurrency", "2"), "--rate and --concurrency ask for different measurements; g*"),
    "too few": (("--concurrency", "1", "--processes", "2"), "--concurrency 1 is too little for 2 processes and 1 en*"),
    "another mode's": (("--arrivals", "poisson"), "--arrivals goes with --rate, which is not asked for; give --rate*"),
    "think in open loop": (("--rate", "5", "--think-time", "1"), "--think-time goes with --concurrency, which is not*"),
    "rate": (("--rate", "5,0"), "--rate '5,0' should be requests a second, with commas between, e.g. --rate 500,1000"),
    "rate as a word": (("--rate", "fast"), "--rate 'fast' should be requests a second, *"),
    "shape": (("--rate", "5", "--arrivals", "wave"), "--arrivals 'wave' should be constant, poisson, ramp:RATE:SECO*"),
    "half a ramp": (("--rate", "5", "--arrivals", "ramp:9"), "--arrivals 'ramp:9' should be constant, poisson, ramp*"),
    "no ramp": (("--rate", "5", "--arrivals", "ramp:9:0"), "--arrivals 'ramp:9:0': over_s must lie between 0 and 86*"),
    "no burst": (("--rate", "5", "--arrivals", "burst:0"), "--arrivals 'burst:0': burst=0: give a number of at leas*"),
    "limit": (("--slo", "p99=20"), "--slo 'p99=20' should be percentiles of latency, each once, with their limits*"),
    "tolerance": (("--slo", "p99=20ms", "--tolerance", "5"), "--tolerance '5' should be a share between 0 and 1, e.*"),
    "start rate": (("--slo", "p99=20ms", "--start-rate", "1,2"), "--start-rate '1,2' should be one rate; the searc*"),
    "counted search": (("--slo", "p99=20ms", "--requests", "9"), "--requests does not go with --slo: each step is as*"),
    "think time": (("--think-time", "-1"), "--think-time '-1' should be a number of seconds above 0, e.g. --think-t*"),
    "request timeout": (("--request-timeout", "x"), "--request-timeout 'x' should be a number of seconds above 0, e*"),
    "engine's API": (("--engine", "h11", "--api", "grpc"), "--engine h11 is for rest, but --api grpc is given; corr*"),
    "seed": (("--seed", "x"), "--seed 'x' should be a whole number from 0 to 4294967295"),
    "payload": (("--payload-sweep", "0"), "--payload-sweep '0' should be numbers above 0 with commas between, e.g.*"),
    "samples": (("--samples", "/dev/null/x"), "--samples /dev/null/x: this folder cannot be made: Not a directory; *"),
    "no examples": (("--examples", "/nope"), "--examples /nope: there is no such file"),
    "no log": (("--requests-from", "{good},/nope"), "--requests-from /nope: there is no such file"),
    "two sources": (("--examples", "x", "--requests-from", "y"), "--examples and --requests-from both say what to s*"),
    "no room": (("--examples", "x", "--payload-sweep"), "--payload-sweep makes its requests up, but --examples says*"),
    "nothing to replay": (("--replay",), "--replay needs --requests-from LOG, the log to replay"),
    "no speed": (("--replay", "0", "--requests-from", "x"), "--replay '0' should be a speed above 0: 1 as it came, *"),
    "another size": (("--replay", "--requests-from", "x", "--batch-size", "2"), "--replay sends the requests of the*"),
    "soak": (("--soak", "long"), "--soak 'long' should be a time above 0, e.g. --soak 90s, --soak 10m or --soak 2h"),
    "two soaks": (("--soak", "9s", "--soak-rate", "1", "--soak-concurrency", "1"), "--soak-rate and --soak-concurren*"),
    "soak of rates": (("--soak", "9s", "--soak-rate", "1,2"), "--soak-rate '1,2' should be one rate: the load is to*"),
    "another duration": (("--soak", "9s", "--duration", "5"), "--duration does not go with --soak, which makes no us*"),
    "how to soak": (("--soak-rate", "1"), "--soak-rate goes with --soak, which is not asked for; give --soak, or lea*"),
    "timed breakdown": (("--breakdown", "--warmup", "0"), "--warmup does not go with --breakdown, which makes no use*"),
    "pipeline": (("--pipeline", "no.such.module", "--files", "x"), "no module 'no.such.module' can be imported from *"),
    "no pipeline": (("--pipeline", "json", "--files", "x"), "json has no callable 'make_prediction': one that tak*"),
    "no files": (("--pipeline", "json:loads"), "--pipeline needs files to work on; give some, e.g. --files shelf*"),
    "no file": (("--pipeline", "json:loads", "--files", "/nope"), "--files /nope: it cannot be read: No such file*"),
    "files": (("--files", "x"), "--files goes with --pipeline, which is not asked for; give --pipeline, or leave*"),
    "made-up pipeline": (("--pipeline", "json", "--batch-size", "2"), "--batch-size does not go with --pipeline*"),
    "no cold start": (("--cold-start", "0"), "argument --cold-start: '0' should be a whole number above 0"),
    "requests": (("--requests", "0"), "argument --requests: '0' should be a whole number above 0"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "text"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_measured_is_refused(
    cli: Callable[..., Any], half_plus_two: Path, words: tuple[str, ...], text: str
) -> None:
    """Values that mean nothing, and options that contradict each other, end with 3 before anything is served."""
    from fnmatch import fnmatchcase

    words = tuple(word.format(good=half_plus_two) for word in words)
    ended = cli("load", half_plus_two, "--backend", "standin", *words)
    assert ended.code == 3
    assert fnmatchcase(ended.err.splitlines()[-1].partition("error: ")[2], text.replace("[", "[[]")), ended.err


@pytest.fixture
def load(cli: Callable[..., Any], addresses: dict[str, str], tmp_path: Path) -> Callable[..., Any]:
    """A function that measures half_plus_two over gRPC for a moment, and returns how it ended and what was had."""

    def run(*words: str) -> Any:
        where = ("--endpoint", addresses["grpc"], "--name", "half_plus_two", "--report", tmp_path)
        ended = cli("load", *where, *QUICK, *words)
        return ended, read_results(tmp_path / "results.json")

    return run


def test_rates_become_rows_with_their_schedule(load: Callable[..., Any], tmp_path: Path) -> None:
    """Each rate is a row of an open loop, its samples lie in a file, and a line tells of it."""
    ended, results = load("--rate", "50,100", "--arrivals", "constant", "--samples", str(tmp_path / "samples"))
    assert ended.code == 0, ended.err
    assert [(row.asked_rate_per_s, row.arrivals, row.n) for row in results.throughput] == [
        (50.0, "constant", 10),
        (100.0, "constant", 20),
    ]
    size = results.throughput[1].payload_bytes
    assert f"[2/2] grpc, batch 1, {size} B, 100/s constant: measuring 0.2 s\n" in ended.err
    assert len(Samples.load(tmp_path / "samples" / f"grpc-batch-1-{size}-b-100-s-constant.npz")) == 20
    assert "at 100/s" in ended.out


def test_batches_and_requests_can_be_counted(load: Callable[..., Any]) -> None:
    """Each batch size is measured at each concurrency, for so many requests, by the engine that was named."""
    ended, results = load("--batch-size", "1,4", "--concurrency", "2", "--requests", "30", "--engine", "grpc.aio")
    assert ended.code == 0, ended.err
    rows = results.throughput
    assert [(row.batch_size, row.n, row.engine) for row in rows] == [(1, 30, "grpc.aio"), (4, 30, "grpc.aio")]
    assert rows[0].payload_bytes < rows[1].payload_bytes


def test_a_log_is_replayed_and_its_answers_compared(load: Callable[..., Any], tmp_path: Path) -> None:
    """Each request leaves once, at its time; an answer other than the recorded one is told and ends with 1."""
    path = tmp_path / "traffic.tfrecord"
    path.write_bytes(encode_records([_logged(4.0, answer=6.0, at_s=9), _logged(6.0, answer=9.0, at_s=10)]))
    ended, results = load("--requests-from", str(path), "--replay", "5", "--verify", "10")
    (row,) = results.throughput
    assert ended.code == 1, ended.err
    assert (row.n, row.arrivals, row.requests) == (2, "recorded", "2 requests: logged in traffic.tfrecord")
    assert (row.answers_compared, row.answers_wrong) == (2, 1)
    assert "1 of 2 answers compared is wrong" in " ".join(ended.out.split())


def _logged(value: float, *, answer: float, at_s: int) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.name = "half_plus_two"
    log.predict_log.request.inputs["x"].CopyFrom(to_proto(np.array([value], np.float32)))
    log.predict_log.response.outputs["y"].CopyFrom(to_proto(np.array([answer], np.float32)))
    log.log_metadata.timestamp_secs = at_s
    return bytes(log.SerializeToString())


def test_payloads_grow_in_a_sweep(load: Callable[..., Any]) -> None:
    """Each size of what the signature leaves open is a row, with answers compared with those of the server at rest."""
    ended, results = load("--payload-sweep", "1,64", "--concurrency", "1", "--verify", "5")
    assert ended.code == 0, ended.err
    small, large = results.throughput
    assert small.payload_bytes < large.payload_bytes
    assert (small.answers_wrong, large.answers_wrong) == (0, 0)
    assert small.answers_compared > 0


def test_several_endpoints_are_asked_in_turn(load: Callable[..., Any], addresses: dict[str, str]) -> None:
    """A second endpoint may be named; here it is the same server."""
    ended, results = load("--endpoint", addresses["grpc"])
    assert ended.code == 0, ended.err
    assert [row.concurrency for row in results.throughput] == [2, 8]  # one in flight is too little for two
    assert all(row.n > 0 for row in results.throughput)


def test_an_api_that_cannot_carry_the_requests_is_left_out(cli: Callable[..., Any], addresses: dict[str, str]) -> None:
    """With a word where both were to be measured; asked for by name it is an error."""
    words = ("load", "--endpoint", addresses["both"], "--name", "dtypes", "--signature", "uint16", *QUICK)
    ended = cli(*words, "--concurrency", "1")
    assert ended.code == 0, ended.err
    assert "rest is left out: " in ended.err
    assert "gRPC" in ended.out
    assert "REST" not in ended.out
    assert cli(*words, "--api", "rest").code == 3


def test_a_limit_leads_to_a_search(load: Callable[..., Any]) -> None:
    """The bracket is a row of its own kind, with its limits and steps; a limit that no rate keeps ends with 1."""
    ended, results = load("--slo", "p50=1us,p10=1s", "--start-rate", "800", "--api", "grpc")
    assert ended.code == 1, ended.err
    (row,) = results.rate_searches
    assert [step.asked_rate_per_s for step in row.steps] == [800.0, 400.0, 200.0, 100.0, 50.0]
    assert (row.kept_per_s, row.missed_per_s, row.why_open) == (None, 50.0, "not even 50.0/s did")
    assert "p50 ≤ 1.00 µs, p10 ≤ 1.00 s" in ended.out


def test_wrong_answers_end_with_1(load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """However good the rate is, the run has failed, and the verdict says so."""
    from dataclasses import replace

    row = replace(made_result([1.0] * 9).throughput(), answers_compared=9, answers_wrong=1, warnings=("WRONG",))
    monkeypatch.setattr(closed_loop, "run", lambda _context: iter([row]))
    ended, results = load()
    assert ended.code == 1
    assert ended.out.startswith("Failed")
    assert results.throughput[0].answers_wrong == 1


@pytest.mark.parametrize(
    ("trouble", "code", "text"),
    [
        (KeyboardInterrupt(), 130, ""),
        (
            ConnectionFailedError("it is gone", target="t", api="grpc", request="r"),
            3,
            "error: it is gone",
        ),
    ],
)
def test_what_was_had_is_reported_however_it_ends(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, trouble: BaseException, code: int, text: str
) -> None:
    """Rows that were measured before Ctrl-C, or before an error, are in the report."""

    def run(_context: object) -> Iterator[Any]:
        yield made_result([1.0] * 9, arrivals=Arrivals(rate_per_s=9.0)).throughput()
        raise trouble

    monkeypatch.setattr(closed_loop, "run", run)
    ended, results = load()
    assert ended.code == code
    assert len(results.throughput) == 1
    assert results.run.interrupted == (code == 130)
    assert text in ended.err
    assert any("not all was measured: it is gone" in warning for warning in results.warnings) == (code == 3)


def test_ctrl_c_ends_a_run_and_keeps_it(addresses: dict[str, str]) -> None:
    """The run that it cuts short is a row like the others, its time as long as it was."""
    code = "import sys; from harness.cli import main; sys.exit(main())"
    words = ("load", "--endpoint", addresses["grpc"], "--name", "half_plus_two", "--duration", "600", "--warmup", "0")
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "measuring" in line:
                break
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output.startswith("Interrupted")
    assert "the run ended early, interrupted" in " ".join(output.split())


def test_the_searchs_row_fails_where_nothing_kept_the_limit() -> None:
    """A limit that no rate keeps is no success; one that some rate keeps is."""
    from dataclasses import replace

    from harness.cli.load.outcome import fails

    row = RateSearch(
        model="m", api="grpc", method="predict", percent=99.0, limit_ns=1e6, kept_per_s=None, missed_per_s=9.0
    )
    assert fails(row)
    assert not fails(replace(row, kept_per_s=5.0))


CLIENT = """
def make_prediction(file, client, *, clock):
    with clock("read file"):
        value = float(file)
    return client.predict({"x": [value]})["y"]

def silent(file, client):
    return client.predict({"x": [float(file)]})["y"]
"""


@pytest.mark.parametrize(
    ("called", "first"), [("", "read file"), (":silent", "encode request")], ids=["with a clock", "without"]
)
def test_client_code_is_taken_apart(
    cli: Callable[..., Any],
    addresses: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    called: str,
    first: str,
) -> None:
    """The user's module is found from the working directory, and its stages stand beside those of its call."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_client", raising=False)
    (tmp_path / "my_client.py").write_text(CLIENT)
    files = [tmp_path / "one", tmp_path / "two"]
    for number, file in enumerate(files):
        file.write_text(str(number))
    where = ("--endpoint", addresses["grpc"], "--name", "half_plus_two", "--report", tmp_path)
    ended = cli("load", *where, "--pipeline", f"my_client{called}", "--requests", "10", "--files", *files)
    assert ended.code == 0, ended.err
    (row,) = read_results(tmp_path / "results.json").breakdowns
    assert (row.n, row.pipeline) == (10, f"my_client{called or ':make_prediction'}")
    assert row.parts[0].name == first
    assert row.parts[-1].name == "client's rest"
    assert "Where the time goes from file to result" in ended.out
