"""The graph of half_plus_two: predict on plain tensors, classify and regress on tf.Examples with a feature ``x``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.savedmodel.tf1_export import GraphSignature, export_v1
from harness.versions import next_version

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NAME", "VERSIONS", "addend", "build", "export", "export_all"]

NAME = "half_plus_two"
VERSIONS = (1, 2, 3)


def addend(version: int) -> float:
    """Return what a version adds to x / 2: 2 for version 1, one more for each further version."""
    return version + 1.0


def build(*, add: float = 2.0) -> Mapping[str, GraphSignature]:
    """Build y = 0.5 x + add in the default graph and return its signatures.

    ``serving_default`` takes ``x``: float32, any shape; ``y`` has the same shape.
    ``regress_x_to_y`` and ``classify_x_to_y`` take tf.Examples with one float feature ``x`` each; regress answers y
    [N], classify the single class ``y`` with y as its score [N, 1].
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    half = v1.get_variable("half", initializer=tf.constant(0.5), use_resource=True)
    added = v1.get_variable("added", initializer=tf.constant(add), use_resource=True)

    def line(x: tf.Tensor) -> tf.Tensor:
        return x * half.read_value() + added.read_value()

    x = v1.placeholder(tf.float32, shape=None, name="x")
    y = tf.identity(line(x), name="y")
    serialized = v1.placeholder(tf.string, shape=[None], name="tf_example")
    feature = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]
    scores = tf.identity(line(feature), name="scores")
    classes = tf.fill(tf.shape(scores), tf.constant("y"))
    return {
        "serving_default": GraphSignature(inputs={"x": x}, outputs={"y": y}),
        "regress_x_to_y": GraphSignature(
            method="regress", inputs={"inputs": serialized}, outputs={"outputs": tf.squeeze(scores, axis=1)}
        ),
        "classify_x_to_y": GraphSignature(
            method="classify", inputs={"inputs": serialized}, outputs={"classes": classes, "scores": scores}
        ),
    }


def export(to: str | Path, *, version: int | None = None) -> Path:
    """Export one version; its number decides what it adds (see ``addend``).

    Args:
        to: the base path, e.g. ``build/half_plus_two``.
        version: the number; None for the one after the highest there, so 1 in a new base path.

    Returns:
        The base path.
    """
    number = next_version(Path(to)) if version is None else version
    return export_v1(lambda: build(add=addend(number)), to=to, version=number)


def export_all(to: str | Path) -> Path:
    """Export versions 1, 2 and 3 and return the base path. A server with its default policy serves version 3."""
    for version in VERSIONS:
        export(to, version=version)
    return Path(to).absolute()
