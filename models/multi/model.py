"""The functions of multi: each output depends on inputs of several dtypes, so that a mixed-up one shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.savedmodel import export as export_model

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NAME", "build", "combine", "export", "statistics"]

NAME = "multi"


def combine(features: Any, ids: Any, mask: Any, label: Any, pixels: Any) -> dict[str, Any]:
    """Compute the outputs of ``serving_default``; N is the batch.

    - in: ``features`` float32 [N, 3, 4]; ``ids`` int64 [N]; ``mask`` bool [N, 3]; ``label`` string [N];
      ``pixels`` uint8 [N, H, W, 3] with any H and W;
    - out: ``weighted`` float32 [N, 4], the sum of the rows that the mask keeps; ``next_id`` int64 [N];
      ``kept`` int32 [N], how many rows that are; ``tagged`` string [N], ``<label>#<id>``; ``inverted`` uint8
      [N, H, W, 3]; ``any_kept`` bool [N].
    """
    import tensorflow as tf

    weights = tf.cast(mask, tf.float32)
    return {
        "weighted": tf.reduce_sum(features * weights[:, :, tf.newaxis], axis=1),
        "next_id": ids + 1,
        "kept": tf.reduce_sum(tf.cast(mask, tf.int32), axis=1),
        "tagged": tf.strings.join([label, tf.strings.as_string(ids)], separator="#"),
        "inverted": 255 - pixels,
        "any_kept": tf.reduce_any(mask, axis=1),
    }


def statistics(values: Any) -> dict[str, Any]:
    """Compute the outputs of ``statistics``.

    - in: ``values`` float64 [N, M];
    - out: ``mean`` float64 [N]; ``range`` float64 [N, 2], the smallest and the greatest.
    """
    import tensorflow as tf

    lowest, highest = tf.reduce_min(values, axis=1), tf.reduce_max(values, axis=1)
    return {"mean": tf.reduce_mean(values, axis=1), "range": tf.stack([lowest, highest], axis=1)}


def build() -> Any:
    """Return a tf.Module with ``combine`` and ``statistics`` as TensorFlow functions."""
    import tensorflow as tf

    module = tf.Module(name=NAME)
    module.combine = tf.function(
        combine,
        input_signature=[
            tf.TensorSpec([None, 3, 4], tf.float32, name="features"),
            tf.TensorSpec([None], tf.int64, name="ids"),
            tf.TensorSpec([None, 3], tf.bool, name="mask"),
            tf.TensorSpec([None], tf.string, name="label"),
            tf.TensorSpec([None, None, None, 3], tf.uint8, name="pixels"),
        ],
    )
    module.statistics = tf.function(
        statistics, input_signature=[tf.TensorSpec([None, None], tf.float64, name="values")]
    )
    return module


def export(to: str | Path, *, version: int | None = None) -> Path:
    """Export the model under the base path ``to`` and return it; None takes the next version number."""
    module = build()
    signatures = {"serving_default": module.combine, "statistics": module.statistics}
    return export_model(module, to=to, version=version, signatures=signatures)
