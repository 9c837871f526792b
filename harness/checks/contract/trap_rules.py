"""Trap rules: what in a model's signatures will trap its callers, told from the signatures alone.

Each rule takes the signatures that can be called and yields the places it is about, e.g. ``input keras_tensor_3 of
serving_default``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.checks.request import METHOD_OF_NAME
from harness.dtypes import dtype_of_name
from harness.signatures import DEFAULT_SIGNATURE, shape_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.signatures import Signature, TensorSpec

__all__ = [
    "counted_names",
    "fixed_batch",
    "foreign_method",
    "no_default",
    "no_inputs",
    "no_outputs",
    "nothing_to_call",
    "numbered_names",
    "rest_defaults",
    "rest_dtypes",
    "unfit_for_examples",
    "unknown_rank",
]

# Keras counts what it makes from the start of the process on: these names depend on what was made before.
_COUNTED = {
    "input": re.compile(r"(keras_tensor|input_layer)(_\d+)?|(dense|conv[123]d|embedding|lstm|gru)(_\d+)?_input"),
    "output": re.compile(
        r"(keras_tensor|dense)(_\d+)?|(activation|concatenate|conv[123]d|flatten|lambda|reshape|softmax)_\d+"
    ),
}
_ALONE = re.compile(r"input_\d+")  # of several, people may number their inputs themselves; Keras 2 did so to any
# tf.function and Keras number what was given no name by its position.
_NUMBERED = {"input": re.compile(r"(args|input|inputs)_\d+(_\d+)?"), "output": re.compile(r"output_\d+")}
_SURELY_NUMBERED = re.compile(r"args_\d+(_\d+)?")


def nothing_to_call(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """No signature at all, as ``tf.saved_model.save`` leaves a module whose functions it was not told of."""
    if not signatures:
        yield "the model has no signature"


def no_default(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """No ``serving_default`` among the signatures."""
    if signatures and DEFAULT_SIGNATURE not in signatures:
        yield f"there are {', '.join(sorted(signatures))}"


def counted_names(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Names that Keras made up with a counter of its process."""
    yield from _grouped(
        (side, name, spec)
        for side, name, spec in _all(signatures)
        if _COUNTED[side].fullmatch(spec.name) or (_is_alone(signatures[name], side) and _ALONE.fullmatch(spec.name))
    )


def numbered_names(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Names by position; where there is one tensor alone, only those that nobody would choose."""
    yield from _grouped(
        (side, name, spec)
        for side, name, spec in _all(signatures)
        if (_NUMBERED[side].fullmatch(spec.name) and not _is_alone(signatures[name], side))
        or _SURELY_NUMBERED.fullmatch(spec.name)
    )


def _is_alone(signature: Signature, side: str) -> bool:
    return len(signature.inputs if side == "input" else signature.outputs) == 1


def unfit_for_examples(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Signatures for Classify or Regress that a server refuses to run so, with the reason (behaviour items 65-71)."""
    for name, signature in signatures.items():
        method = METHOD_OF_NAME.get(signature.method_name)
        fault = _EXAMPLE_FAULTS[method](signature) if method in _EXAMPLE_FAULTS else ""
        if fault:
            yield f"{name} ({method}: {fault})"


def _input_fault(signature: Signature) -> str:
    if [spec.name for spec in signature.inputs] != ["inputs"]:
        return f"its inputs are {_names(signature.inputs)} instead of 'inputs' alone"
    dtype = signature.inputs[0].dtype
    return "" if dtype == "string" else f"its input is {dtype} instead of string"


def _classify_fault(signature: Signature) -> str:
    outputs = {spec.name: spec for spec in signature.outputs}
    known = [outputs[name] for name in ("classes", "scores") if name in outputs]
    if not known or len(outputs) > 2:
        return f"its outputs are {_names(signature.outputs)} instead of 'classes', 'scores' or both"
    for spec in known:
        if spec.dtype != ("string" if spec.name == "classes" else "float32"):
            return f"its {spec.name} are {spec.dtype}"
        if spec.shape is not None and len(spec.shape) != 2:
            return f"its {spec.name} have the shape {shape_text(spec.shape)} instead of [batch size, classes]"
    widths = {spec.shape[1] for spec in known if spec.shape is not None} - {None}
    if len(widths) > 1:
        return f"it has {' and '.join(f'{spec.name} {shape_text(spec.shape)}' for spec in known)}"
    return _input_fault(signature)


def _regress_fault(signature: Signature) -> str:
    if [spec.name for spec in signature.outputs] != ["outputs"]:
        return f"its outputs are {_names(signature.outputs)} instead of 'outputs' alone"
    output = signature.outputs[0]
    if output.dtype != "float32":
        return f"its output is {output.dtype} instead of float32"
    if (
        output.shape is not None
        and len(output.shape) != 1
        and (len(output.shape) != 2 or output.shape[1] not in {1, None})
    ):
        return f"its output has the shape {shape_text(output.shape)} instead of [batch size] or [batch size, 1]"
    return _input_fault(signature)


_EXAMPLE_FAULTS = {"classify": _classify_fault, "regress": _regress_fault}


def no_outputs(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Signatures without outputs (behaviour item 167)."""
    yield from (name for name, signature in signatures.items() if not signature.outputs)


def no_inputs(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Signatures without inputs (behaviour item 137)."""
    yield from (name for name, signature in signatures.items() if not signature.inputs)


def unknown_rank(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Inputs and outputs of unknown rank."""
    yield from _grouped(found for found in _all(signatures) if found[2].shape is None)


def fixed_batch(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Signatures for batches of one size: all inputs and outputs begin with the same fixed dimension, and go on."""
    for name, signature in signatures.items():
        shapes = [spec.shape for spec in (*signature.inputs, *signature.outputs)]
        first = {shape[0] if shape else None for shape in shapes}
        are_batches = signature.inputs and all(spec.shape and len(spec.shape) > 1 for spec in signature.inputs)
        if are_batches and len(first) == 1 and None not in first:
            yield f"{name} ({', '.join(map(str, signature.inputs))})"


def rest_dtypes(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Inputs that REST does not take and outputs that it cannot write (behaviour items 144, 166)."""
    yield from _grouped(
        (f"{spec.dtype} {side}", name, spec) for side, name, spec in _all(signatures) if not _suits_rest(side, spec)
    )


def _suits_rest(side: str, spec: TensorSpec) -> bool:
    dtype = dtype_of_name(spec.dtype)
    return dtype.rest_input if side == "input" else dtype.rest_output


def rest_defaults(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Inputs whose default REST does not use (behaviour items 149, 152)."""
    yield from _grouped(found for found in _all(signatures) if found[2].has_default)


def foreign_method(signatures: Mapping[str, Signature]) -> Iterator[str]:
    """Signatures whose method name is none of TensorFlow Serving's (behaviour item 57)."""
    for name, signature in signatures.items():
        if signature.method_name not in METHOD_OF_NAME:
            yield f"{name} ({signature.method_name or 'empty'})"


def _all(signatures: Mapping[str, Signature]) -> Iterator[tuple[str, str, TensorSpec]]:
    """Yield side, signature's name and spec of every input and output."""
    for name, signature in signatures.items():
        yield from (("input", name, spec) for spec in signature.inputs)
        yield from (("output", name, spec) for spec in signature.outputs)


def _grouped(found: Iterable[tuple[str, str, TensorSpec]]) -> list[str]:
    """Return each tensor once, with all the signatures that it was found in."""
    places: dict[str, list[str]] = {}
    for side, name, spec in found:
        places.setdefault(f"{side} {spec.name}", []).append(name)
    return [f"{what} of {', '.join(names)}" for what, names in places.items()]


def _names(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(repr(spec.name) for spec in specs) or "none"
