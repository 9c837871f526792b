"""Spoilt requests over gRPC, and how tensorflow_model_server refuses them (behaviour items 30-67)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from harness.checks.fuzz.mutations import (
    UNKNOWN_LABELS,
    UNKNOWN_MODELS,
    UNKNOWN_NAMES,
    UNKNOWN_SIGNATURES,
    UNKNOWN_VERSIONS,
    Base,
    Mutation,
    Raw,
    moved,
    server_name,
    words_of,
)
from harness.checks.fuzz.values import array_of, plain_element
from harness.clients.examples import input_proto
from harness.clients.grpc_messages import fill_spec
from harness.dtypes import dtype_of_name
from harness.protos import classification_pb2, predict_pb2, regression_pb2
from harness.tensors import fill_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hypothesis.strategies import SearchStrategy

    from harness.clients.inputs import Target
    from harness.signatures import TensorSpec

    Make = Callable[[Base], SearchStrategy[Raw] | None]

__all__ = ["OF_EXAMPLES", "OF_METHOD", "OF_PREDICT"]

_RPCS = {"predict": "Predict", "classify": "Classify", "regress": "Regress"}
_OTHER_DTYPES = ("float64", "float32", "int32", "int64", "string", "bool")


def _predict(base: Base, inputs: Mapping[str, np.ndarray], target: Target | None = None) -> Any:
    request = predict_pb2.PredictRequest()
    fill_spec(request.model_spec, target or base.target)
    for name, array in inputs.items():
        fill_proto(request.inputs[name], array, name=name)
    return request


def _on_examples(base: Base, target: Target | None = None) -> Any:
    kind = {"classify": classification_pb2.ClassificationRequest, "regress": regression_pb2.RegressionRequest}
    request = kind[base.method](input=input_proto([{"x": 1.0}]))
    fill_spec(request.model_spec, target or base.target)
    return request


def _raw(base: Base, message: Any, **words: Any) -> Raw:
    return Raw(where=_RPCS[base.method], body=message.SerializeToString(deterministic=True), words=words)


# What is wrong with the message or with its model_spec, which the server looks at before the inputs (item 56).


def _nothing(base: Base) -> SearchStrategy[Raw]:
    return st.just(Raw(where=_RPCS[base.method], body=b""))


def _cut(base: Base) -> SearchStrategy[Raw]:
    """A message with one field is broken wherever it is cut."""
    body = _predict(base, {}).SerializeToString()
    return st.integers(1, len(body) - 1).map(lambda size: Raw(where=_RPCS[base.method], body=body[:size]))


def _elsewhere(part: str, values: Sequence[Any]) -> Make:
    """Return what makes requests to a target that does not exist."""

    def request(base: Base, value: Any) -> Raw:
        target = moved(base.target, part, value)
        message = _predict(base, {}, target) if base.method == "predict" else _on_examples(base, target)
        return _raw(base, message, **words_of(target))

    return lambda base: st.sampled_from(values).map(lambda value: request(base, value))


def _unknown_signature(*methods: str) -> Make:
    make = _elsewhere("signature_name", UNKNOWN_SIGNATURES)
    return lambda base: make(base) if base.method in methods else None


OF_METHOD: tuple[Mutation, ...] = (
    Mutation(name="an empty message", code="INVALID_ARGUMENT", text="Missing ModelSpec", make=_nothing),
    Mutation(name="a truncated message", code="INTERNAL", text="", make=_cut),
    Mutation(
        name="no model name",
        code="INVALID_ARGUMENT",
        text="ModelSpec has no name specified.",
        make=_elsewhere("model", [""]),
    ),
    Mutation(
        name="an unknown model",
        code="NOT_FOUND",
        text="Servable not found for request: Latest(%(model)s)",
        make=_elsewhere("model", UNKNOWN_MODELS),
    ),
    Mutation(
        name="an unknown version",
        code="NOT_FOUND",
        text="Servable not found for request: Specific(%(model)s, %(version)s)",
        make=_elsewhere("version", UNKNOWN_VERSIONS),
    ),
    Mutation(
        name="an unknown label",
        code="INVALID_ARGUMENT",
        text="Unrecognized servable version label: %(label)s",
        make=_elsewhere("label", UNKNOWN_LABELS),
    ),
    Mutation(
        name="an unknown signature",
        code="FAILED_PRECONDITION",
        text='Serving signature key "%(signature)s" not found.',
        make=_unknown_signature("predict"),
    ),
    Mutation(
        name="an unknown signature",
        code="INVALID_ARGUMENT",
        text="No signature was found with the name: %(signature)s",
        make=_unknown_signature("classify", "regress"),
    ),
)


# What is wrong with the inputs.


def _required(base: Base) -> list[str]:
    return [spec.name for spec in base.signature.inputs if not spec.has_default]


def _has_defaults(base: Base) -> bool:
    return len(_required(base)) < len(base.signature.inputs)


def _one_less(*, with_defaults: bool) -> Make:
    def request(base: Base, name: str) -> Raw:
        return _raw(base, _predict(base, {key: array for key, array in base.inputs.items() if key != name}), input=name)

    def make(base: Base) -> SearchStrategy[Raw] | None:
        if _has_defaults(base) is not with_defaults or not _required(base):
            return None
        return st.sampled_from(_required(base)).map(lambda name: request(base, name))

    return make


def _one_more(base: Base) -> SearchStrategy[Raw]:
    extra = np.zeros(1, np.float32)
    return st.sampled_from(UNKNOWN_NAMES).map(
        lambda name: _raw(base, _predict(base, {**base.inputs, name: extra}), extra=name)
    )


def _renamed(base: Base) -> SearchStrategy[Raw] | None:
    if _has_defaults(base) or not base.inputs:
        return None

    def request(name: str, other: str) -> Raw:
        inputs = {other if key == name else key: array for key, array in base.inputs.items()}
        return _raw(base, _predict(base, inputs), input=name, extra=other)

    return st.builds(request, st.sampled_from(_required(base)), st.sampled_from(UNKNOWN_NAMES))


def _other_dtype(base: Base) -> SearchStrategy[Raw] | None:
    """The dtype is compared when the model is run, so a model without outputs compares none (item 57)."""
    inputs = base.signature.inputs if base.signature.outputs else ()
    pairs = [(spec, other) for spec in inputs for other in _OTHER_DTYPES if other != spec.dtype]

    def request(pair: tuple[TensorSpec, str]) -> Raw:
        spec, other = pair
        dtype, shape = dtype_of_name(other), base.inputs[spec.name].shape
        array = array_of([plain_element(dtype)] * base.inputs[spec.name].size, dtype, shape)
        message = _predict(base, {**base.inputs, spec.name: array})
        return _raw(base, message, wanted=server_name(spec.dtype), given=server_name(other))

    return st.sampled_from(pairs).map(request) if pairs else None


def _spoilt(spoil: Callable[[Any], None]) -> Make:
    """Return what makes requests with one tensor that cannot be read."""

    def request(base: Base, name: str) -> Raw:
        message = _predict(base, base.inputs)
        spoil(message.inputs[name])
        return _raw(base, message, input=name)

    def make(base: Base) -> SearchStrategy[Raw] | None:
        names = list(base.inputs)
        return st.sampled_from(names).map(lambda name: request(base, name)) if names else None

    return make


def _other_length(base: Base) -> SearchStrategy[Raw] | None:
    """The content of a tensor with bytes missing or too many; without any bytes it would be read as zeros."""
    sizes = {name: len(tensor.tensor_content) for name, tensor in _predict(base, base.inputs).inputs.items()}
    pairs = [(name, size + more) for name, size in sorted(sizes.items()) for more in (-1, 1, 8) if size and size + more]

    def request(pair: tuple[str, int]) -> Raw:
        name, size = pair
        message = _predict(base, base.inputs)
        message.inputs[name].tensor_content = message.inputs[name].tensor_content[:size].ljust(size, b"\0")
        return _raw(base, message, input=name)

    return st.sampled_from(pairs).map(request) if pairs else None


def _unknown_output(base: Base) -> SearchStrategy[Raw]:
    def request(name: str) -> Raw:
        message = _predict(base, base.inputs)
        message.output_filter.append(name)
        return _raw(base, message, output=name)

    return st.sampled_from(UNKNOWN_NAMES).map(request)


_UNREADABLE = "tensor parsing error: %(input)s"

OF_PREDICT: tuple[Mutation, ...] = (
    Mutation(
        name="a missing input",
        code="INVALID_ARGUMENT",
        text="Missing but required: {%(input)s}.",
        make=_one_less(with_defaults=False),
    ),
    Mutation(
        name="a missing input",
        code="INVALID_ARGUMENT",
        text="Signature input alias: %(input)s(feed name: ",
        make=_one_less(with_defaults=True),
    ),
    Mutation(name="an extra input", code="INVALID_ARGUMENT", text="Sent extra: {%(extra)s}.", make=_one_more),
    Mutation(
        name="an input of another name",
        code="INVALID_ARGUMENT",
        text="Signature input alias: %(input)s(feed name: ",
        make=_renamed,
        or_text="input tensor alias not found in signature: %(extra)s",  # up to TensorFlow 2.13 (item 46)
    ),
    Mutation(
        name="a wrong dtype",
        code="INVALID_ARGUMENT",
        text="to be %(wanted)s but %(given)s is provided",
        make=_other_dtype,
        or_text="Batching Run() input tensors",  # of scalars, if the server puts requests together (item 181)
    ),
    Mutation(
        name="no dtype",
        code="INVALID_ARGUMENT",
        text=_UNREADABLE,
        make=_spoilt(lambda tensor: tensor.ClearField("dtype")),
    ),
    Mutation(
        name="a negative dimension",
        code="INVALID_ARGUMENT",
        text=_UNREADABLE,
        make=_spoilt(lambda tensor: tensor.tensor_shape.dim.add(size=-1)),
    ),
    Mutation(name="tensor content of the wrong length", code="INVALID_ARGUMENT", text=_UNREADABLE, make=_other_length),
    Mutation(
        name="an unknown output",
        code="INVALID_ARGUMENT",
        text="output tensor alias not found in signature: %(output)s",
        make=_unknown_output,
    ),
)


def _no_examples(base: Base) -> SearchStrategy[Raw]:
    unset, empty = _on_examples(base), _on_examples(base)
    unset.ClearField("input")
    del empty.input.example_list.examples[:]
    return st.sampled_from([_raw(base, unset), _raw(base, empty)])


OF_EXAMPLES: tuple[Mutation, ...] = (
    Mutation(name="no examples", code="INVALID_ARGUMENT", text="Input is empty.", make=_no_examples),
)
