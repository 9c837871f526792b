"""Train digits and write weights.npz and the sample images: ``python -m models.digits.train``.

The recipe: 1,437 training scans, each shown with random shifts, scaling, shear and ink strength so that digits cut out
of photographs are read too; Adam with a cosine-decaying rate; 60 epochs. Seeded, on the CPU, with TensorFlow's
deterministic operations: the same versions of TensorFlow and NumPy give the same weights again. The held-out images
are used once, at the end, to report the accuracy.
"""

from __future__ import annotations

import time

import numpy as np
from PIL import Image

from models.digits.data import load_test_set, load_train_set
from models.digits.examples import SAMPLES
from models.digits.model import WEIGHTS_FILE, network
from models.digits.reference import forward

__all__ = ["augment", "main", "train"]

SEED = 7
EPOCHS = 60
BATCH_SIZE = 64


def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the images, float32 [N, 8, 8, 1], each scaled, sheared, moved and faded a little at random."""
    from scipy.ndimage import affine_transform

    moved = np.empty_like(images)
    for index, image in enumerate(images[..., 0]):
        scale = rng.uniform(0.85, 1.1, size=2)
        shear = rng.uniform(-0.15, 0.15)
        matrix = np.array([[1 / scale[0], 0.0], [shear, 1 / scale[1]]])
        middle = np.array([3.5, 3.5])
        offset = middle - matrix @ middle + rng.uniform(-0.6, 0.6, size=2)
        moved[index, ..., 0] = affine_transform(image, matrix, offset=offset, order=1)
    strength = rng.uniform(0.8, 1.15, size=(len(images), 1, 1, 1))
    return np.clip(moved * strength, 0.0, 1.0).astype(np.float32)


def train() -> dict[str, np.ndarray]:
    """Train the network and return its weights as ``load_weights`` does."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    images, labels = load_train_set()
    rng = np.random.default_rng(SEED)
    model = network()
    steps = EPOCHS * -(-len(images) // BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
    )
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        history = model.fit(augment(images[order], rng), labels[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {history.history['loss'][-1]:.4f}")
    return {
        f"{layer.name}/{kind}": value
        for layer in model.layers
        if layer.weights
        for kind, value in zip(("kernel", "bias"), layer.get_weights(), strict=True)
    }


def write_samples() -> None:
    """Write a few held-out digits as image files, as a scanner or a screen would give them."""
    images, _ = load_test_set()
    for sample in SAMPLES:
        grey = (images[sample.index, ..., 0] * 255).round().astype(np.uint8)
        image = Image.fromarray(255 - grey if sample.dark_on_light else grey)
        image = image.resize((sample.size, sample.size), Image.Resampling.BICUBIC)
        image.save(sample.path, **({"quality": 90} if sample.path.suffix == ".jpg" else {"optimize": True}))


def main() -> None:
    """Train, write the weights and the samples, and print what came of it."""
    started_s = time.monotonic()
    weights = train()
    np.savez_compressed(WEIGHTS_FILE, allow_pickle=False, **weights)
    write_samples()
    images, labels = load_test_set()
    accuracy = float(np.mean(np.argmax(forward(images), axis=1) == labels))
    size_kb = WEIGHTS_FILE.stat().st_size / 1000
    print(f"accuracy on {len(labels)} held-out images: {accuracy:.4f}")
    print(f"{WEIGHTS_FILE.name}: {size_kb:.0f} kB; {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
