"""Pools for a running server: where requests come from, what is replayed, and answers that are mixed up on the way."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.altering_proxy import altered
from fixtures.example_models import exported
from harness import GrpcClient, RestClient, serve
from harness.checks.opening import open_subject
from harness.checks.request import Request, ask
from harness.checks.subject import CheckOptions
from harness.errors import SignatureError, UsageError
from harness.load import run_load
from harness.measure import expect, pool_for, pools_of_growing_payload, replay, verify
from harness.protos import prediction_log_pb2
from harness.savedmodel import write_warmup
from harness.savedmodel.copies import publish_copy
from harness.savedmodel.tfrecord import encode_records
from harness.tensors import to_proto

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Server

_APIS = pytest.mark.parametrize("api", ["grpc", "rest"])
_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Example models, and half_plus_two once more with warm-up records."""
    warm = tmp_path_factory.mktemp("warm")
    version_dir = publish_copy(next(exported("half_plus_two").iterdir()), warm, version=1)
    write_warmup(version_dir, [{"x": [value, value]} for value in (1.0, 2.0, 3.0)])
    models = {name: exported(name) for name in ("digits", "half_plus_two", "multi", "text")}
    with serve({**models, "warm": warm}, backend="standin") as running:
        yield running


@_APIS
def test_made_up_requests_are_many_and_different(server: Server, api: Any) -> None:
    """As many as asked for, of one example each, the same again for the same seed, and others for another."""
    first, again, other = (pool_for(server, api, model="digits", count=12, seed=seed) for seed in (1, 1, 2))
    bodies = {each.body for each in first.encoded}
    assert len(bodies) == 12
    assert first.batch_size == 1
    assert first.source.startswith("12 requests: values made up to fit the signature")
    assert bodies == {each.body for each in again.encoded}
    assert not bodies & {each.body for each in other.encoded}
    assert pool_for(server, api, model="digits", count=2, batch_size=5).requests[0].rows == 5


def test_strings_are_different_as_far_as_there_are_any(server: Server) -> None:
    """Six words make six different requests of one word, which is told, and far more of four."""
    pool = pool_for(server, "rest", model="text", count=12)
    assert len({each.body for each in pool.encoded}) == len(pool.encoded) == 6
    assert pool.notes == ("of 12 requests wanted 6 could be made up: no more of them differ",)
    assert len(pool_for(server, "rest", model="text", count=12, batch_size=4).encoded) == 12


@_APIS
def test_tf_examples_are_made_up_for_a_signature_that_takes_them(server: Server, api: Any) -> None:
    """A signature that is named is called by its own method, and every request brings an answer."""
    pool = pool_for(server, api, model="half_plus_two", signature="regress_x_to_y", count=3, batch_size=2)
    assert (pool.method, pool.batch_size, len(pool.encoded)) == ("regress", 2, 3)
    with GrpcClient(server.endpoint_of("half_plus_two")) as client:
        assert all(ask(client, request)["outputs"].shape == (2,) for request in pool.requests)
    with pytest.raises(SignatureError, match="regress_x_to_y"):
        pool_for(server, api, model="half_plus_two", signature="gone")


def test_the_best_source_is_taken(server: Server, tmp_path: Path) -> None:
    """Examples, then what code gives, then goldens, then warm-up records; those passed over hold nothing that fits."""
    examples = tmp_path / "mine.json"
    examples.write_text(json.dumps([{"inputs": [1.0]}, {"inputs": [2.0]}]))
    given: dict[str, Any] = {
        "examples": examples,
        "requests": [Request(inputs={"x": np.ones(3, np.float32)})],
        "goldens": _ROOT / "goldens" / "half_plus_two",
    }
    sources = []
    for name in ("", *given):
        given.pop(name, None)
        sources.append(pool_for(server, "grpc", model="warm", **given).source)
    assert sources == [
        "2 requests: examples in mine.json",
        "1 request: the requests that the test code gives",
        "2 requests: goldens in half_plus_two",
        "3 requests: the model's warm-up records",
    ]
    pool = pool_for(server, "grpc", model="warm", signature="classify_x_to_y", count=2)
    assert pool.source.startswith("2 requests: values made up")
    assert "not used, as none is for this signature: the model's warm-up records" in pool.notes


def test_goldens_bring_their_answers(server: Server) -> None:
    """What is expected of a golden's request is its recorded answer, within its tolerance, of every method."""
    goldens = _ROOT / "goldens" / "half_plus_two"
    for method in ("predict", "classify", "regress"):
        pool = pool_for(server, "grpc", model="half_plus_two", goldens=goldens, method=method)
        with GrpcClient(server.endpoint_of("half_plus_two")) as client:
            expected = expect(pool, client)
        assert all(one.is_recorded for one in expected.of.values())
        assert len(expected.of) == len(pool.encoded)


def test_a_model_under_check_gives_its_options(server: Server) -> None:
    """Of a Subject its own goldens are used, over the clients it has; an API it lacks is a clear error."""
    with GrpcClient(server.endpoint_of("half_plus_two")) as client:
        options = CheckOptions(goldens=_ROOT / "goldens" / "half_plus_two")
        subject = open_subject(server, "half_plus_two", grpc=client, rest=None, options=options)
        assert pool_for(subject, "grpc").source == "2 requests: goldens in half_plus_two"
        with pytest.raises(UsageError, match="model 'half_plus_two' has no rest address"):
            pool_for(subject, "rest")


@_APIS
def test_payload_grows_along_what_is_open(server: Server, api: Any) -> None:
    """Larger sizes make larger requests that the model takes; the batch stays; usual sizes are found."""
    found = pools_of_growing_payload(server, api, model="multi", sizes=[8, 2, 32], count=2)
    assert list(found.pools) == [2, 8, 32]
    sizes = [pool.payload_bytes for pool in found.pools.values()]
    assert sizes == sorted(sizes)
    assert [pool.requests[0].inputs["pixels"].shape for pool in found.pools.values()] == [
        (1, size, size, 3) for size in (2, 8, 32)
    ]
    assert not found.refused
    usual = pools_of_growing_payload(server, "grpc", model="multi", signature="statistics", count=1, batch_size=4)
    assert usual.pools[1024].requests[0].inputs["values"].shape == (4, 1024)


def test_nothing_grows_where_nothing_is_open(server: Server) -> None:
    """A signature whose sizes are all fixed but for the batch says so, with its inputs."""
    with pytest.raises(UsageError, match=r"leaves no size open besides the batch: image: float32 \[\?, 8, 8, 1\]"):
        pools_of_growing_payload(server, "grpc", model="digits")
    with pytest.raises(UsageError, match="sizes must be numbers of at least 1"):
        pools_of_growing_payload(server, "grpc", model="multi", sizes=[0])


def _log(path: Path, values: list[float], *, wrong: int | None = None) -> Path:
    """Write a log of half_plus_two: a request every tenth of a second; one recorded answer may be wrong."""
    logs = []
    for number, value in enumerate(values):
        log = prediction_log_pb2.PredictionLog()
        log.log_metadata.timestamp_secs = 1_700_000_000 + number // 10
        log.predict_log.request.model_spec.name = "half_plus_two"
        log.predict_log.request.inputs["x"].CopyFrom(to_proto(np.array([value], np.float32)))
        answer = value / 2 + 4 + (number == wrong)  # of version 2, the served one
        log.predict_log.response.outputs["y"].CopyFrom(to_proto(np.array([answer], np.float32)))
        logs.append(log)
    path.write_bytes(encode_records(log.SerializeToString() for log in logs))
    return path


@_APIS
def test_a_log_is_replayed_in_its_order_and_its_answers_compared(server: Server, api: Any, tmp_path: Path) -> None:
    """Twenty logged requests leave once each at their times, twentyfold; an answer unlike the logged one is found."""
    path = _log(tmp_path / "a.tfrecord", [float(n) for n in range(20)], wrong=13)
    endpoint = server.endpoint_of("half_plus_two")
    pool = pool_for(server, api, model="half_plus_two", log=path)
    assert pool.source == "20 requests: logged in a.tfrecord"
    arrivals = replay(pool, speed=20, repeats=False)
    result = run_load(
        endpoint, pool.encoded, api=api, arrivals=arrivals, duration_s=10, most_requests=20, warmup_s=0, keep_answers=50
    )
    assert (result.n, result.errors) == (20, {})
    assert sorted(answer.request for answer in result.answers) == list(range(20))
    scheduled = np.sort(result.samples.scheduled_ns)
    np.testing.assert_allclose((scheduled - scheduled[0]) / 1e9, np.array(pool.at_s) / 20, atol=1e-6)
    with GrpcClient(endpoint) if api == "grpc" else RestClient(endpoint) as client:
        found = verify(result.answers, pool, expect(pool, client))
    assert (found.compared, found.wrong) == (20, 1), found.text
    assert "the answer to request 13 is wrong: y: [0] is 10.5, expected 11.5" in found.text


class _Swapping:
    """Gives each request the answer to another one, as a proxy does that mixes up its connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: bytes | None = None

    def swapped(self, answer: bytes) -> bytes:
        """Return the answer before this one; the first is its own."""
        with self._lock:
            before, self._before = self._before, answer
        return answer if before is None else before

    def over_grpc(self, _method: str, _request: bytes, answer: bytes) -> bytes:
        """See `swapped`."""
        return self.swapped(answer)

    def over_rest(self, _path: str, _body: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        """See `swapped`."""
        return status, self.swapped(content)


@_APIS
def test_answers_of_the_wrong_request_are_caught(server: Server, api: Any) -> None:
    """Behind a proxy that swaps answers nearly all are wrong, and the first is told with its owner; without it none."""
    endpoint = server.endpoint_of("digits")
    pool = pool_for(server, api, model="digits", count=5)
    with GrpcClient(endpoint) if api == "grpc" else RestClient(endpoint) as client:
        expected = expect(pool, client)
    options: dict[str, Any] = {"api": api, "concurrency": 2, "most_requests": 30, "warmup_s": 0, "keep_answers": 99}
    honest = run_load(endpoint, pool.encoded, **options)
    found = verify(honest.answers, pool, expected)
    assert (found.compared >= 30, found.wrong, found.text, found.notes) == (True, 0, "", ())
    swapping = _Swapping()
    with altered(endpoint, grpc_change=swapping.over_grpc, rest_change=swapping.over_rest) as behind:
        mixed_up = run_load(behind, pool.encoded, **options)
    found = verify(mixed_up.answers, pool, expected)
    assert mixed_up.errors == {}, "the answers themselves are all well-formed"
    assert found.wrong > found.compared / 2
    assert "is wrong: scores: " in found.text
    assert "; it is the answer to request " in found.text
