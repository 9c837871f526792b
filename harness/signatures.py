"""Signature: what a served model takes and gives, read from wherever it is written.

A SavedModel on disk, GetModelMetadata over gRPC and ``/metadata`` over REST all become the same frozen types, so that
they can be compared with ``diff`` (in ``harness.signature_diff``). Parsing only: files and calls are others' business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.dtypes import dtype_of_enum, dtype_of_name
from harness.errors import SignatureError, TensorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "DEFAULT_SIGNATURE",
    "Signature",
    "TensorSpec",
    "pick_signature",
    "shape_text",
    "signatures_from_json",
    "signatures_from_map",
    "signatures_from_response",
]

DEFAULT_SIGNATURE = "serving_default"

# TF1 exports may list variables by reference (DT_FLOAT_REF = DT_FLOAT + 100); what is sent and answered is the value.
_REFERENCE = 100

# TF2 exports carry this one for the loader's use; no client can call it (behaviour item 75).
_INTERNAL = frozenset({"__saved_model_init_op", "__saved_model_train_op"})


# How TensorInfo says that one tensor stands for several, in place of a name.
_OTHER_ENCODINGS = ("composite_tensor", "coo_sparse")


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output of a signature.

    Attributes:
        name: the name that requests and answers use (the alias).
        dtype: TensorFlow's short dtype name, e.g. ``float32``.
        shape: sizes, None for an unknown one; None for an unknown rank.
        has_default: whether the signature supplies a value when a request leaves this input out.
        tensor_name: the tensor in the graph, e.g. ``serving_default_x:0``; no part of the agreement with callers. A
            ragged or sparse tensor is several in the graph and has its encoding here, ``(composite_tensor)`` or
            ``(coo_sparse)``.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    has_default: bool = False
    tensor_name: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return e.g. ``image: float32 [?, 8, 8, 1]``."""
        text = f"{self.name}: {self.dtype} {shape_text(self.shape)}"
        return text + " (has a default)" if self.has_default else text


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Inputs and outputs of one entry point of a model, each sorted by name.

    Attributes:
        name: e.g. ``serving_default``.
        method_name: e.g. ``tensorflow/serving/predict``.
        inputs: what a request must hold.
        outputs: what an answer holds.
    """

    name: str
    method_name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def is_internal(self) -> bool:
        """Whether this entry serves TensorFlow's loader and not callers."""
        return self.name in _INTERNAL

    def input(self, name: str) -> TensorSpec:
        """Return the input of that name.

        Raises:
            SignatureError: there is none.
        """
        return _named(self.inputs, name, f"signature {self.name!r} has no input")

    def output(self, name: str) -> TensorSpec:
        """Return the output of that name.

        Raises:
            SignatureError: there is none.
        """
        return _named(self.outputs, name, f"signature {self.name!r} has no output")


def shape_text(shape: tuple[int | None, ...] | None) -> str:
    """Return e.g. ``[?, 8]``, or ``unknown rank``."""
    if shape is None:
        return "unknown rank"
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def _named(specs: tuple[TensorSpec, ...], name: str, missing: str) -> TensorSpec:
    for spec in specs:
        if spec.name == name:
            return spec
    raise SignatureError(f"{missing} {name!r}; it has: {', '.join(spec.name for spec in specs) or 'none'}")


def pick_signature(signatures: Mapping[str, Signature], name: str = DEFAULT_SIGNATURE) -> Signature:
    """Return the signature of that name.

    Raises:
        SignatureError: the model has none of that name; the callable ones are named.
    """
    if name in signatures:
        return signatures[name]
    callable_names = sorted(key for key, signature in signatures.items() if not signature.is_internal)
    raise SignatureError(
        f"the model has no signature {name!r}; it has: {', '.join(callable_names) or 'none that can be called'}"
    )


def signatures_from_map(signature_defs: Mapping[str, Any]) -> dict[str, Signature]:
    """Return the signatures of a MetaGraphDef's ``signature_def`` map (or SignatureDefMap's), sorted by name.

    Raises:
        SignatureError: a dtype that is not in the table of ``harness.dtypes``.
    """
    return {name: _from_proto(name, signature_defs[name]) for name in sorted(signature_defs)}


def signatures_from_response(response: Any) -> dict[str, Signature]:
    """Return the signatures of a GetModelMetadataResponse.

    Raises:
        SignatureError: the response holds no ``signature_def`` metadata, or one that cannot be read.
    """
    from google.protobuf.message import DecodeError

    from harness.protos import get_model_metadata_pb2

    holder = get_model_metadata_pb2.SignatureDefMap()
    try:
        if "signature_def" not in response.metadata or not response.metadata["signature_def"].Unpack(holder):
            raise SignatureError("the server's metadata holds no signature_def map; is it a TensorFlow model?")
    except DecodeError as exc:
        raise SignatureError(f"the server's signature_def map cannot be read ({exc})") from exc
    return signatures_from_map(holder.signature_def)


def signatures_from_json(document: Any) -> dict[str, Signature]:
    """Return the signatures of the document that ``GET /v1/models/NAME/metadata`` answers (behaviour item 174).

    Raises:
        SignatureError: the document has another form.
    """
    try:
        signature_defs = document["metadata"]["signature_def"]["signature_def"]
        return {name: _from_json(name, signature_defs[name]) for name in sorted(signature_defs)}
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise SignatureError(f"the metadata document does not have TensorFlow Serving's form ({exc!r})") from exc


def _from_proto(name: str, signature_def: Any) -> Signature:
    defaults = set(getattr(signature_def, "defaults", {}))
    return Signature(
        name=name,
        method_name=signature_def.method_name,
        inputs=_sorted(_spec_from_proto(key, info, key in defaults) for key, info in signature_def.inputs.items()),
        outputs=_sorted(_spec_from_proto(key, info) for key, info in signature_def.outputs.items()),
    )


def _spec_from_proto(name: str, info: Any, has_default: bool = False) -> TensorSpec:  # noqa: FBT001,FBT002 - a column
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(_size(dim.size) for dim in shape.dim)
    encoding = info.WhichOneof("encoding")
    try:
        dtype = dtype_of_enum(info.dtype - _REFERENCE if info.dtype > _REFERENCE else info.dtype).name
    except TensorError as exc:
        raise SignatureError(f"{name}: {exc}") from exc
    tensor_name = info.name if encoding == "name" else f"({encoding})"
    return TensorSpec(name=name, dtype=dtype, shape=sizes, has_default=has_default, tensor_name=tensor_name)


def _from_json(name: str, signature_def: Any) -> Signature:
    defaults = set(signature_def.get("defaults", {}))
    inputs, outputs = signature_def.get("inputs", {}), signature_def.get("outputs", {})
    return Signature(
        name=name,
        method_name=signature_def.get("method_name", ""),
        inputs=_sorted(_spec_from_json(key, info, key in defaults) for key, info in inputs.items()),
        outputs=_sorted(_spec_from_json(key, info) for key, info in outputs.items()),
    )


def _spec_from_json(name: str, info: Any, has_default: bool = False) -> TensorSpec:  # noqa: FBT001,FBT002 - a column
    shape = info.get("tensor_shape", {})  # left out if it is not set: a scalar, as in the proto
    sizes = None if shape.get("unknown_rank") else tuple(_size(int(dim["size"])) for dim in shape.get("dim", ()))
    try:
        dtype = dtype_of_name(info["dtype"].removesuffix("_REF")).name
    except TensorError as exc:
        raise SignatureError(f"{name}: {exc}") from exc
    encoding = next((f"({key})" for key in _OTHER_ENCODINGS if key in info), "")
    tensor_name = info.get("name", encoding)
    return TensorSpec(name=name, dtype=dtype, shape=sizes, has_default=has_default, tensor_name=tensor_name)


def _sorted(specs: Iterable[TensorSpec]) -> tuple[TensorSpec, ...]:
    return tuple(sorted(specs, key=lambda spec: spec.name))


def _size(size: int) -> int | None:
    return None if size < 0 else size
