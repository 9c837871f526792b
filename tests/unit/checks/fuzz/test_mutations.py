"""Spoilt requests: what is made of a right one, and how a refusal of it is judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Signature, TensorSpec
from harness.checks.fuzz import grpc_mutations, rest_mutations
from harness.checks.fuzz.mutations import Base, Mutation, Raw, moved, server_name
from harness.clients.inputs import Target
from harness.errors import StatusError
from harness.protos import predict_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

_REQUEST = Raw(where="Predict", body=b"", words={"input": "x"})
_MUTATION = Mutation(
    name="a missing input",
    code="INVALID_ARGUMENT",
    text="Missing: %(input)s.",
    make=lambda _: None,
    or_text="no alias %(input)s",
)


def _error(code: str, text: str, http_status: int | None = None) -> StatusError:
    return StatusError(text, code=code, http_status=http_status, target="h:1", api="grpc", request="predict")


@pytest.mark.parametrize(
    "text", ["Missing: x.", "it is so. Missing: x. Truly.", "tensor has no alias x", "y" * 1024 + "...TRUNCATED"]
)
def test_the_right_code_and_text_are_no_fault(text: str) -> None:
    """The text may say more, be that of another release, or have lost its end."""
    assert _MUTATION.fault_of(_REQUEST, _error("INVALID_ARGUMENT", text)) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_error("INVALID_ARGUMENT", "Missing: y."), "wrong text"),
        (_error("INVALID_ARGUMENT", ""), "wrong text"),
        (_error("INTERNAL", "Missing: x."), "wrong code"),
        (_error("INVALID_ARGUMENT", "Missing: x.", 400), "wrong code"),
        (None, "answered"),
    ],
)
def test_anything_else_is_a_fault(error: StatusError | None, kind: str) -> None:
    """A wrong text, a wrong code and an answer are faults, and each says what should be."""
    fault = _MUTATION.fault_of(_REQUEST, error)
    assert fault is not None
    assert (fault.kind, fault.severity) == (kind, "error")
    assert "INVALID_ARGUMENT" in fault.text
    assert "Missing: x." in fault.text


def test_no_text_expects_none() -> None:
    """Where only the code is known, any text will do."""
    mutation = Mutation(name="truncated", code="INTERNAL", text="", make=lambda _: None)
    assert mutation.fault_of(_REQUEST, _error("INTERNAL", "")) is None
    assert mutation.fault_of(_REQUEST, _error("INTERNAL", "parse error")) is None
    assert mutation.fault_of(_REQUEST, _error("UNKNOWN", "")) is not None


def test_a_moved_target_names_one_place() -> None:
    """A target of another model, version or label names no other version or label; the signature stays."""
    target = Target(model="m", version=3, label=None, signature_name="s")
    assert moved(target, "model", "n") == Target(model="n", version=None, label=None, signature_name="s")
    assert moved(target, "label", "l") == Target(model="m", version=None, label="l", signature_name="s")
    assert moved(target, "version", 4) == Target(model="m", version=4, label=None, signature_name="s")
    assert moved(target, "signature_name", "t") == Target(model="m", version=3, label=None, signature_name="t")


@pytest.mark.parametrize(("dtype", "name"), [("float32", "float"), ("float16", "half"), ("int8", "int8")])
def test_dtypes_have_the_servers_names(dtype: str, name: str) -> None:
    """TensorFlow's texts say half, float and double."""
    assert server_name(dtype) == name


def _base(method: Any = "predict", *, with_default: bool = False) -> Base:
    signature = Signature(
        name="s",
        method_name="",
        inputs=(
            TensorSpec(name="t", dtype="string", shape=(None,)),
            TensorSpec(name="x", dtype="float32", shape=(None, 2), has_default=with_default),
        ),
        outputs=(TensorSpec(name="y", dtype="float32", shape=(None,)),),
    )
    inputs = {"t": np.array([b"a"], dtype=object), "x": np.ones((1, 2), np.float32)}
    target = Target(model="a model", version=2, label=None, signature_name="s")
    return Base(target=target, signature=signature, method=method, inputs=inputs if method == "predict" else {})


def _drawn(data: st.DataObject, table: Iterable[Mutation], name: str, base: Base) -> Raw:
    made = [strategy for one in table if one.name == name and (strategy := one.make(base)) is not None]
    assert len(made) == 1
    return data.draw(made[0])


@settings(max_examples=25)
@given(data=st.data())
def test_truncated_messages_and_json_are_broken(data: st.DataObject) -> None:
    """Wherever a message or a body is cut, it cannot be read."""
    cut = _drawn(data, grpc_mutations.OF_METHOD, "a truncated message", _base())
    with pytest.raises(DecodeError):
        predict_pb2.PredictRequest.FromString(cut.body)
    cut = _drawn(data, rest_mutations.OF_METHOD, "truncated JSON", _base())
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid|delimiter"):
        json.loads(cut.body)


@settings(max_examples=25)
@given(data=st.data())
def test_one_input_is_wrong_at_a_time(data: st.DataObject) -> None:
    """A wrong dtype, a missing input and a wrong length leave the other input as it was."""
    for name, words in (
        ("a wrong dtype", {"wanted", "given"}),
        ("a missing input", {"input"}),
        ("tensor content of the wrong length", {"input"}),
    ):
        raw = _drawn(data, grpc_mutations.OF_PREDICT, name, _base())
        assert set(raw.words) == words
        request = predict_pb2.PredictRequest.FromString(raw.body)
        kept = [key for key in ("t", "x") if key in request.inputs and _is_right(key, request.inputs[key])]
        assert len(kept) == 1


def _is_right(name: str, tensor: Any) -> bool:
    return bool(
        list(tensor.string_val) == [b"a"] if name == "t" else tensor.tensor_content == np.ones(2, np.float32).tobytes()
    )


def test_defaults_change_how_a_missing_input_is_refused() -> None:
    """A signature with defaults refuses with another text, and takes another name for none of the inputs."""
    base = _base(with_default=True)
    made = [one for one in grpc_mutations.OF_PREDICT if one.make(base) is not None]
    texts = [one.text for one in made if one.name == "a missing input"]
    assert texts == ["Signature input alias: %(input)s(feed name: "]
    assert "an input of another name" not in {one.name for one in made}


@settings(max_examples=25)
@given(data=st.data())
def test_paths_keep_the_version_and_are_quoted(data: st.DataObject) -> None:
    """A REST request for the base's version goes to its path; names are percent-encoded."""
    raw = _drawn(data, rest_mutations.OF_METHOD, "an empty body", _base("classify"))
    assert (raw.where, raw.body) == ("/v1/models/a%20model/versions/2:classify", b"")
    raw = _drawn(data, rest_mutations.OF_METHOD, "an unknown label", _base())
    assert raw.where in {
        f"/v1/models/a%20model/labels/{name}:predict" for name in ("no_such_label", "no%20such%20label")
    }


@settings(max_examples=25)
@given(data=st.data())
def test_examples_are_spoilt_for_classify_and_regress(data: st.DataObject) -> None:
    """Requests with tf.Examples go to their own method, over both APIs."""
    for method, rpc in (("classify", "Classify"), ("regress", "Regress")):
        raw = _drawn(data, grpc_mutations.OF_EXAMPLES, "no examples", _base(method))
        assert raw.where == rpc
        raw = _drawn(data, rest_mutations.OF_EXAMPLES, "no examples", _base(method))
        assert raw.where.endswith(f":{method}")
        assert json.loads(raw.body) == {"signature_name": "s", "examples": []}
