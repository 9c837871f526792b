"""A model as a user has it: a tf.Module with one signature."""

from __future__ import annotations

from typing import Any


def make() -> Any:
    """Return a module that doubles its input: x float32 [N] -> doubled float32 [N]."""
    import tensorflow as tf

    class Doubler(tf.Module):
        """Multiplies by a variable that holds 2."""

        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def double(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            """Return twice the input."""
            return {"doubled": x * self.factor}

    return Doubler()
