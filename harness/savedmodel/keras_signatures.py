"""The serving signature of a Keras 3 model: its inputs and outputs under the names its author gave them.

Keras' own ``model.export`` keeps input names but calls the outputs ``output_0``, ``output_1`` ...; clients of a model
read its answers by name, so here they keep the names of the output layers (or the keys of an output dict).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from harness.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_keras_model", "keras_signature", "save_keras"]


def is_keras_model(model: Any) -> bool:
    """Return whether it is a Keras 3 model, without importing Keras for models that are none."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def save_keras(model: Any, directory: Path, signatures: Any) -> None:
    """Save a Keras 3 model so that servers restore its variables.

    ``tf.saved_model.save(model)`` must not be used: a SavedModel with a Keras 3 model at its root restores copies of
    the variables, which a server's loader (not tf.saved_model.load) then does not find under their own names.

    Args:
        model: the model.
        directory: where saved_model.pb will lie.
        signatures: as tf.saved_model.save takes them; None for the model's own inputs and outputs.

    Raises:
        ExportError: see ``keras_signature``.
    """
    import keras
    import tensorflow as tf

    if signatures is None:
        function = keras_signature(model)
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serving_default", function.python_function, input_signature=function.input_signature)
        archive.write_out(str(directory), verbose=False)
        return
    root = tf.Module()
    root.model_variables = [variable.value for variable in model.variables]
    tf.saved_model.save(root, str(directory), signatures=signatures)


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
