"""The network of digits, in Keras, with the weights that ``train.py`` found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.savedmodel import export as export_model

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NAME", "WEIGHTS_FILE", "build", "export", "load_weights", "network"]

NAME = "digits"
WEIGHTS_FILE = Path(__file__).with_name("weights.npz")


def network() -> Any:
    """Return the untrained keras.Model: ``image`` float32 [N, 8, 8, 1] in 0..1 -> ``scores`` float32 [N, 10].

    The scores are probabilities (softmax): each row adds up to 1.
    """
    import keras

    layers = keras.layers
    image = keras.Input((8, 8, 1), dtype="float32", name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1")(image)
    x = layers.Conv2D(24, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(48, activation="relu", name="dense1")(x)
    scores = layers.Dense(10, activation="softmax", name="scores")(x)
    return keras.Model(image, scores, name=NAME)


def load_weights() -> Mapping[str, np.ndarray]:
    """Return the trained weights, float32 arrays called ``<layer>/kernel`` and ``<layer>/bias``."""
    with np.load(WEIGHTS_FILE, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def build() -> Any:
    """Return the trained keras.Model."""
    model = network()
    weights = load_weights()
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
    return model


def export(to: str | Path, *, version: int | None = None) -> Path:
    """Export the trained model under the base path ``to`` and return it; None takes the next version number."""
    return export_model(build(), to=to, version=version)
