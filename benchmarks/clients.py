"""What the clients' own work costs, as ratios to the plain way of doing the same, within one run.

Each pair is timed in alternating blocks (A B B A ...), so that a busy machine slows both; a ratio is the median over
the blocks. The serving call is made to the stand-in, sequentially, on one connection.

    python benchmarks/clients.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import orjson

from harness import GrpcClient, Signature, TensorSpec, serve
from harness.clients.rest_codec import predict_body, read_outputs
from harness.protos import predict_pb2, prediction_service_pb2_grpc
from harness.tensors import from_proto, to_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    _Pair = tuple[str, Callable[[], Any], Callable[[], Any], str]

_MODEL = Path(__file__).parents[1] / "tests" / "conformance" / "corpus" / "models" / "half_plus_two"
_LEAST_BLOCKS = 12
_BLOCK_S = 0.03
_PAIR_S = 5.0


def main() -> None:
    """Print one row for each pair and round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    rounds = parser.parse_args().rounds
    print(f"{'what':<52} {'plain us':>10} {'ours us':>10} {'ratio':>7}   wanted")
    for _ in range(rounds):  # before TensorFlow is loaded: a client has none
        _print_all(_call_pair())
    for _ in range(rounds):
        _print_all(_pairs())
        _print_all(_call_pair_by_hand())


def _print_all(pairs: Iterable[_Pair]) -> None:
    for what, plain, ours, wanted in pairs:
        _print(what, plain, ours, wanted)


def _print(what: str, plain: Callable[[], Any], ours: Callable[[], Any], wanted: str) -> None:
    plain_us, ours_us, ratio = _compare(plain, ours)
    shown = 1 / ratio if wanted.startswith("<=") else ratio
    print(f"{what:<52} {plain_us:>10.1f} {ours_us:>10.1f} {shown:>7.2f}   {wanted}", flush=True)


def _compare(plain: Callable[[], Any], ours: Callable[[], Any]) -> tuple[float, float, float]:
    """Return microseconds of both, and how many times longer the plain way takes."""
    numbers = [_calls_per_block(function) for function in (plain, ours)]
    times: list[tuple[float, float]] = []
    end = time.monotonic() + _PAIR_S
    while len(times) < _LEAST_BLOCKS or time.monotonic() < end:
        if len(times) % 2:
            ours_us = _time_us(ours, numbers[1])
            plain_us = _time_us(plain, numbers[0])
        else:
            plain_us = _time_us(plain, numbers[0])
            ours_us = _time_us(ours, numbers[1])
        times.append((plain_us, ours_us))
    plains, own = zip(*times, strict=True)
    return statistics.median(plains), statistics.median(own), statistics.median(a / b for a, b in times)


def _calls_per_block(function: Callable[[], Any]) -> int:
    function()
    return max(1, int(_BLOCK_S * 1e6 / _time_us(function, 3)))


def _time_us(function: Callable[[], Any], calls: int) -> float:
    began = time.perf_counter_ns()
    for _ in range(calls):
        function()
    return (time.perf_counter_ns() - began) / calls / 1000


def _pairs() -> Iterator[_Pair]:
    """Encoding and decoding: name, the plain way, ours, what is wanted."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tf = importlib.import_module("tensorflow")
    random = np.random.default_rng(0)
    small, image = random.random((2, 3), np.float32), random.random((1, 224, 224, 3), np.float32)
    batch = random.random((8, 224, 224, 3), np.float32)
    for name, array, wanted in (("2x3", small, ">= 5"), ("1x224x224x3", image, ">= 1"), ("8x224x224x3", batch, ">= 1")):
        yield f"gRPC encode {name}, make_tensor_proto", *_encode_pair(tf, array), wanted
    typed = tf.make_tensor_proto(image)
    typed.ClearField("tensor_content")
    typed.float_val.extend(image.reshape(-1).tolist())
    yield (
        "gRPC decode float_val 1x224x224x3, make_ndarray",
        lambda: tf.make_ndarray(typed),
        lambda: from_proto(typed),
        "-",
    )
    yield (
        "REST encode 1x224x224x3, json.dumps(tolist())",
        lambda: json.dumps({"signature_name": "s", "inputs": {"x": image.tolist()}}).encode(),
        lambda: predict_body({"x": image}, signature_name="s", layout="column"),
        ">= 10",
    )
    yield "REST decode 1x224x224x3, json.loads + np.array", *_decode_pair(image), ">= 5"


def _encode_pair(tf: Any, array: np.ndarray) -> tuple[Callable[[], Any], Callable[[], Any]]:
    return lambda: tf.make_tensor_proto(array), lambda: to_proto(array)


def _decode_pair(image: np.ndarray) -> tuple[Callable[[], Any], Callable[[], Any]]:
    body = orjson.dumps({"outputs": image}, option=orjson.OPT_SERIALIZE_NUMPY)
    spec = TensorSpec(name="y", dtype="float32", shape=(None, 224, 224, 3))
    signature = Signature(name="s", method_name="", inputs=(), outputs=(spec,))
    return (
        lambda: np.array(json.loads(body)["outputs"], np.float32),
        lambda: read_outputs(body, signature, layout="column"),
    )


def _call_pair() -> Iterator[_Pair]:
    """client.predict() against the bare stub with a request built before, whose answer is not looked at."""
    with _serving() as (client, stub, inputs):
        prebuilt = predict_pb2.PredictRequest.FromString(client.encode_predict(inputs))
        yield (
            "client.predict(), bare stub with a prebuilt request",
            lambda: stub.Predict(prebuilt, timeout=60),
            lambda: client.predict(inputs),
            "<= 1.10",
        )


def _call_pair_by_hand() -> Iterator[_Pair]:
    """client.predict() against the stub as TensorFlow Serving's own examples use it."""
    with _serving() as (client, stub, inputs):
        yield (
            "client.predict(), stub with TensorFlow's helpers",
            lambda: _by_hand(stub, inputs["x"]),
            lambda: client.predict(inputs),
            "-",
        )


@contextmanager
def _serving() -> Iterator[tuple[GrpcClient, Any, dict[str, np.ndarray]]]:
    inputs = {"x": np.array([1.0, 2.0, 5.0], np.float32)}
    with (
        serve(_MODEL, backend="standin") as server,
        GrpcClient(server.endpoint) as client,
        grpc.insecure_channel(str(server.endpoint.grpc)) as channel,
    ):
        yield client, prediction_service_pb2_grpc.PredictionServiceStub(channel), inputs


def _by_hand(stub: Any, array: np.ndarray) -> np.ndarray:
    tf = importlib.import_module("tensorflow")
    request = predict_pb2.PredictRequest()
    request.model_spec.name = _MODEL.name
    request.model_spec.signature_name = "serving_default"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(array))
    answer: np.ndarray = tf.make_ndarray(stub.Predict(request, timeout=60).outputs["y"])
    return answer


if __name__ == "__main__":
    main()
