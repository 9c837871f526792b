"""What a model's string inputs should hold: tf.Examples with which features, images of which format, or any words.

A signature for Classify or Regress, and many a one for Predict, takes serialised tf.Examples as strings, and no
signature tells their features. The graph does: the operation that parses them holds the names as constants, and dtypes
and shapes as attributes. Pure: reads MetaGraphDef messages, knows no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.dtypes import dtype_of_enum
from harness.savedmodel.graph_reach import Reach
from harness.savedmodel.text_content import content_of_uses
from harness.text_input import Feature, TextInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from harness.savedmodel.graph_reach import Use
    from harness.text_input import Content

__all__ = ["text_input"]


_OUTPUT = ("0", "output:0")  # an operation's one output


def text_input(meta_graph: Any, tensor_name: str, *, outputs: Iterable[str] = ()) -> TextInput:
    """Return what a string tensor of a MetaGraphDef should hold.

    Args:
        meta_graph: the graph with its functions.
        tensor_name: as a signature names it, e.g. ``serving_default_image_bytes:0``.
        outputs: the tensors that the signature answers; without any, whatever the graph does with the tensor counts.
    """
    reach = Reach(meta_graph, outputs)
    uses = reach.uses(tensor_name)
    decoded = [inner for use in uses if use.op == "DecodeBase64" for inner in reach.uses_of_output(use, *_OUTPUT)]
    is_base64 = any(use.op == "DecodeBase64" for use in uses)
    features = {feature.name: feature for use in uses for feature in _features(use, reach)}
    return TextInput(
        content=content_of_uses(decoded if is_base64 else uses),
        features=tuple(features[name] for name in sorted(features)),
        is_base64=is_base64,
    )


def _features(use: Use, reach: Reach) -> Iterator[Feature]:
    keys_of = _KEYS.get(use.op) if use.position == 0 else None
    if keys_of is None:
        return
    sparse, dense, ragged = keys_of(use)
    attributes = use.node.attr
    for name, number in zip(sparse, attributes["sparse_types"].list.type, strict=False):
        yield Feature(name=name, dtype=dtype_of_enum(number).name, shape=None)
    for name, number in zip(ragged, attributes["ragged_value_types"].list.type, strict=False):
        yield Feature(name=name, dtype=dtype_of_enum(number).name, shape=None)
    shapes = attributes["dense_shapes"].list.shape
    for index, (name, number, shape) in enumerate(zip(dense, attributes["Tdense"].list.type, shapes, strict=False)):
        sizes = tuple(None if dim.size < 0 else int(dim.size) for dim in shape.dim)
        output = (str(3 * len(sparse) + index), f"dense_values:{index}")  # three outputs for each sparse one come first
        dtype = dtype_of_enum(number)
        content: Content = content_of_uses(reach.uses_of_output(use, *output)) if dtype.is_string else "words"
        yield Feature(name=name, dtype=dtype.name, shape=sizes, content=content)


_Keys = tuple[list[str], list[str], list[str]]  # of sparse, dense and ragged features


def _keys_in_vectors(use: Use) -> _Keys:
    return _texts(use, 2), _texts(use, 3), _texts(use, 4)


def _keys_in_scalars(use: Use) -> _Keys:
    sparse, dense = (int(use.node.attr[name].i) for name in ("Nsparse", "Ndense"))
    keys = [_texts(use, position) for position in range(2, 2 + sparse + dense)]
    if not all(keys):  # a name that is computed; which dtype belongs to which name cannot be told
        return [], [], []
    names = [name for one in keys for name in one]
    return names[:sparse], names[sparse:], []


def _keys_in_attributes(use: Use) -> _Keys:
    sparse, dense = ([_text(key) for key in use.node.attr[name].list.s] for name in ("sparse_keys", "dense_keys"))
    return sparse, dense, []


# Where each parsing operation holds the features' names.
_KEYS: Mapping[str, Callable[[Use], _Keys]] = {
    "ParseExample": _keys_in_scalars,
    "ParseExampleV2": _keys_in_vectors,
    "ParseSingleExample": _keys_in_attributes,
}


def _texts(use: Use, position: int) -> list[str]:
    array = use.constant(position)
    return [] if array is None else [_text(key) for key in array.reshape(-1).tolist()]


def _text(key: bytes) -> str:
    return key.decode(errors="replace")
