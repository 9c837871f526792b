"""How an image gets to a server: as numbers or as a file, in JSON or in a message.

    python -m benchmarks.image_transport

The product detector is served twice: as it is, taking float32 [N, 160, 160, 3], and with the decoding of JPEG put
before it in its graph, taking string [N]. Each is called over both APIs, one call after the other, in turn; the table
tells the bytes of a call, its time and its steps, and the processor time on both sides, as medians of the rounds.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from harness import serve
from harness.checks import Request
from harness.clients import open_client
from harness.measure.breakdown import break_down
from harness.measure.pool import make_pool
from harness.savedmodel import export
from models import commodity
from models.commodity.model import INPUT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness import Server
    from harness.results import Breakdown
    from harness.results.measured import Api

__all__ = ["Way", "export_with_decoder", "main"]

_QUALITY = 90
_MODELS = {"numbers": "float32 numbers", "file": "a JPEG file"}


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to send an image: over which API, to which model, and what."""

    api: Api
    model: str
    inputs: dict[str, np.ndarray]

    @property
    def name(self) -> str:
        """For people."""
        coded = {"grpc": "", "rest": " in JSON" if self.model == "numbers" else " in JSON (b64)"}[self.api]
        return f"{'gRPC' if self.api == 'grpc' else 'REST'}, {_MODELS[self.model]}{coded}"


def export_with_decoder(to: Path) -> Path:
    """Export the detector with a decoder of JPEG before it: ``image_bytes``, string [N], files of 160 x 160 pixels."""
    import tensorflow as tf

    module = commodity.build()
    detect = module.detect

    def decode(data: Any) -> Any:
        pixels = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.ensure_shape(tf.cast(pixels, tf.float32) / 255.0, [INPUT_SIZE, INPUT_SIZE, 3])

    def detect_files(image_bytes: Any) -> Any:
        return detect(tf.map_fn(decode, image_bytes, fn_output_signature=tf.float32))

    spec = tf.TensorSpec([None], tf.string, name="image_bytes")
    module.detect = tf.function(detect_files, input_signature=[spec])
    return export(module, to=to)


def _ways(batch: int) -> list[Way]:
    scenes = commodity.draw_scenes(commodity.HELD_OUT_SEED, batch)
    squares, _ = commodity.preprocess([scene.image for scene in scenes])
    inputs = {"numbers": {"image": squares}, "file": {"image_bytes": np.array(list(map(_jpeg, squares)), object)}}
    return [Way(api=api, model=model, inputs=inputs[model]) for model in inputs for api in ("grpc", "rest")]


def _jpeg(square: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray((square * 255).round().astype(np.uint8)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def measure(ways: Sequence[Way], *, rounds: int, calls: int, backend: str) -> list[list[Breakdown]]:
    """Return a row for each round of each way."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        paths = (commodity.export(Path(name) / "numbers"), export_with_decoder(Path(name) / "file"))
        servers = {path.name: stack.enter_context(serve(path, backend=backend, metrics=True)) for path in paths}
        several: list[list[Breakdown]] = [[] for _ in ways]
        for number in range(rounds):
            for index in range(len(ways)) if number % 2 == 0 else reversed(range(len(ways))):
                several[index].append(_row(servers[ways[index].model], ways[index], calls))
    return several


def _row(server: Server, way: Way, calls: int) -> Breakdown:
    with open_client(server.endpoint, way.api) as client:
        pool = make_pool(client, [Request(inputs=way.inputs)], source="a drawn shelf")
    row, note = break_down(server, pool, calls=calls)
    if note:
        print(f"{way.name}: {note}")
    return row


_COLUMNS: dict[str, Callable[[Breakdown], float]] = {
    "request, kB": lambda row: (row.request_bytes or 0) / 1e3,
    "answer, kB": lambda row: (row.response_bytes or 0) / 1e3,
    "call, ms": lambda row: sum(part.mean_ns for part in row.parts) / 1e6,
    "encode, ms": lambda row: _part(row, "encode request"),
    "model run, ms": lambda row: _part(row, "model run"),
    "read, ms": lambda row: _part(row, "read answer"),
    "client CPU, ms": lambda row: (row.client_cpu_us or 0.0) / 1e3,
    "server CPU, ms": lambda row: (row.server_cpu_us or 0.0) / 1e3,
}


def _part(row: Breakdown, name: str) -> float:
    return sum(part.mean_ns for part in row.parts if part.name == name) / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=100, help="of each way in each round")
    parser.add_argument("--batch", type=int, default=1, help="images in a call")
    parser.add_argument("--backend", default="standin", help="what serves (default: standin)")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    ways = _ways(options.batch)
    several = measure(ways, rounds=options.rounds, calls=options.calls, backend=options.backend)
    print(f"{options.batch} image(s) a call, {options.rounds} rounds of {options.calls} calls, medians\n")
    print(f"{'':<32}" + "".join(f"{name:>16}" for name in _COLUMNS))
    for way, rows in zip(ways, several, strict=True):
        cells = (statistics.median(read(row) for row in rows) for read in _COLUMNS.values())
        print(f"{way.name:<32}" + "".join(f"{cell:>16,.2f}" for cell in cells))


if __name__ == "__main__":
    main()
