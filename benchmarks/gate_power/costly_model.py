"""A model whose processor time per request can be set: y = x, after so many rounds of a small matrix product."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from harness import export

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["export_costly"]

_SIZE = 32


def export_costly(to: Path, *, rounds: int) -> Path:
    """Export the model as version 1 of a base path.

    Signature ``serving_default``: x float32 [N] -> y float32 [N].

    Args:
        to: the base path.
        rounds: how many matrix products a request costs.
    """
    tf: Any = importlib.import_module("tensorflow")

    class Costly(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def __call__(self, x: Any) -> dict[str, Any]:
            matrix = tf.eye(_SIZE) + 1e-9 * tf.reduce_sum(x)  # of the input, so that it is not computed beforehand
            _, product = tf.while_loop(
                lambda done, _: done < rounds,
                lambda done, product: (done + 1, tf.matmul(product, matrix)),
                (tf.constant(0), matrix),
                parallel_iterations=1,
            )
            return {"y": x + 0.0 * product[0, 0]}

    model = Costly()
    return export(model, to=to, version=1, signatures={"serving_default": model.__call__})
