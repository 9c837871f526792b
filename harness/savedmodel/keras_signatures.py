"""What a Keras 3 model needs to be saved for a server: a signature with its author's names, and its variables in order.

Keras' own ``model.export`` keeps input names but calls the outputs ``output_0``, ``output_1`` ...; clients of a model
read its answers by name, so here they keep the names of the output layers (or the keys of an output dict).
"""

from __future__ import annotations

import sys
from typing import Any

from harness.errors import ExportError

__all__ = ["is_keras_model", "keras_signature", "saveable"]


def is_keras_model(model: Any) -> bool:
    """Return whether it is a Keras 3 model, without importing Keras for models that are none."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def saveable(model: Any) -> Any:
    """Return a tf.Module with the model's variables and tables, to be saved in the model's place.

    ``tf.saved_model.save(model)`` must not be used: with a Keras 3 model in it a SavedModel holds each variable twice,
    and a server (not tf.saved_model.load) reads the copy that is never restored; see ``harness.savedmodel.restored``.
    """
    import tensorflow as tf

    resource = tf.saved_model.experimental.TrackableResource
    holder = tf.Module()
    holder.held_variables = [variable.value for variable in model.variables]
    holder.held_resources = [part for part in tf.train.TrackableView(model).descendants() if isinstance(part, resource)]
    return holder


def keras_signature(model: Any) -> Any:
    """Return a tf.function from the model's named inputs to a dict of its named outputs.

    Raises:
        ExportError: the model does not know its inputs (subclassed, or a Sequential that was never built).
    """
    import keras
    import tensorflow as tf

    if keras.config.backend() != "tensorflow":
        raise ExportError(
            f"the Keras backend is {keras.config.backend()!r}, but a SavedModel is made of TensorFlow operations;"
            " set KERAS_BACKEND=tensorflow before keras is imported"
        )
    inputs = _inputs(model)
    names = [tensor.name for tensor in inputs]
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in inputs]

    def serve(*tensors: Any) -> dict[str, Any]:
        result = model(_packed(model, names, tensors), training=False)
        return _named_outputs(model, result)

    return tf.function(serve, input_signature=specs)


def _inputs(model: Any) -> list[Any]:
    try:
        inputs = model.inputs
    except AttributeError:
        inputs = None
    if not inputs:
        raise ExportError(
            f"the Keras model {model.name!r} does not know its inputs. Begin it with"
            " keras.Input(shape, name=...), or give signatures={'serving_default': a_tf_function}"
        )
    return list(inputs)


def _packed(model: Any, names: list[str], tensors: tuple[Any, ...]) -> Any:
    """Return the tensors in the form the model was made with: one tensor, a list or a dict by input name."""
    by_name = dict(zip(names, tensors, strict=True))
    struct = getattr(model, "_inputs_struct", None)  # a Sequential has none, and takes its one tensor
    if struct is None:
        return tensors[0]
    import keras

    return keras.tree.map_structure(lambda tensor: by_name[tensor.name], struct)


def _named_outputs(model: Any, result: Any) -> dict[str, Any]:
    if isinstance(result, dict):
        return result
    import keras

    flat = keras.tree.flatten(result)
    return dict(zip(_output_names(model, len(flat)), flat, strict=True))


def _output_names(model: Any, count: int) -> list[str]:
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    if len(names) != count or len(set(names)) != count:
        return [f"output_{index}" for index in range(count)]
    return list(names)
