"""Lines that show a call again."""

from __future__ import annotations

import json
import shlex
from typing import Any

import numpy as np
import pytest

from harness.checks.reproduce import call_line, grpc_line, metadata_line, request_line, rest_line
from harness.checks.request import Request
from harness.tensors import as_array


def test_the_curl_line_holds_the_very_body(make: Any) -> None:
    """Taken apart as a shell does, the line posts the body to the URL, quotes in texts included."""
    client = make.client("rest", {}, make.refuse)
    arrays = {"x": as_array(["it's", '"q"', "$(x)"])}
    words = shlex.split(rest_line(client, arrays, signature_name="s", layout="row"))
    assert words[:3] == ["curl", "-s", "http://h:2/v1/models/m:predict"]
    assert words[3] == "-d"
    assert [row["x"] for row in json.loads(words[4])["instances"]] == ["it's", '"q"', "$(x)"]


def test_a_long_body_is_named_by_its_size(make: Any) -> None:
    """A body over 2,000 characters is not printed."""
    line = rest_line(make.client("rest", {}, make.refuse), {"x": np.zeros(5000)}, signature_name="s", layout="column")
    assert "@body.json  # 20," in line
    assert len(line) < 200


def test_the_python_line_names_the_endpoint_whole(make: Any) -> None:
    """The line makes the same client, pinned version included, and lists the inputs' dtypes and shapes."""
    client = make.client("grpc", {}, make.refuse)
    line = grpc_line(client, {"x": np.zeros((2, 3), np.int8)}, signature_name="s")
    assert repr(client.endpoint) in line
    assert line.endswith("# INPUTS: 'x': int8 [2, 3]")
    shlex.split(line, comments=True)


def test_each_api_has_its_line(make: Any) -> None:
    """A client's call is repeated over its own API."""
    arrays = {"x": np.zeros(1)}
    assert call_line(make.client("grpc", {}, make.refuse), arrays, signature_name="s").startswith("python -c ")
    assert call_line(make.client("rest", {}, make.refuse), arrays, signature_name="s").startswith("curl -s ")


def test_metadata_is_shown_over_the_api_it_was_read_over(make: Any) -> None:
    """The lines fetch a model's signatures: a page over REST, the harness's own client over gRPC."""
    assert metadata_line(make.client("rest", {}, make.refuse)) == "curl -s http://h:2/v1/models/m/metadata"
    client = make.client("grpc", {}, make.refuse)
    words = shlex.split(metadata_line(client))
    assert words[:2] == ["python", "-c"]
    assert f"GrpcClient({client.endpoint!r}).signatures()" in words[2]


EXAMPLES = Request(
    signature_name="s", method="classify", examples=({"x": 1.5, "s": [b"it's"]},), context={"n": 3}, source="here"
)


def test_a_request_with_tensors_is_a_predict_call(make: Any) -> None:
    """The line is that of the client's API."""
    request = Request(signature_name="s", inputs={"x": np.zeros(1)})
    for api in ("grpc", "rest"):
        client = make.client(api, {}, make.refuse)
        assert request_line(client, request) == call_line(client, request.inputs, signature_name="s")


def test_a_request_with_examples_over_rest(make: Any) -> None:
    """The curl line posts the examples and their context to the method's own URL."""
    words = shlex.split(request_line(make.client("rest", {}, make.refuse), EXAMPLES))
    assert words[2] == "http://h:2/v1/models/m:classify"
    body = {"signature_name": "s", "examples": [{"x": 1.5, "s": "it's"}], "context": {"n": 3}}
    assert json.loads(words[4]) == body


def test_a_request_with_examples_over_grpc(make: Any) -> None:
    """The Python line holds the very examples, and can be run as it is."""
    words = shlex.split(request_line(make.client("grpc", {}, make.refuse), EXAMPLES))
    assert words[:2] == ["python", "-c"]
    compile(words[2], "line", "exec")
    assert """.classify([{'x': 1.5, 's': [b"it's"]}], context={'n': 3}, signature_name='s')""" in words[2]


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_long_examples_are_named_by_their_size(make: Any, api: str) -> None:
    """A thousand examples are not printed."""
    request = Request(signature_name="s", method="regress", examples=({"x": 1.0},) * 1000)
    line = request_line(make.client(api, {}, make.refuse), request)
    assert len(line) < 300
    assert ",000 characters" in line or " bytes" in line
