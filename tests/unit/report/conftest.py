"""A realistic run to render: two models over both APIs, with a failing check, a failing test and load rows."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from harness.findings import Finding
from harness.results import (
    Backend,
    Breakdown,
    ColdStart,
    Failure,
    Gated,
    Latency,
    Machine,
    MetricRatio,
    Outcome,
    Part,
    PassedOver,
    Picture,
    RateSearch,
    RateStep,
    Results,
    Run,
    Scenario,
    ServedModel,
    ServedSignature,
    ServerSide,
    Soak,
    TensorInfo,
    Throughput,
    Trend,
    TrendPoint,
    Window,
)
from harness.stats import summarise

SEVEN = ["..####..", ".####44.", ".....#4.", "....##..", "..####4.", "...##...", "...#4...", "..4#...."]
THREE = ["..###...", ".4..##..", "....#4..", "...##...", "....4#..", ".....##.", ".4..##..", "..###4.."]


def _png(rows: list[str]) -> bytes:
    """Draw an 8 x 8 digit from text: ``#`` is dark, ``4`` half, ``.`` light."""
    grey = {"#": 30, "4": 140, ".": 245}
    buffer = io.BytesIO()
    Image.fromarray(np.array([[grey[c] for c in row] for row in rows], dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _samples_ns(median_us: float, n: int, seed: int) -> npt.NDArray[np.float64]:
    """Latencies as servers have them: a narrow body and a long tail."""
    rng = np.random.default_rng(seed)
    return median_us * 1000 * np.exp(rng.normal(0, 0.16, n) + rng.exponential(0.09, n))


def latency(model: str, api: Any, median_us: float, n: int = 6000, **more: Any) -> Latency:
    """A latency row over generated samples."""
    found = summarise(_samples_ns(median_us, n, seed=len(model) + n))
    fields: dict[str, Any] = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return Latency(model=model, api=api, **({"method": "predict", "how": "load"} | fields | more))


def throughput(model: str, api: Any, concurrency: int, rate_per_s: float, **more: Any) -> Throughput:
    """A throughput row of ten seconds over generated samples."""
    n = int(rate_per_s * 10)
    found = summarise(_samples_ns(1e6 * concurrency / rate_per_s, n, seed=concurrency))
    fields: dict[str, Any] = {
        "method": "predict",
        "duration_s": 10.0,
        "n": n,
        "percentiles": found.percentiles,
        "engine": "grpc.aio" if api == "grpc" else "h11",
        "server_cpu_us_per_request": 212.4 if api == "grpc" else 268.1,
        "server_peak_memory_bytes": 187_400_192,
    }
    return Throughput(model=model, api=api, concurrency=concurrency, rate_per_s=rate_per_s, **(fields | more))


def windows(n: int = 30) -> tuple[Window, ...]:
    """Ten seconds in slices, with a stall in the middle and failures after it."""
    return tuple(
        Window(
            start_s=10.0 * i / n,
            duration_s=10.0 / n,
            n=0 if i == 15 else 1500,
            errors=12 if i == 16 else 0,
            p50_ns=None if i == 15 else 1.5e6 + 2e4 * (i % 5),
            max_ns=None if i == 15 else (3e8 if i == 16 else 6e6 + 1e5 * (i % 7)),
            server_cpu_share=0.1 if i == 15 else 1.5,
        )
        for i in range(n)
    )


DIGITS = ServedModel(
    name="digits",
    base_path_name="digits",
    versions=(1, 2),
    signatures=(
        ServedSignature(
            name="serving_default",
            inputs=(TensorInfo(name="image", dtype="float32", shape=(None, 8, 8, 1)),),
            outputs=(
                TensorInfo(name="label", dtype="int64", shape=(None,)),
                TensorInfo(name="scores", dtype="float32", shape=(None, 10)),
            ),
        ),
    ),
)
REVIEWS = ServedModel(
    name="reviews",
    base_path_name="reviews",
    versions=(7,),
    signatures=(
        ServedSignature(
            name="serving_default",
            inputs=(TensorInfo(name="text", dtype="string", shape=(None,)),),
            outputs=(TensorInfo(name="sentiment", dtype="float32", shape=(None, 2)),),
        ),
    ),
)
FINDINGS = (
    Finding(
        check="contract",
        model="digits",
        subject="serving_default over gRPC",
        passed=True,
        tried="read the signature from the server's metadata and compared it with digits.contract.json",
        expected="the same inputs and outputs",
        seen="the same",
        duration_ns=4_200_000,
    ),
    Finding(
        check="parity",
        model="digits",
        subject="REST against gRPC, batch 16",
        passed=True,
        tried="asked both APIs for the same 16 images",
        expected="scores equal within 1e-6",
        seen="largest difference 2.4e-07",
        duration_ns=18_400_000,
    ),
    Finding(
        check="goldens",
        model="reviews",
        subject="12 recorded answers",
        passed=False,
        tried="predicted the 12 recorded inputs over gRPC",
        expected="sentiment equal to the recording within 1e-5",
        seen="2 of 12 differ; largest difference 0.0312 at sentiment[4, 1]: 0.8871 recorded, 0.8559 served",
        pictures=(Picture(caption="expected, seen, difference (white: 0.4)", png=_png(THREE), model="reviews"),),
        reproduce=("tfserving-harness check build/reviews --only goldens",),
        duration_ns=61_000_000,
    ),
    Finding(
        check="batch invariance",
        model="reviews",
        subject="batch 1 against batch 32",
        passed=False,
        severity="warning",
        tried="predicted 32 inputs at once and one by one",
        expected="the same answers within 1e-6",
        seen="largest difference 3.1e-06",
        reproduce=("tfserving-harness check build/reviews --only batch",),
        duration_ns=44_000_000,
    ),
)


@pytest.fixture
def results() -> Results:
    """A whole run with something of everything in it."""
    return Results(
        run=Run(
            created_utc="2031-04-05T06:07:08+00:00",
            duration_s=94.2,
            command=("pytest", "--model", "digits=build/digits", "--model", "reviews=build/reviews"),
            versions={
                "harness": "0.1.0",
                "numpy": "2.2.1",
                "python": "3.12.4",
                "tensorflow": "2.18.0",
                "tensorflow-serving-api": "2.18.0",
            },
        ),
        machine=Machine(
            cpu_model="AMD EPYC 7763",
            cores=4,
            memory_bytes=16_772_030_464,
            kernel="Linux 6.8.0",
            os="Ubuntu 24.04",
        ),
        backend=Backend(
            name="binary",
            reason="found tensorflow_model_server on PATH",
            passed_over=(
                PassedOver(name="container", reason="no Docker engine answers at unix:///var/run/docker.sock"),
            ),
            server_version="2.18.0",
            command=("tensorflow_model_server", "--port=38211", "--rest_api_port=40173", "--model_name=digits"),
        ),
        models=(DIGITS, REVIEWS),
        tests=Outcome(
            passed=57,
            failed=1,
            skipped=3,
            failures=(
                Failure(
                    node_id="tests/serving/test_rollout.py::test_old_version_drains[digits]",
                    error="AssertionError: 3 of 412 requests failed while version 1 was unloaded (UNAVAILABLE)",
                ),
            ),
        ),
        findings=FINDINGS,
        latency=(
            latency("digits", "grpc", 640, batch_size=1, payload_bytes=318),
            latency("digits", "rest", 890, batch_size=1, payload_bytes=611),
            latency("digits", "grpc", 1350, n=1200, batch_size=64, payload_bytes=16_512),
            latency("digits", "rest", 4100, n=1200, batch_size=64, payload_bytes=36_204),
            latency("reviews", "grpc", 2200, n=300, batch_size=1, payload_bytes=402, how="pytest-benchmark"),
        ),
        throughput=(
            *(
                throughput("digits", "grpc", c, r, batch_size=1)
                for c, r in ((1, 1480), (2, 2730), (4, 4310), (8, 5240))
            ),
            *(
                throughput("digits", "rest", c, r, batch_size=1)
                for c, r in ((1, 1050), (2, 1890), (4, 2760), (8, 3010))
            ),
            throughput(
                "reviews",
                "grpc",
                4,
                38.5,
                batch_size=1,
                windows=windows(),
                server=ServerSide(
                    requests=385,
                    request_latency_mean_ns=23.5e6,
                    runtime_latency_mean_ns=21.5e6,
                    queue_mean_ns=394e3,
                    batch_size_mean=1.37,
                    padding_mean=0.5,
                ),
            ),
            throughput("reviews", "grpc", 16, 41.2, batch_size=1, errors={"RESOURCE_EXHAUSTED": 37}, steady=False),
        ),
        gated=(
            Gated(
                model="digits",
                baseline="models/digits/1",
                candidate="models/digits/2",
                api="grpc",
                verdict="regressed",
                explanation=(
                    "REGRESSED: server CPU per request +11.2 % (+8.4 to +14.1 %), 5 % more is tolerated.",
                    "12 pairs over 3 starts of both servers in 2 min 40 s.",
                    "Again: tfserving-harness gate --baseline models/digits/1 --candidate models/digits/2",
                ),
                metrics=(
                    MetricRatio(
                        metric="cpu_us",
                        title="server CPU per request",
                        unit="us",
                        lower_is_better=True,
                        baseline=412.0,
                        candidate=458.1,
                        ratio=1.112,
                        low=1.084,
                        high=1.141,
                        tolerance=0.05,
                        floor=0.021,
                        pairs=12,
                        verdict="regressed",
                        why="worse, and by more than is tolerated",
                        ratios=(1.10, 1.12, 1.11, 1.09, 1.14, 1.12, 1.11, 1.10, 1.13, 1.12, 1.10, 1.11),
                    ),
                ),
                pairs=12,
                restarts=3,
                confirmed=True,
                duration_s=160.0,
            ),
        ),
        trends=(
            Trend(
                model="digits",
                metric="cpu_us",
                title="server CPU per request",
                unit="us",
                lower_is_better=True,
                points=(
                    TrendPoint(
                        created_utc="2031-03-01T00:00:00+00:00", label="old kernel", value=300.0, comparable=False
                    ),
                    TrendPoint(created_utc="2031-04-01T00:00:00+00:00", label="v1", value=400.0),
                    TrendPoint(created_utc="2031-04-05T00:00:00+00:00", label="v2", value=420.0),
                ),
            ),
        ),
        rate_searches=(
            RateSearch(
                model="digits",
                api="grpc",
                method="predict",
                batch_size=1,
                percent=99.0,
                limit_ns=20e6,
                kept_per_s=4096.0,
                missed_per_s=None,
                why_open="the load generator was at its end",
                steps=(RateStep(asked_rate_per_s=4096.0, verdict="kept", limited_ns=17.5e6, n=40_960),),
            ),
        ),
        cold_starts=(
            ColdStart(
                model="digits",
                api="rest",
                warmup_records=12,
                runs=3,
                ready_s=(1.9, 2.1, 2.6),
                load_s=(0.31, 0.29, 0.35),
                first_ns=(8.5e6, 7.9e6, 9.1e6),
                later_ns=(0.9e6, 0.91e6, 0.88e6),
            ),
        ),
        soaks=(
            Soak(
                model="digits",
                api="grpc",
                duration_s=3600.0,
                n=3_600_000,
                errors={"UNAVAILABLE": 3},
                at_s=(0.0, 1800.0, 3600.0),
                memory_bytes=(200 * 2**20, 206 * 2**20, 212 * 2**20),
                memory_slope_bytes_per_s=3495.0,
                memory_slope_low=3000.0,
                memory_slope_high=4000.0,
                grows=True,
                warnings=("memory grows by 12 MiB an hour",),
            ),
        ),
        scenarios=(
            Scenario(
                model="digits",
                api="grpc",
                scenario="SingleStream",
                valid=False,
                metric="90th percentile latency (ns)",
                value=712_345.0,
                n=1024,
                checks={"Min duration satisfied": "NO"},
                warnings=("the run was shorter than the minimum duration",),
            ),
        ),
        breakdowns=(
            Breakdown(
                model="digits",
                api="rest",
                method="predict",
                n=500,
                parts=(
                    Part(name="encode request", mean_ns=51e3, where="client"),
                    Part(name="server", mean_ns=412e3, where="server"),
                    Part(name="read answer", mean_ns=37e3, where="client"),
                ),
                request_bytes=611,
                response_bytes=240,
                client_cpu_us=95.0,
                server_cpu_us=420.0,
            ),
            Breakdown(
                model="commodity",
                api="grpc",
                method="predict",
                n=60,
                parts=(
                    Part(name="decode image", mean_ns=4_100e3, where="client"),
                    Part(name="preprocess", mean_ns=1_900e3, where="client"),
                    Part(name="encode request", mean_ns=151e3, where="client"),
                    Part(name="network and frameworks", mean_ns=402e3, where="network"),
                    Part(name="server around the model", mean_ns=311e3, where="server"),
                    Part(name="model run", mean_ns=6_300e3, where="server"),
                    Part(name="read answer", mean_ns=37e3, where="client"),
                    Part(name="postprocess", mean_ns=801e3, where="client"),
                    Part(name="draw", mean_ns=1_200e3, where="client"),
                    Part(name="encode image", mean_ns=7_500e3, where="client"),
                    Part(name="client's rest", mean_ns=12e3, where="client"),
                ),
                request_bytes=307_300,
                response_bytes=19_300,
                pipeline="models.commodity:make_prediction",
                client_cpu_us=15_900.0,
                server_cpu_us=8_000.0,
            ),
        ),
        pictures=(
            Picture(caption="predicted 7 (0.98)", png=_png(SEVEN), model="digits"),
            Picture(caption="predicted 3 (0.91)", png=_png(THREE), model="digits"),
        ),
    )


@pytest.fixture
def bare_results(results: Results) -> Results:
    """The least a run leaves: it ran nothing."""
    return Results(run=results.run, machine=results.machine)
