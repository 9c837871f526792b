"""The handler answers every request, whatever the core does."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.protos import get_model_metadata_pb2, meta_graph_pb2, types_pb2
from harness.standin.rest.handler import RestHandler, RestReply, RestRequest
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HTML_404 = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


class FakeServable:
    """A servable that adds one to its input."""

    name = "m"
    version = 3

    def __init__(self) -> None:
        """Have one signature, and one that needs a dtype JSON cannot express."""
        signatures = meta_graph_pb2.MetaGraphDef().signature_def
        signatures["serving_default"].inputs["x"].CopyFrom(
            meta_graph_pb2.TensorInfo(name="x:0", dtype=types_pb2.DT_FLOAT)
        )
        signatures["serving_default"].outputs["y"].name = "y:0"
        signatures["empty"].outputs["y"].name = "y:0"
        self.signature_defs = signatures

    def run(self, feeds: dict[str, Any], fetches: list[str], *, timeout_ms: int | None = None) -> list[Any]:
        """Compute, or fail as asked for by the value."""
        assert fetches == ["y:0"]
        assert timeout_ms == 30_000
        if 13 in feeds["x:0"]:
            raise StatusError("UNAVAILABLE", "unlucky")
        if 14 in feeds["x:0"]:
            raise RuntimeError("/home/secret/path")
        return [feeds["x:0"] + np.float32(1)]


class FakeCore:
    """A core with one model."""

    def __init__(self) -> None:
        """Count what is reported."""
        self.options = SimpleNamespace(check_method_names=False, tensor_content=False)
        self.counted: list[tuple[str, str]] = []
        self.latencies: list[tuple[str, str, str]] = []
        self.metrics = SimpleNamespace(
            count_request=lambda model, code: self.counted.append((model, code)),
            observe_latency=lambda model, api, entry, _us: self.latencies.append((model, api, entry)),
            observe_run=lambda *_: None,
            render=lambda: b"metrics\n",
        )
        self._servable = FakeServable()

    @contextmanager
    def servable(self, spec: Any) -> Iterator[FakeServable]:
        """Know the model m only."""
        if spec.name != "m":
            raise StatusError("NOT_FOUND", f"Servable not found for request: Latest({spec.name})")
        yield self._servable

    def model_status(self, name: str, version: int | None) -> list[tuple[int, str, str, str]]:
        """Know the model m only."""
        if name != "m":
            raise StatusError("NOT_FOUND", f"Could not find any versions of model {name}")
        return [(version or 3, "AVAILABLE", "OK", "")]


@pytest.fixture
def core() -> FakeCore:
    """A fresh core."""
    return FakeCore()


@pytest.fixture
def handler(core: FakeCore) -> RestHandler:
    """A handler without CORS and metrics path."""
    return make_handler(core)


def make_handler(core: FakeCore, *, cors: bool = False, metrics_path: str | None = None) -> RestHandler:
    """Return a handler for the core."""
    return RestHandler(
        core,  # type: ignore[arg-type]
        timeout_s=30.0,
        cors=cors,
        metrics=core.metrics,  # type: ignore[arg-type]
        metrics_path=metrics_path,
    )


def post(handler: RestHandler, body: str, target: str = "/v1/models/m:predict") -> RestReply:
    """Send a POST."""
    return handler.handle(RestRequest("POST", target, None, body.encode()))


def error_of(reply: RestReply) -> str:
    """Return the text of an error reply."""
    return str(json.loads(reply.body)["error"])


def test_a_prediction_is_answered(handler: RestHandler, core: FakeCore) -> None:
    """Rows go through the model and come back as predictions; the request is counted."""
    reply = post(handler, '{"instances": [1, 2.5]}')
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert reply.body == b'{\n    "predictions": [2.0, 3.5\n    ]\n}'
    assert core.counted == [("m", "OK")]
    assert core.latencies == [("m", "predict", "REST")]


@pytest.mark.parametrize(
    ("body", "target", "status", "message"),
    [
        ("", "/v1/models/m:predict", 400, "JSON Parse error: The document is empty"),
        (" ", "/v1/models/m:predict", 400, "JSON Parse error: The document is empty. at offset: 1"),
        ("{", "/v1/models/nobody:predict", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("[1, 2]", "/v1/models/m:predict", 400, "JSON Value: [1, 2] Is not object"),
        (
            '{"signature_name": 5}',
            "/v1/models/nobody:predict",
            400,
            (
                'JSON Value: {\n    "signature_name": 5\n} not formatted correctly. '
                "'signature_name' key must be a string value."
            ),
        ),
        ("{}", "/v1/models/nobody:predict", 404, "Servable not found for request: Latest(nobody)"),
        ("{}", "/v1/models/%ff/versions/7:predict", 404, "Servable not found for request: Specific(\ufffd, 7)"),
        ("{}", "/v1/models/m/labels/%ff:predict", 400, "Unrecognized servable version label: \ufffd"),
        (
            '{"signature_name": "no"}',
            "/v1/models/m:predict",
            400,
            'Serving signature name: "no" not found in signature def',
        ),
        ('{"signature_name": "empty"}', "/v1/models/m:predict", 400, "Failed to get input map for signature: empty"),
        ('{"inputs": 1}', "/v1/models/m:PREDICT", 400, "Malformed request: POST /v1/models/m:PREDICT"),
        ("{}", "/v1/models/m", 400, "Malformed request: POST /v1/models/m"),
        ('{"inputs": [13]}', "/v1/models/m:predict", 503, "unlucky"),
        (
            "{}",
            "/v1/models/m:classify",
            400,
            "JSON Value: {} When method is classify, key 'examples' is expected and was not found",
        ),
    ],
)
def test_errors_have_their_text_and_status(
    handler: RestHandler, body: str, target: str, status: int, message: str
) -> None:
    """Each fault is an error reply in JSON."""
    reply = post(handler, body, target)
    assert (reply.status, reply.content_type) == (status, "application/json")
    assert json.loads(reply.body.decode("utf-8", "replace"))["error"] == message


def test_an_unexpected_exception_is_a_plain_500(handler: RestHandler, capfd: pytest.CaptureFixture[str]) -> None:
    """The client learns nothing of the inside; the log has the traceback."""
    reply = post(handler, '{"inputs": [14]}')
    assert reply.status == 500
    assert error_of(reply) == "Internal error; the server's log has the details"
    assert "/home/secret/path" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "GET"])
def test_other_methods_are_malformed_requests(handler: RestHandler, core: FakeCore, method: str) -> None:
    """Only POST predicts; the rest is refused and counted without a model."""
    reply = handler.handle(RestRequest(method, "/v1/models/m:predict"))
    assert (reply.status, error_of(reply)) == (400, f"Malformed request: {method} /v1/models/m:predict")
    assert core.counted == [("", "INVALID_ARGUMENT")]


def test_status_and_metadata_are_answered(handler: RestHandler) -> None:
    """Both GETs give JSON about the model."""
    status = json.loads(handler.handle(RestRequest("GET", "/v1/models/m")).body)
    assert status["model_version_status"][0]["version"] == "3"
    metadata = json.loads(handler.handle(RestRequest("GET", "/v1/models/m/metadata")).body)
    assert metadata["model_spec"] == {"name": "m", "version": "3", "signature_name": ""}
    assert set(metadata["metadata"]["signature_def"]["signature_def"]) == {"serving_default", "empty"}


def test_metadata_prints_floats_as_protobuf_does() -> None:
    """Defaults of a signature show 1 and 1e+06, not 1.0 and 1000000.0."""
    from harness.standin.json.metadata import metadata_body

    signatures = get_model_metadata_pb2.SignatureDefMap()
    defaults = signatures.signature_def["s"].defaults["x"]
    defaults.float_val.extend([1.0, 1e6, 0.1, float("inf")])
    defaults.double_val.extend([1e6, 0.1])
    text = metadata_body("m", 1, signatures).decode()
    tensor = json.loads(text)["metadata"]["signature_def"]["signature_def"]["s"]["defaults"]["x"]
    assert tensor["float_val"] == [1, 1e6, 0.1, "Infinity"]
    assert re.search(r'"float_val": \[\s+1,\s+1e\+06,\s+0.1,\s+"Infinity"\s+\]', text)
    assert re.search(r'"double_val": \[\s+1000000,\s+0.1\s+\]', text)


def test_a_version_beyond_int64_gets_an_empty_400(handler: RestHandler) -> None:
    """The genuine server sends no text for it."""
    reply = handler.handle(RestRequest("GET", "/v1/models/m/versions/9223372036854775808"))
    assert (reply.status, reply.content_type, reply.body) == (400, "application/json", b"")


def test_a_missing_name_is_told(handler: RestHandler) -> None:
    """The list of all models is not there."""
    assert error_of(handler.handle(RestRequest("GET", "/v1/models"))) == "Missing model name in request."


@pytest.mark.parametrize("target", ["/", "/v1", "/index.html", "/monitoring/prometheus/metrics"])
def test_other_paths_are_libevents_404_and_count_nowhere(handler: RestHandler, core: FakeCore, target: str) -> None:
    """Outside /v1/ there is an HTML page."""
    reply = handler.handle(RestRequest("GET", target))
    assert (reply.status, reply.content_type, reply.body) == (404, "text/html", _HTML_404)
    assert core.counted == []


def test_bad_escapes_are_libevents_400(handler: RestHandler) -> None:
    """A bad percent escape is refused with an HTML page."""
    reply = handler.handle(RestRequest("GET", "/v1/models/%zz"))
    assert (reply.status, reply.content_type) == (400, "text/html")
    assert b"<H1>Bad Request</H1>" in reply.body


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://a.example", 200),
        ("https://a:8080", 200),
        ("ftp://a", 400),
        ("a http://b", 200),
        ("HTTP://a", 400),
        ("http:/a", 400),
        (None, 400),
    ],
)
def test_options_look_at_the_origin(handler: RestHandler, core: FakeCore, origin: str | None, status: int) -> None:
    """A preflight is allowed for web origins, and counted as a success of no model."""
    reply = handler.handle(RestRequest("OPTIONS", "/v1/models/m:predict", origin))
    assert (reply.status, reply.content_type, reply.body) == (status, "text/html; charset=ISO-8859-1", b"")
    assert core.counted == [("", "OK")]


def test_cors_headers_are_on_every_api_reply_only_with_the_flag(core: FakeCore) -> None:
    """Errors carry them too, pages outside the API do not."""
    handler = make_handler(core, cors=True)
    for target in ("/v1/models/m", "/v1/models/nobody", "/v1/x"):
        assert ("Access-Control-Allow-Origin", "*") in handler.handle(RestRequest("GET", target)).headers
    assert handler.handle(RestRequest("GET", "/x")).headers == (("Connection", "close"),)
    assert make_handler(core).handle(RestRequest("GET", "/v1/models/m")).headers == ()


def test_the_metrics_path_wins_over_the_api(core: FakeCore) -> None:
    """Any method is answered on it; a query is refused by name."""
    handler = make_handler(core, metrics_path="/v1/models/m")
    for method in ("GET", "POST"):
        reply = handler.handle(RestRequest(method, "/v1/models/m"))
        assert (reply.status, reply.content_type, reply.body) == (200, "text/plain", b"metrics\n")
    reply = handler.handle(RestRequest("GET", "/v1/models/m?x=1"))
    assert (reply.status, reply.content_type) == (400, "text/plain")
    assert reply.body == b"Unexpected path: /v1/models/m?x=1. Should be /v1/models/m"
    assert core.counted == []


def test_the_body_is_let_go_while_the_model_runs(core: FakeCore) -> None:
    """Whoever reads the body takes it out of the request."""
    request = RestRequest("POST", "/v1/models/m:predict", None, b'{"inputs": 1}')
    assert make_handler(core).handle(request).status == 200
    assert request.body == b""
