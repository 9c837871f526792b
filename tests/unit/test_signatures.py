"""Signatures from wherever they are written; the REST forms are recordings of tensorflow_model_server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SignatureError
from harness.protos import get_model_metadata_pb2, meta_graph_pb2, saved_model_pb2
from harness.signatures import (
    Signature,
    TensorSpec,
    pick_signature,
    shape_text,
    signatures_from_json,
    signatures_from_map,
    signatures_from_response,
)

_CORPUS = Path(__file__).parents[1] / "conformance" / "corpus"
_SAVED_MODELS = sorted((_CORPUS / "models").glob("*/1/saved_model.pb"))


def _signature_defs(path: Path) -> Any:
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    return saved_model.meta_graphs[0].signature_def


def _response(signature_defs: Any) -> Any:
    holder = get_model_metadata_pb2.SignatureDefMap()
    for name, signature_def in signature_defs.items():
        holder.signature_def[name].CopyFrom(signature_def)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(holder)
    return response


def _recorded_documents() -> dict[str, Any]:
    """Return the /metadata answers of the genuine server that were recorded, by model name."""
    documents = {}
    for scenario in json.loads((_CORPUS / "metadata_status.json").read_text()):
        for step in scenario["steps"]:
            is_metadata = step["transport"] == "rest" and step["request"]["path"].endswith("/metadata")
            if is_metadata and step["response"]["status"] == 200:
                document = json.loads(step["response"]["body"])
                documents[f"{document['model_spec']['name']}/{document['model_spec']['version']}"] = document
    return documents


_RECORDED = _recorded_documents()


@pytest.mark.parametrize("path", _SAVED_MODELS, ids=lambda path: path.parts[-3])
def test_disk_and_grpc_say_the_same(path: Path) -> None:
    """The signatures of a SavedModel and of a GetModelMetadata answer made of it are equal, graph names included."""
    signature_defs = _signature_defs(path)
    on_disk = signatures_from_map(signature_defs)
    over_grpc = signatures_from_response(_response(signature_defs))
    assert on_disk
    assert over_grpc == on_disk
    assert repr(over_grpc) == repr(on_disk)


def test_some_metadata_was_recorded() -> None:
    """The recordings hold metadata of several models, or the next test would show nothing."""
    assert len(_RECORDED) >= 3


@pytest.mark.parametrize("name", sorted(_RECORDED))
def test_rest_says_the_same_as_the_disk(name: str) -> None:
    """What the genuine server answers over REST is what stands in the SavedModel, graph names included."""
    on_disk = signatures_from_map(_signature_defs(_CORPUS / "models" / name / "saved_model.pb"))
    assert repr(signatures_from_json(_RECORDED[name])) == repr(on_disk)


def _map(**tensor: Any) -> Any:
    """Return a signature map with one input ``x``."""
    meta_graph = meta_graph_pb2.MetaGraphDef()
    signature_def = meta_graph.signature_def["s"]
    signature_def.method_name = "m"
    signature_def.inputs["x"].CopyFrom(meta_graph_pb2.TensorInfo(**tensor))
    return meta_graph.signature_def


def _document(info: dict[str, Any], **more: Any) -> dict[str, Any]:
    signature_def = {"inputs": {"x": info}, "outputs": {}, "method_name": "m", "defaults": {}, **more}
    return {"metadata": {"signature_def": {"signature_def": {"s": signature_def}}}}


def _shape(*sizes: int, unknown_rank: bool = False) -> Any:
    info = meta_graph_pb2.TensorInfo()
    info.tensor_shape.unknown_rank = unknown_rank
    for size in sizes:
        info.tensor_shape.dim.add(size=size)
    return info.tensor_shape


@pytest.mark.parametrize(
    ("tensor", "info", "expected"),
    [
        (
            {"name": "x:0", "dtype": 1, "tensor_shape": _shape(-1, 8)},
            {
                "name": "x:0",
                "dtype": "DT_FLOAT",
                "tensor_shape": {"dim": [{"size": "-1"}, {"size": "8"}], "unknown_rank": False},
            },
            "x: float32 [?, 8]",
        ),
        (
            {"name": "x:0", "dtype": 7, "tensor_shape": _shape(unknown_rank=True)},
            {"name": "x:0", "dtype": "DT_STRING", "tensor_shape": {"dim": [], "unknown_rank": True}},
            "x: string unknown rank",
        ),
        ({"name": "x:0", "dtype": 9}, {"name": "x:0", "dtype": "DT_INT64"}, "x: int64 []"),
        (
            {"name": "x:0", "dtype": 101, "tensor_shape": _shape()},
            {"name": "x:0", "dtype": "DT_FLOAT_REF", "tensor_shape": {"dim": [], "unknown_rank": False}},
            "x: float32 []",
        ),
        (
            {"name": "x:0", "dtype": 29, "tensor_shape": _shape(0)},
            {"name": "x:0", "dtype": "DT_INT4", "tensor_shape": {"dim": [{"size": 0}], "unknown_rank": False}},
            "x: int4 [0]",
        ),
    ],
)
def test_every_form_of_a_tensor_is_read_alike(tensor: Any, info: Any, expected: str) -> None:
    """Unknown sizes, unknown rank, an unset shape, references and new dtypes are read alike from proto and JSON."""
    from_proto = signatures_from_map(_map(**tensor))
    assert [str(spec) for spec in from_proto["s"].inputs] == [expected]
    assert signatures_from_json(_document(info)) == from_proto


def test_defaults_are_told(corpus_models: Path) -> None:
    """An input with a default in the signature says so."""
    signature = signatures_from_map(_signature_defs(corpus_models / "defaults" / "1" / "saved_model.pb"))["one_default"]
    assert [(spec.name, spec.has_default) for spec in signature.inputs] == [
        ("scale", False),
        ("shift", True),
        ("x", False),
    ]
    assert str(signature.input("shift")) == "shift: float32 [] (has a default)"


def test_sparse_tensors_are_named_by_their_encoding() -> None:
    """An input that is no plain tensor says which encoding it has."""
    info = meta_graph_pb2.TensorInfo(dtype=1)
    info.coo_sparse.values_tensor_name = "v:0"
    spec = signatures_from_map(_map(dtype=1, coo_sparse=info.coo_sparse))["s"].input("x")
    assert spec.tensor_name == "(coo_sparse)"
    over_rest = _document({"dtype": "DT_FLOAT", "coo_sparse": {"values_tensor_name": "v:0"}})
    assert signatures_from_json(over_rest)["s"].input("x").tensor_name == "(coo_sparse)"


def test_loader_entries_are_internal(corpus_models: Path) -> None:
    """The init op that TF2 exports list is read (its output has no dtype) and marked as no one's to call."""
    signatures = signatures_from_map(_signature_defs(corpus_models / "strings" / "1" / "saved_model.pb"))
    assert [name for name, signature in signatures.items() if signature.is_internal] == ["__saved_model_init_op"]


def test_graph_names_are_no_part_of_the_agreement() -> None:
    """Two specs that differ in the graph's tensor names alone are equal."""
    left = TensorSpec(name="x", dtype="float32", shape=(1,), tensor_name="a:0")
    assert left == TensorSpec(name="x", dtype="float32", shape=(1,), tensor_name="b:0")
    assert hash(left) == hash(TensorSpec(name="x", dtype="float32", shape=(1,), tensor_name="b:0"))


def _bad_any() -> Any:
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    response.metadata["signature_def"].value = b"\xff\xff"
    return response


def _other_any() -> Any:
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(meta_graph_pb2.TensorInfo())
    return response


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (get_model_metadata_pb2.GetModelMetadataResponse(), "holds no signature_def map"),
        (_other_any(), "holds no signature_def map"),
        (_bad_any(), "signature_def map cannot be read"),
        (_response(_map(dtype=77)), "x: dtype number 77 is not a TensorFlow dtype"),
    ],
)
def test_metadata_of_another_form_is_refused(response: Any, text: str) -> None:
    """Answers without a signature map, or with a broken one, are SignatureErrors."""
    with pytest.raises(SignatureError, match=text):
        signatures_from_response(response)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"metadata": {}},
        {"metadata": {"signature_def": {"signature_def": []}}, "x": 1},
        {"metadata": {"signature_def": {"signature_def": {"s": 1}}}},
        _document({"tensor_shape": {"dim": []}}),
        _document({"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "many"}]}}),
        _document({"dtype": "DT_NEW", "tensor_shape": {"dim": []}}),
        _document({"dtype": 5, "tensor_shape": {"dim": []}}),
    ],
)
def test_documents_of_another_form_are_refused(document: Any) -> None:
    """A JSON document that is no metadata answer is a SignatureError, unless it simply lists no signatures."""
    if isinstance(document, dict) and document.get("x"):
        assert signatures_from_json(document) == {}
        return
    with pytest.raises(SignatureError):
        signatures_from_json(document)


_SIGNATURE = Signature(
    name="s",
    method_name="m",
    inputs=(TensorSpec(name="a", dtype="float32", shape=(None,)), TensorSpec(name="b", dtype="int32", shape=())),
    outputs=(TensorSpec(name="y", dtype="float32", shape=None),),
)


def test_inputs_and_outputs_are_found_by_name() -> None:
    """A signature gives its specs by name, and names those it has when asked for another."""
    assert _SIGNATURE.input("b").dtype == "int32"
    assert _SIGNATURE.output("y").shape is None
    with pytest.raises(SignatureError, match=r"signature 's' has no input 'y'; it has: a, b"):
        _SIGNATURE.input("y")
    with pytest.raises(SignatureError, match=r"signature 's' has no output 'a'; it has: y"):
        _SIGNATURE.output("a")


def test_a_missing_signature_names_the_callable_ones() -> None:
    """The error lists what can be called, without the loader's entries."""
    internal = Signature(name="__saved_model_init_op", method_name="", inputs=(), outputs=())
    signatures = {"s": _SIGNATURE, internal.name: internal}
    assert pick_signature(signatures, "s") is _SIGNATURE
    with pytest.raises(SignatureError, match=r"no signature 'serving_default'; it has: s$"):
        pick_signature(signatures)
    with pytest.raises(SignatureError, match=r"it has: none that can be called"):
        pick_signature({internal.name: internal})


@pytest.mark.parametrize(("shape", "text"), [(None, "unknown rank"), ((), "[]"), ((None, 8), "[?, 8]")])
def test_shapes_are_written_for_people(shape: Any, text: str) -> None:
    """Unknown sizes are question marks."""
    assert shape_text(shape) == text
