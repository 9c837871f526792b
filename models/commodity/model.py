"""The detector's network, with the weights that ``train.py`` found, and its two exports.

A grid of cells, 8 pixels apart, looks at the image; each cell says how surely the middle of a product of each class
lies in it, and what the product's box would be. All else (image files, box arithmetic, overlaps) is the client's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.savedmodel import GraphSignature, export_v1
from harness.savedmodel import export as export_model
from models.commodity.products import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "FIRST_WEIGHTS_FILE",
    "HEADS",
    "INPUT_SIZE",
    "LAYERS",
    "NAME",
    "STRIDE",
    "WEIGHTS_FILE",
    "Layer",
    "build",
    "export",
    "export_builder",
    "export_first",
    "load_weights",
]

NAME = "commodity"
WEIGHTS_FILE = Path(__file__).with_name("weights.npz")
FIRST_WEIGHTS_FILE = Path(__file__).with_name("weights_first.npz")  # of a shorter training: what there was before
INPUT_SIZE = 160  # pixels: images are square
STRIDE = 8  # pixels from cell to cell


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution with 3 x 3 taps and a rectifier.

    Attributes:
        name: of its weights.
        depth: channels it gives.
        stride: 2 halves height and width.
        dilation: how far its taps lie apart.
        skip: whether its input is added to what it gives.
    """

    name: str
    depth: int
    stride: int = 1
    dilation: int = 1
    skip: bool = False


LAYERS: tuple[Layer, ...] = (
    Layer(name="stem", depth=16, stride=2),
    Layer(name="half", depth=32, stride=2),
    Layer(name="fine", depth=32, skip=True),
    Layer(name="cells", depth=48, stride=2),
    Layer(name="near", depth=48, skip=True),
    Layer(name="wide", depth=48, dilation=2, skip=True),
    Layer(name="wider", depth=48, dilation=4, skip=True),
    Layer(name="last", depth=48, skip=True),
)
HEADS: Mapping[str, int] = {"boxes": 4, "scores": len(CLASSES)}  # convolutions with 1 x 1 taps on the last layer


def load_weights(file: Path = WEIGHTS_FILE) -> Mapping[str, np.ndarray]:
    """Return the trained weights, float32 arrays called ``<layer>/kernel`` and ``<layer>/bias``; kept as float16."""
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def build(weights_file: Path = WEIGHTS_FILE) -> Any:
    """Return the trained detector, a tf.Module whose ``detect`` is the signature.

    ``image`` float32 [N, 160, 160, 3], RGB in 0..1 -> ``boxes`` float32 [N, 400, 4], offsets that ``decode_boxes``
    reads, and ``scores`` float32 [N, 400, 8] in 0..1, in the order of ``CLASSES``; cells go row by row.
    """
    import tensorflow as tf

    module = tf.Module(name=NAME)
    weights = load_weights(weights_file)
    module.weights = {name.replace("/", "_"): tf.Variable(value, name=name) for name, value in weights.items()}
    spec = tf.TensorSpec([None, INPUT_SIZE, INPUT_SIZE, 3], tf.float32, name="image")

    def detect(image: Any) -> dict[str, Any]:
        return _outputs(image, lambda name: module.weights[name.replace("/", "_")])

    module.detect = tf.function(detect, input_signature=[spec])
    return module


def export(to: str | Path, *, version: int | None = None) -> Path:
    """Export with tf.saved_model.save under the base path ``to`` and return it; None takes the next version number."""
    return export_model(build(), to=to, version=version)


def export_first(to: str | Path, *, version: int | None = None) -> Path:
    """Export the detector that a shorter training made: same signature, fewer products found; to be replaced."""
    return export_model(build(FIRST_WEIGHTS_FILE), to=to, version=version)


def export_builder(to: str | Path, *, version: int | None = None) -> Path:
    """Export the same with the SavedModelBuilder and build_signature_def, as TensorFlow 1 does: same signature."""
    return export_v1(_graph, to=to, version=version)


def _graph() -> dict[str, GraphSignature]:
    """Build the detector in the default graph and return its signature."""
    import tensorflow as tf

    v1 = tf.compat.v1
    variables = {
        name: v1.get_variable(name, initializer=tf.constant(value), use_resource=True)
        for name, value in load_weights().items()
    }
    image = v1.placeholder(tf.float32, [None, INPUT_SIZE, INPUT_SIZE, 3], name="image")
    outputs = _outputs(image, lambda name: variables[name].read_value())
    return {"serving_default": GraphSignature(inputs={"image": image}, outputs=outputs)}


def _outputs(image: Any, weight: Callable[[str], Any]) -> dict[str, Any]:
    """Return the network's outputs as tensors; ``weight`` gives a weight by name."""
    import tensorflow as tf

    x = image
    for layer in LAYERS:
        y = tf.nn.conv2d(x, weight(f"{layer.name}/kernel"), layer.stride, "SAME", dilations=layer.dilation)
        y = tf.nn.relu(tf.nn.bias_add(y, weight(f"{layer.name}/bias")))
        x = x + y if layer.skip else y
    cells = (INPUT_SIZE // STRIDE) ** 2
    raw = {
        name: tf.reshape(
            tf.nn.bias_add(tf.nn.conv2d(x, weight(f"{name}/kernel"), 1, "SAME"), weight(f"{name}/bias")),
            [-1, cells, depth],
        )
        for name, depth in HEADS.items()
    }
    return {"boxes": raw["boxes"], "scores": tf.sigmoid(raw["scores"])}
