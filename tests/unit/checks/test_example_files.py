"""Files of example requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.checks.example_files import read_examples
from harness.errors import CheckError
from harness.signatures import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.checks.request import Request


def _signature(name: str, method: str, *inputs: tuple[str, str], optional: tuple[str, ...] = ()) -> Signature:
    specs = tuple(
        TensorSpec(name=key, dtype=dtype, shape=(None,), has_default=key in optional) for key, dtype in inputs
    )
    return Signature(name=name, method_name=f"tensorflow/serving/{method}", inputs=specs, outputs=())


SIGNATURES = {
    one.name: one
    for one in (
        _signature("serving_default", "predict", ("x", "float32")),
        _signature("two", "predict", ("n", "int64"), ("text", "string"), ("extra", "bool"), optional=("extra",)),
        _signature("a/b", "predict", ("c/d", "uint8")),
        _signature("regress", "regress", ("inputs", "string")),
    )
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Request]]:
    """A function that writes a file of this name and content, and reads it as examples."""

    def run(content: Any, name: str = "some.json") -> list[Request]:
        path = tmp_path / name
        if isinstance(content, dict) and name.endswith("npz"):
            np.savez(path.with_suffix(""), **content)
        else:
            text = content if isinstance(content, bytes | str) else json.dumps(content)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_examples(path, SIGNATURES)

    return run


def test_arrays_of_the_default_signature(read: Callable[..., list[Request]]) -> None:
    """A name without a signature is an input of the default one, and takes its dtype."""
    (request,) = read({"x": np.arange(3, dtype=np.float64)}, "some.npz")
    assert (request.signature_name, request.method, request.source) == (
        "serving_default",
        "predict",
        "examples in some.npz",
    )
    assert request.inputs["x"].dtype == np.float32
    assert request.inputs["x"].tolist() == [0, 1, 2]


def test_arrays_of_other_signatures(read: Callable[..., list[Request]]) -> None:
    """SIGNATURE/INPUT names both, whatever slashes they hold; text keeps what NumPy would cut off."""
    arrays = {"two/n": np.arange(2), "two/text": np.array(["größe", "b"]), "a/b/c/d": np.zeros(1, np.uint8)}
    first, second = read(arrays, "some.npz")
    assert first.signature_name == "two"
    assert first.inputs["text"].tolist() == ["größe".encode(), b"b"]
    assert (second.signature_name, list(second.inputs)) == ("a/b", ["c/d"])


@pytest.mark.parametrize("name", ["some.json", "SOME.JSON", "some.jsonl"])
def test_one_body(read: Callable[..., list[Request]], name: str) -> None:
    """The body of a predict call is a request, whatever the case of the file's ending."""
    (request,) = read({"instances": [1, 2.5]}, name)
    assert request.inputs["x"].tolist() == [1, 2.5]
    assert request.inputs["x"].dtype == np.float32


def test_several_bodies(read: Callable[..., list[Request]]) -> None:
    """A list of bodies, or a body in each line, are so many requests."""
    bodies = [{"instances": [1]}, {"signature_name": "", "inputs": {"x": [2]}}]
    as_list = read(bodies)
    as_lines = read("\n".join(map(json.dumps, bodies)) + "\n\n", "some.jsonl")
    for requests in (as_list, as_lines):
        assert [request.inputs["x"].tolist() for request in requests] == [[1], [2]]
        assert {request.signature_name for request in requests} == {"serving_default"}


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": {"n": [1, 2], "text": ["a", {"b64": "/w=="}]}},
        {"instances": [{"n": 1, "text": "a"}, {"n": 2, "text": {"b64": "/w=="}}]},
    ],
)
def test_rows_and_columns(read: Callable[..., list[Request]], body: dict[str, Any]) -> None:
    """Both layouts mean the same; bytes come as base64, and an input with a default may be left out."""
    (request,) = read({"signature_name": "two", **body})
    assert request.inputs["n"].tolist() == [1, 2]
    assert request.inputs["n"].dtype == np.int64
    assert request.inputs["text"].tolist() == [b"a", b"\xff"]


def test_examples_and_context(read: Callable[..., list[Request]]) -> None:
    """The body of a classify or regress call is a request of that method."""
    body = {"signature_name": "regress", "examples": [{"x": 1.5, "s": [{"b64": "/w=="}]}, {}], "context": {"n": 3}}
    (request,) = read(body)
    assert request.method == "regress"
    assert request.examples == ({"x": 1.5, "s": [b"\xff"]}, {})
    assert request.context == {"n": 3}


def test_what_servers_write_is_read(read: Callable[..., list[Request]]) -> None:
    """NaN and Infinity are bare tokens, and a byte order mark does no harm."""
    (request,) = read(b'\xef\xbb\xbf{"instances": [NaN, Infinity]}')
    assert np.isnan(request.inputs["x"][0])
    assert request.inputs["x"][1] == np.inf


BAD: dict[str, tuple[Any, str, str]] = {
    "other ending": ("x", "some.txt", r"is neither \.npz nor \.json; give arrays by input name"),
    "no JSON": ("{", "some.json", "cannot be used as examples: Expecting property name"),
    "a bad line": ('{"instances": [1]}\n{"inst\n', "some.jsonl", "cannot be used as examples: line 2: Unterminated"),
    "no text": (b"\xff\xfe", "some.json", "cannot be used as examples: 'utf-8' codec"),
    "nested too deep": ("[" * 100_000, "some.json", "cannot be used as examples: "),
    "no npz": ("PK", "some.npz", "cannot be used as examples: "),
    "object arrays": ({"x": np.array([{}], object)}, "some.npz", "cannot be used as examples: Object arrays"),
    "no request": ([], "some.json", "holds no request; leave it out to have the checks find others"),
    "no arrays": ({}, "some.npz", "holds no request"),
    "no object": ([1], "some.json", "a request is a JSON object, but this is '1'"),
    "nothing in it": ({"signature_name": "two"}, "some.json", "or 'examples', but this one has signature_name"),
    "unknown signature": ({"signature_name": "three", "inputs": 1}, "some.json", "no signature 'three'; it has: a/b"),
    "unknown input": ({"inputs": {"z": 1}}, "some.json", "has no input 'z'; it has: x"),
    "unknown array": ({"z": np.zeros(1)}, "some.npz", "has no input 'z'; it has: x"),
    "wrong dtype": ({"instances": ["text"]}, "some.json", "x: the JSON values are not float32"),
    "dtype that does not fit": ({"a/b/c/d": np.array([300])}, "some.npz", "c/d: .*uint8"),
    "missing input": (
        {"signature_name": "two", "inputs": {"n": [1]}},
        "some.json",
        r"a request to signature 'two' lacks text; it needs: n: int64 \[\?\], text: string",
    ),
    "uneven rows": (
        {"signature_name": "two", "instances": [{"n": 1, "text": "a"}, {"n": 1}]},
        "some.json",
        r"instance 1 has the inputs \['n'\], but the first has \['n', 'text'\]",
    ),
    "no names": (
        {"signature_name": "two", "instances": [1]},
        "some.json",
        "has the inputs n, text, extra; give values",
    ),
    "rows that are none": ({"instances": 1}, "some.json", "'instances' is a list, but this is '1'"),
    "examples for predict": ({"examples": [{}]}, "some.json", "'serving_default' is for Predict; give 'inputs'"),
    "examples that are none": ({"signature_name": "regress", "examples": {}}, "some.json", "'examples' is a list, but"),
    "an example that is none": ({"signature_name": "regress", "examples": [1]}, "some.json", "an example is an object"),
    "bad base64": ({"signature_name": "regress", "examples": [{"x": {"b64": "?"}}]}, "some.json", "is not base64"),
}


@pytest.mark.parametrize(("content", "name", "text"), BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_an_error(
    read: Callable[..., list[Request]], content: Any, name: str, text: str
) -> None:
    """The error names the file, what is wrong, and what it should be: nothing a user gave is passed over."""
    with pytest.raises(CheckError, match=text) as caught:
        read(content, name)
    assert f"/{name} " in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A directory of that name is no file of examples."""
    (tmp_path / "some.json").mkdir()
    with pytest.raises(CheckError, match=r"some\.json cannot be read: Is a directory"):
        read_examples(tmp_path / "some.json", SIGNATURES)
