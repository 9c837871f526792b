"""Train the detector and write weights.npz: ``python -m models.commodity.train``.

``--first`` trains what it replaces, for a quarter of the time, and writes weights_first.npz.

The recipe: scenes drawn from seeds, mirrored at random; cells near the middle of a product are its positives (focal
loss with a bell around the middle, as CenterNet has it, Zhou et al., arXiv 1904.07850); boxes by their absolute error;
Adam with a rate that rises, then falls as a cosine; batch normalisation, folded into the convolutions at the end.
Seeded, on the CPU, with TensorFlow's deterministic operations. The held-out scenes are used once, at the end.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from models.commodity.boxes import cell_centres, encode_boxes
from models.commodity.letterbox import letterbox
from models.commodity.metrics import average_precisions
from models.commodity.model import FIRST_WEIGHTS_FILE, HEADS, INPUT_SIZE, LAYERS, STRIDE, WEIGHTS_FILE, load_weights
from models.commodity.postprocess import postprocess
from models.commodity.preprocess import preprocess
from models.commodity.products import CLASSES
from models.commodity.reference import forward
from models.commodity.shelves import HELD_OUT_SEED, TRAIN_SEED, Scene, draw_scenes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["fold", "main", "measure", "targets", "train"]

SEED = 11
SCENES = 2400
EPOCHS = 8
FIRST_EPOCHS = 2
BATCH_SIZE = 8
RATE = 2.5e-3
BOXES_COUNT = 2.0  # how much the error of boxes counts beside that of scores
THREADS = 2
HELD_OUT_SCENES = 300
_SPREAD = 0.15  # of a product's width and height: how wide the bell around its middle is
_NEAR = 0.4  # height of the bell from which on a cell learns the box
_LEAST_SCORE = 0.02  # precision is measured down to guesses
_EPSILON = 1e-3  # of the batch normalisation


def targets(boxes: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the network should say of a square with these boxes.

    Args:
        boxes: float32 [K, 4] in pixels of the square.
        classes: int64 [K].

    Returns:
        The bells of each class, float32 [A, C], 1 in the cell that holds a product's middle; the offsets, float32
        [A, 4]; and how much each cell's offsets count, float32 [A].
    """
    centres = cell_centres()
    heat = np.zeros((len(centres), len(CLASSES)), np.float32)
    if not len(boxes):
        return heat, np.zeros((len(centres), 4), np.float32), np.zeros(len(centres), np.float32)
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    away = (centres[:, np.newaxis] - middle) / (_SPREAD * size)
    bells = np.exp(-0.5 * (away**2).sum(axis=-1))
    columns, rows = np.clip(middle // STRIDE, 0, INPUT_SIZE // STRIDE - 1).astype(int).T
    bells[rows * (INPUT_SIZE // STRIDE) + columns, np.arange(len(boxes))] = 1.0
    np.maximum.at(heat.T, classes, bells.T)
    nearest = bells.argmax(axis=1)
    height = bells.max(axis=1)
    return heat, encode_boxes(boxes[nearest], np.arange(len(centres))), np.where(height >= _NEAR, height, 0.0)


def network() -> Any:
    """Return the untrained keras.Model: ``LAYERS`` with batch normalisation, and heads without the sigmoid."""
    import keras

    image = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="image")
    x = image
    for layer in LAYERS:
        y = keras.layers.Conv2D(
            layer.depth,
            3,
            strides=layer.stride,
            dilation_rate=layer.dilation,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=layer.name,
        )(x)
        y = keras.layers.BatchNormalization(epsilon=_EPSILON, momentum=0.95, name=f"{layer.name}_norm")(y)
        y = keras.layers.ReLU()(y)
        x = keras.layers.Add()([x, y]) if layer.skip else y
    start = {"boxes": 0.0, "scores": -4.0}  # few cells hold a product
    outputs = {
        name: keras.layers.Reshape((-1, depth))(
            keras.layers.Conv2D(depth, 1, bias_initializer=keras.initializers.Constant(start[name]), name=name)(x)
        )
        for name, depth in HEADS.items()
    }
    return keras.Model(image, outputs)


def fold(model: Any) -> dict[str, np.ndarray]:
    """Return the weights as ``load_weights`` does, with the batch normalisation folded into kernels and biases."""
    weights = {}
    for layer in LAYERS:
        (kernel,) = model.get_layer(layer.name).get_weights()
        gamma, beta, mean, variance = model.get_layer(f"{layer.name}_norm").get_weights()
        factor = gamma / np.sqrt(variance + _EPSILON)
        weights[f"{layer.name}/kernel"] = kernel * factor
        weights[f"{layer.name}/bias"] = beta - mean * factor
    for name in HEADS:
        weights[f"{name}/kernel"], weights[f"{name}/bias"] = model.get_layer(name).get_weights()
    return weights


def train(epochs: int) -> dict[str, np.ndarray]:
    """Train the network, with all scenes so many times, and return its weights as ``load_weights`` does."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    squares, labels = _squares(draw_scenes(TRAIN_SEED, SCENES))
    rng = np.random.default_rng(SEED)
    model = network()
    steps = epochs * (SCENES // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(RATE / 10, steps, warmup_target=RATE, warmup_steps=steps // 20)
    step = _step(model, keras.optimizers.Adam(rate))
    started_s = time.monotonic()
    for epoch in range(epochs):
        losses = []
        for places in np.array_split(rng.permutation(SCENES), SCENES // BATCH_SIZE):
            batch = _batch(squares, labels, places, rng)
            losses.append(step(*(tf.constant(array) for array in batch)))
        mean = np.mean([[float(part) for part in parts] for parts in losses], axis=0)
        print(f"epoch {epoch + 1}/{epochs}: loss of scores {mean[0]:.3f}, of boxes {mean[1]:.3f}; ", end="")
        print(f"{time.monotonic() - started_s:.0f} s", flush=True)
    return fold(model)


def _squares(scenes: list[Scene]) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the scenes in their squares, uint8 [N, S, S, 3], and for each its boxes there and its classes."""
    squares = np.empty((len(scenes), INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    labels = []
    for index, scene in enumerate(scenes):
        square, place = letterbox(scene.image, INPUT_SIZE)
        squares[index] = (square * 255).round()
        labels.append((place.to_square(scene.boxes), scene.classes))
    return squares, labels


def _batch(
    squares: np.ndarray, labels: list[tuple[np.ndarray, np.ndarray]], places: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Return images, bells, offsets and their weights of some scenes, each mirrored or not."""
    images = squares[places].astype(np.float32) / np.float32(255.0)
    wanted = []
    for index, place in enumerate(places):
        boxes, classes = labels[place]
        if rng.random() < 0.5:
            images[index] = images[index, :, ::-1]
            boxes = np.stack([INPUT_SIZE - boxes[:, 2], boxes[:, 1], INPUT_SIZE - boxes[:, 0], boxes[:, 3]], axis=1)
        wanted.append(targets(boxes, classes))
    return (images, *(np.stack(part).astype(np.float32) for part in zip(*wanted, strict=True)))


def _step(model: Any, optimizer: Any) -> Any:
    """Return the function that takes one batch and improves the model by it."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def step(images: Any, heat: Any, offsets: Any, near: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            said = model(images, training=True)
            log_yes, log_no = tf.math.log_sigmoid(said["scores"]), tf.math.log_sigmoid(-said["scores"])
            yes, no = tf.exp(log_yes), tf.exp(log_no)
            middle = tf.cast(heat >= 1.0, tf.float32)
            focal = middle * no**2 * log_yes + (1 - middle) * (1 - heat) ** 4 * yes**2 * log_no
            of_scores = -tf.reduce_sum(focal) / tf.reduce_sum(middle)
            error = tf.reduce_sum(tf.abs(said["boxes"] - offsets), axis=-1)
            of_boxes = tf.reduce_sum(error * near) / tf.reduce_sum(near)
            loss = of_scores + BOXES_COUNT * of_boxes
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return of_scores, of_boxes

    return step


def measure(first_seed: int, count: int, weights_file: Path = WEIGHTS_FILE) -> Mapping[str, float]:
    """Return the average precision of each class, with the weights in the file, on the scenes of these seeds."""
    weights = load_weights(weights_file)
    scenes = draw_scenes(first_seed, count)
    found = []
    for scene in scenes:
        squares, (place,) = preprocess([scene.image])
        outputs = forward(squares, weights)
        found.append(postprocess(outputs["boxes"][0], outputs["scores"][0], place, least_score=_LEAST_SCORE))
    return average_precisions(found, [(one.boxes, [CLASSES[label] for label in one.classes]) for one in scenes])


def main() -> None:
    """Train, write the weights, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", action="store_true", help=f"train {FIRST_EPOCHS} epoch instead of {EPOCHS}")
    is_first = parser.parse_args().first
    file = FIRST_WEIGHTS_FILE if is_first else WEIGHTS_FILE
    started_s = time.monotonic()
    weights = train(FIRST_EPOCHS if is_first else EPOCHS)
    kept = {name: value.astype(np.float16) for name, value in weights.items()}
    np.savez_compressed(file, allow_pickle=False, **kept)
    seconds = time.monotonic() - started_s
    precisions = measure(HELD_OUT_SEED, HELD_OUT_SCENES, file)
    print(f"mAP@0.5 on {HELD_OUT_SCENES} held-out scenes: {np.mean(list(precisions.values())):.3f}")
    print(", ".join(f"{label} {value:.3f}" for label, value in precisions.items()))
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB; {seconds:.0f} s")


if __name__ == "__main__":
    main()
