"""Generated PredictRequests, as the bytes to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.hostile.mutation import mutate
from harness.protos import predict_pb2, types_pb2

if TYPE_CHECKING:
    import random

__all__ = ["grpc_mutated", "grpc_random"]


def grpc_mutated(rng: random.Random) -> bytes:
    """A PredictRequest that was nearly right, then damaged."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = rng.choice(("m", "", "../../etc/passwd", "nobody"))
    tensor = request.inputs[rng.choice(("x", "y"))]
    tensor.dtype = rng.choice((types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE, types_pb2.DT_STRING, types_pb2.DT_INVALID))
    for _ in range(rng.randrange(4)):
        tensor.tensor_shape.dim.add(size=rng.choice((-1, 0, 1, 2, 3, 2**20, 2**40, 2**62)))
    tensor.float_val.extend(rng.random() for _ in range(rng.randrange(4)))
    tensor.tensor_content = rng.randbytes(rng.choice((0, 0, 4, 7, 12)))
    data = bytearray(request.SerializeToString())
    for _ in range(rng.randrange(3)):
        mutate(rng, data)
    return bytes(data)


def grpc_random(rng: random.Random) -> bytes:
    """Bytes that are hardly a message."""
    return rng.randbytes(rng.randrange(200))
