"""Lines that show a call again."""

from __future__ import annotations

import json
import shlex
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Endpoint, Signature, TensorSpec, Tls
from harness.checks.fuzz.strategies import inputs
from harness.checks.reproduce import (
    again_line,
    array_text,
    metadata_line,
    request_line,
    request_text,
    send_line,
)
from harness.checks.request import Request
from harness.dtypes import DTYPES
from harness.tensors import as_array


def test_the_curl_line_holds_the_very_body(make: Any) -> None:
    """Taken apart as a shell does, the line posts the body to the URL, quotes in texts included."""
    client = make.client("rest", {}, make.refuse)
    arrays = {"x": as_array(["it's", '"q"', "$(x)"])}
    words = shlex.split(request_line(client, Request(signature_name="s", inputs=arrays), layout="row"))
    assert words[:3] == ["curl", "-s", "http://h:2/v1/models/m:predict"]
    assert words[3] == "-d"
    assert [row["x"] for row in json.loads(words[4])["instances"]] == ["it's", '"q"', "$(x)"]


def test_a_long_body_is_named_by_its_size(make: Any) -> None:
    """A body over 2,000 characters is not printed."""
    request = Request(signature_name="s", inputs={"x": np.zeros(5000)})
    line = request_line(make.client("rest", {}, make.refuse), request)
    assert "@body.json  # 20," in line
    assert len(line) < 200


def test_the_python_line_names_the_endpoint_and_the_version(make: Any) -> None:
    """The line makes the same client, and asks the version that was asked."""
    client = make.client("grpc", {}, make.refuse)
    line = request_line(client, Request(signature_name="s", inputs={"x": np.zeros(1)}), version=3)
    assert repr(client.endpoint) in shlex.split(line)[2]
    assert line.endswith("signature_name='\"'\"'s'\"'\"', version=3))'")


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_long_examples_are_named_by_their_size(make: Any, api: str) -> None:
    """A thousand examples are not printed."""
    request = Request(signature_name="s", method="regress", examples=({"x": 1.0},) * 1000)
    line = request_line(make.client(api, {}, make.refuse), request)
    assert len(line) < 300
    assert "1,000 with the features x" in line or " bytes" in line


def test_metadata_is_shown_over_the_api_it_was_read_over(make: Any) -> None:
    """The lines fetch a model's signatures: a page over REST, the harness's own client over gRPC."""
    assert metadata_line(make.client("rest", {}, make.refuse)) == "curl -s http://h:2/v1/models/m/metadata"
    client = make.client("grpc", {}, make.refuse)
    words = shlex.split(metadata_line(client))
    assert words[:2] == ["python", "-c"]
    assert f"GrpcClient({client.endpoint!r}).signatures()" in words[2]


@settings(max_examples=10)
@given(data=st.data())
@pytest.mark.parametrize("dtype", [row.name for row in DTYPES if row.kind != "opaque" and not row.name.startswith("q")])
def test_the_text_of_an_array_makes_it_again(dtype: str, data: st.DataObject) -> None:
    """Evaluated, it has the same dtype, shape and values, NaN and infinities included."""
    signature = Signature(
        name="s", method_name="", inputs=(TensorSpec(name="x", dtype=dtype, shape=(None, 2)),), outputs=()
    )
    array = data.draw(inputs(signature))["x"]
    made = eval(array_text(array), {**vars(np), "as_array": as_array})  # noqa: S307 - our own text
    assert (made.dtype, made.shape) == (array.dtype, array.shape)
    assert str(made.tolist()) == str(array.tolist())


def test_a_python_line_holds_small_arrays_whole(make: Any) -> None:
    """The line for a request over gRPC can be pasted as it is."""
    client = make.client("grpc", {}, make.refuse)
    request = Request(signature_name="s", inputs={"x": np.array([[np.inf]], np.float32)})
    words = shlex.split(request_line(client, request))
    assert words[:2] == ["python", "-c"]
    assert words[2].endswith("predict({'x': array([inf], 'float32').reshape((1, 1))}, signature_name='s'))")
    compile(words[2], "line", "exec")
    assert request_text(request) == "x: float32 [1, 1] [[inf]]"


def test_a_large_request_is_named_by_its_arrays(make: Any) -> None:
    """A request that no line can hold is told by dtype and shape, and its text is cut."""
    request = Request(signature_name="s", inputs={"x": np.zeros((9, 999))})
    assert request_line(make.client("grpc", {}, make.refuse), request).endswith("# INPUTS: 'x': float64 [9, 999]")
    assert request_text(request).startswith("x: float64 [9, 999] [[0.0, 0.0")
    assert len(request_text(request)) < 300


def test_requests_with_examples_have_lines_too(make: Any) -> None:
    """Features and context stand in the Python line and in the body of the curl line."""
    request = Request(signature_name="s", method="regress", examples=({"x": [1.5]},), context={"c": 1})
    assert ".regress([{'x': [1.5]}], context={'c': 1}, signature_name='s'))" in request_line(
        make.client("grpc", {}, make.refuse), request
    ).replace("'\"'\"'", "'")
    words = shlex.split(request_line(make.client("rest", {}, make.refuse), request))
    assert words[2] == "http://h:2/v1/models/m:regress"
    assert json.loads(words[4]) == {"signature_name": "s", "examples": [{"x": 1.5}], "context": {"c": 1}}
    assert request_text(request) == "[{'x': [1.5]}]"


def test_bytes_are_sent_again_as_they_are(make: Any) -> None:
    """The line for a raw message holds its bytes, the one for a raw body the body."""
    words = shlex.split(send_line(make.client("grpc", {}, make.refuse), "Predict", b"\n\x03m"))
    assert words[2].endswith(".send('Predict', bytes.fromhex('0a036d'))")
    words = shlex.split(send_line(make.client("rest", {}, make.refuse), "/v1/models/n:predict", b'{"x'))
    assert words == ["curl", "-s", "http://h:2/v1/models/n:predict", "-d", '{"x']


def test_a_check_is_run_again_with_its_seed() -> None:
    """The command names the check and the seed."""
    assert again_line("fuzz", 7) == "tfserving-harness check PATH --only fuzz --seed 7"


def test_lines_reach_behind_a_gateway_and_hide_the_secret() -> None:
    """Each line names the TLS files, the certificate's name and the header, and shows no header's value."""
    tls = Tls(ca="ca.pem", certificate="me.pem", key="key.pem", server_name="model.example")
    there = Endpoint(grpc="h:1", rest="https://h:2", model="m", tls=tls, headers=(("authorization", "Bearer s3cret"),))
    request = Request(signature_name="s", inputs={"x": np.ones(1, np.float32)})
    curl = [
        "curl -s --cacert ca.pem --cert me.pem --key key.pem -H 'authorization: ***' --connect-to ::h:2",
        "https://model.example:2/v1/models/m",
    ]
    code = [
        "from harness import Endpoint, GrpcClient, Tls",
        "tls=Tls(ca='ca.pem', certificate='me.pem', key='key.pem', server_name='model.example')",
        "headers={'authorization': '***'}",
    ]
    for api, expected in (("rest", curl), ("grpc", code)):
        client = SimpleNamespace(api=api, endpoint=there, predict_url=lambda **_: "https://h:2/v1/models/m:predict")
        where = "/v1/models/m:predict" if api == "rest" else "Predict"
        for line in (request_line(client, request), send_line(client, where, b"{}"), metadata_line(client)):  # type: ignore[arg-type]
            plain = line.replace("'\"'\"'", "'")
            assert [text for text in expected if text not in plain] == []
            assert "s3cret" not in line
