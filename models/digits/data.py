"""The handwritten digits: scikit-learn's 1,797 scans, split once and for all into training and held-out images."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["load_test_set", "load_train_set"]

_HELD_OUT_SHARE = 0.2
_SPLIT_SEED = 2024


def load_train_set() -> tuple[np.ndarray, np.ndarray]:
    """Return the 1,437 training images, float32 [N, 8, 8, 1] with ink 1 and paper 0, and their labels, int64 [N]."""
    images, _, labels, _ = _split()
    return images.copy(), labels.copy()


def load_test_set() -> tuple[np.ndarray, np.ndarray]:
    """Return the 360 held-out images and labels, in the same form; the model has never seen them."""
    _, images, _, labels = _split()
    return images.copy(), labels.copy()


@lru_cache(maxsize=1)
def _split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split with equal shares of each digit on both sides."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16.0).astype(np.float32)  # pixels count ink in 4 x 4 blocks: 0 to 16
    labels = digits.target.astype(np.int64)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=_HELD_OUT_SHARE, random_state=_SPLIT_SEED, stratify=labels
    )
    return train_images, test_images, train_labels, test_labels
