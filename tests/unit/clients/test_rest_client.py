"""RestClient against a server that answers what the test tells it."""

from __future__ import annotations

import gzip
import socket
import threading
from typing import Any

import numpy as np
import pytest
import requests

from harness import Endpoint, RestClient
from harness.errors import (
    CallError,
    ConnectionFailedError,
    ResponseError,
    SignatureError,
    StatusError,
    TensorError,
)
from harness.prediction import Class, VersionStatus

_ONES = np.ones(2, np.float32)
_PREDICT = "/v1/models/m:predict"
_METADATA = "/v1/models/m/metadata"


def _at(url: str, **options: Any) -> RestClient:
    options.setdefault("timeout_s", 10)
    return RestClient(Endpoint(grpc=None, rest=url, model="m"), **options)


def test_a_prediction_has_the_signatures_dtypes(rest_client: RestClient, fake_rest: Any) -> None:
    """JSON has no dtypes: they come from the signature, which is asked for once."""
    prediction = rest_client.predict({"x": _ONES})
    rest_client.predict({"x": [1, 2]})
    assert prediction["y"].dtype == np.float32
    assert prediction["y"].tolist() == [1.5, 2.5]
    assert (prediction.model, prediction.model_version, prediction.signature_name) == ("m", None, "serving_default")
    assert fake_rest.paths() == [_PREDICT, _METADATA, _PREDICT]
    rest_client.forget_signatures()
    rest_client.predict({"x": [1, 2]})
    assert fake_rest.paths()[3:] == [_METADATA, _PREDICT]


def test_column_and_row_layout_are_sent(rest_client: RestClient, fake_rest: Any) -> None:
    """The column layout names each tensor once, the row layout lists examples."""
    rest_client.predict({"x": _ONES}, signature_name="serving_default")
    assert fake_rest.document(0) == {"signature_name": "serving_default", "inputs": {"x": [1.0, 1.0]}}
    fake_rest.answers[_PREDICT] = (200, {"predictions": [0.5, 1.0]})
    assert rest_client.predict({"x": _ONES}, layout="row")["y"].tolist() == [0.5, 1.0]
    assert fake_rest.document() == {"signature_name": "serving_default", "instances": [{"x": 1.0}, {"x": 1.0}]}


def test_versions_and_labels_are_in_the_path(fake_rest: Any, make: Any) -> None:
    """A version, version 0 among them, or a label is part of the URL; names are percent-encoded (item 118)."""
    document = make.metadata_json({"x": "float32"}, {"y": "float32"})
    for path in ("/v1/models/a%2Fb%20c/versions/0", "/v1/models/a%2Fb%20c/labels/st%20able"):
        fake_rest.answers[f"{path}:predict"] = (200, {"outputs": [1.0]})
        fake_rest.answers[f"{path}/metadata"] = (200, document)
    with RestClient(Endpoint(grpc=None, rest=fake_rest.url + "/", model="a/b c", version=0)) as client:
        assert client.predict({"x": _ONES}).model_version == 0
        assert client.predict({"x": _ONES}, label="st able").model_version is None
        assert client.predict_url() == f"{fake_rest.url}/v1/models/a%2Fb%20c/versions/0:predict"
        assert client.predict_url(label="st able") == f"{fake_rest.url}/v1/models/a%2Fb%20c/labels/st%20able:predict"


def test_encoded_requests_are_what_predict_sends(rest_client: RestClient, fake_rest: Any) -> None:
    """encode_predict gives the very body."""
    body = rest_client.encode_predict({"x": _ONES}, signature_name="serving_default", layout="column")
    rest_client.predict({"x": _ONES})
    assert fake_rest.requests[0][3] == body


def test_headers_are_sent_with_every_call(fake_rest: Any) -> None:
    """Headers of the client come with each request, beside the content type."""
    with _at(fake_rest.url, headers={"Authorization": "Bearer x"}) as client:
        client.predict({"x": _ONES})
    for _, _, headers, _ in fake_rest.requests:
        assert headers["Authorization"] == "Bearer x"
        assert headers["Content-Type"] == "application/json"


def test_one_connection_serves_many_calls(rest_client: RestClient, fake_rest: Any) -> None:
    """Calls one after the other reuse the connection, errors among them."""
    for _ in range(3):
        rest_client.predict({"x": _ONES})
    with pytest.raises(StatusError):
        rest_client.model_status()
    rest_client.predict({"x": _ONES})
    assert fake_rest.connections == 1


def test_a_connection_the_server_gave_up_is_replaced() -> None:
    """A keep-alive connection that the server closes as the next call leaves costs no call, once."""
    body = b'{"model_version_status": []}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answers in ([answer, b""], [answer, b""], [b""]):
                connection, _peer = listener.accept()
                with connection:
                    for part in answers:
                        connection.recv(65536)
                        connection.sendall(part)

        thread = threading.Thread(target=serve)
        thread.start()
        with _at(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            assert client.model_status() == client.model_status() == ()
            with pytest.raises(ConnectionFailedError, match="closed before an answer came"):
                client.model_status()
        thread.join(10)


def test_nan_in_an_answer_is_read(rest_client: RestClient, fake_rest: Any) -> None:
    """The server's bare NaN and Infinity are numbers (behaviour item 163)."""
    fake_rest.answers[_PREDICT] = (200, b'{"outputs": [NaN, Infinity, -Infinity, 1]}')
    values = rest_client.predict({"x": _ONES})["y"]
    np.testing.assert_array_equal(values, np.array([np.nan, np.inf, -np.inf, 1], np.float32))


def test_nan_in_a_request_is_written(rest_client: RestClient, fake_rest: Any) -> None:
    """NaN is sent as the server reads it (behaviour item 141)."""
    rest_client.predict({"x": np.array([np.nan, 1], np.float32)})
    assert b"[NaN,1.0]" in fake_rest.requests[0][3]


def test_a_compressed_answer_is_unpacked(rest_client: RestClient, fake_rest: Any) -> None:
    """A gateway may compress answers."""
    packed = gzip.compress(b'{"outputs": [1.0]}')
    fake_rest.answers[_PREDICT] = (200, packed, {"Content-Encoding": "gzip"})
    assert rest_client.predict({"x": _ONES})["y"].tolist() == [1.0]


def test_a_changed_signature_is_noticed(rest_client: RestClient, fake_rest: Any, make: Any) -> None:
    """An answer that does not fit the remembered signature is read with the current one, without a second call."""
    rest_client.predict({"x": _ONES})
    fake_rest.answers[_METADATA] = (200, make.metadata_json({"x": "float32"}, {"a": "string", "b": "int64"}))
    fake_rest.answers[_PREDICT] = (200, {"outputs": {"a": ["t"], "b": [7]}})
    fake_rest.requests.clear()
    outputs = rest_client.predict({"x": _ONES}).outputs
    assert {name: array.tolist() for name, array in outputs.items()} == {"a": [b"t"], "b": [7]}
    assert fake_rest.paths() == [_PREDICT, _METADATA]


def test_a_signature_that_was_added_is_noticed(rest_client: RestClient, fake_rest: Any, make: Any) -> None:
    """A signature that the remembered list lacks is looked for once more."""
    rest_client.predict({"x": _ONES})
    fake_rest.answers[_METADATA] = (200, make.metadata_json({"x": "float32"}, {"y": "int64"}, name="new"))
    fake_rest.answers[_PREDICT] = (200, {"outputs": [1]})
    assert rest_client.predict({"x": _ONES}, signature_name="new")["y"].dtype == np.int64


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"predictions": [1.0]}, "the answer has no 'outputs'"),
        ([1.0], "the answer has no 'outputs'"),
        ({"outputs": ["a"]}, "y: the JSON values are not float32: there are elements of type string"),
        ({"outputs": [[1.0], [1.0, 2.0]]}, "y: the nested lists do not form a rectangular tensor"),
        ({"outputs": None}, "there are elements of type null"),
        ({"outputs": {"y": [1.0]}}, "there are elements of type object"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_response_error(
    rest_client: RestClient, fake_rest: Any, document: Any, text: str
) -> None:
    """An answer that the current signature does not explain cannot be read; the error says why."""
    fake_rest.answers[_PREDICT] = (200, document)
    with pytest.raises(ResponseError, match=text):
        rest_client.predict({"x": _ONES})


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"", b'{"outputs": [1.0', b"\xff\xfe"])
def test_a_body_that_is_no_json_is_a_response_error(rest_client: RestClient, fake_rest: Any, body: bytes) -> None:
    """A 200 without JSON is no prediction, and no reason to ask for signatures again."""
    fake_rest.answers[_PREDICT] = (200, body)
    with pytest.raises(ResponseError, match="the answer cannot be read"):
        rest_client.predict({"x": _ONES})
    assert fake_rest.paths().count(_METADATA) <= 1


def test_metadata_of_another_server_is_a_response_error(rest_client: RestClient, fake_rest: Any) -> None:
    """Where /metadata answers something else, predict says that it cannot read it; no KeyError escapes."""
    fake_rest.answers[_METADATA] = (200, {"hello": "world"})
    with pytest.raises(ResponseError, match="does not have TensorFlow Serving's form"):
        rest_client.predict({"x": _ONES})
    with pytest.raises(SignatureError, match="does not have TensorFlow Serving's form"):
        rest_client.signatures()


def test_an_unknown_signature_is_named(rest_client: RestClient) -> None:
    """If the served model has no such signature, those it has are listed."""
    with pytest.raises(ResponseError, match="no signature 'other'; it has: serving_default"):
        rest_client.predict({"x": _ONES}, signature_name="other")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_is_no_way_to_this_machine(
    rest_client: RestClient, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Proxy variables do not divert calls to loopback addresses."""
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert rest_client.predict({"x": _ONES})["y"].tolist() == [1.5, 2.5]


def test_a_proxy_is_used_for_other_machines(fake_rest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other hosts are reached through the proxy that the environment names."""
    monkeypatch.setenv("http_proxy", fake_rest.url)
    fake_rest.answers["http://model.example/v1/models/m"] = (200, {"model_version_status": []})
    with _at("http://model.example") as client:
        assert client.model_status() == ()


def test_complex_inputs_are_refused_before_anything_is_sent(rest_client: RestClient, fake_rest: Any) -> None:
    """What JSON cannot carry is said before the call."""
    with pytest.raises(TensorError, match="x: complex64 values have no JSON form"):
        rest_client.predict({"x": np.zeros(1, np.complex64)})
    assert fake_rest.requests == []


def test_classify_and_regress(rest_client: RestClient, fake_rest: Any) -> None:
    """Examples go as JSON, labels and scores or values come back (behaviour items 168 to 171)."""
    fake_rest.answers["/v1/models/m:classify"] = (200, {"results": [[["a", 0.25], ["", 1]], []]})
    answer = rest_client.classify([{"f": 2.0, "s": "t"}, {"f": [1.0, 2.0]}], context={"c": [1, 2]}, signature_name="s")
    assert answer.classes == ((Class("a", 0.25), Class("", 1.0)), ())
    assert fake_rest.document() == {
        "signature_name": "s",
        "examples": [{"f": 2.0, "s": "t"}, {"f": [1.0, 2.0]}],
        "context": {"c": [1, 2]},
    }
    fake_rest.answers["/v1/models/m:regress"] = (200, {"results": [1, 2.5]})
    values = rest_client.regress([{"f": 1.0}, {"f": 2.0}]).values
    assert values.dtype == np.float32
    assert values.tolist() == [1.0, 2.5]


@pytest.mark.parametrize(
    ("call", "document"),
    [
        ("classify", {"results": [["a", 0.5]]}),
        ("classify", {"results": [[["a", "0.5"]]]}),
        ("classify", {"results": [[[1, 0.5]]]}),
        ("classify", {"results": [[["a", 0.5, 1]]]}),
        ("classify", []),
        ("regress", {"results": [[1.0]]}),
        ("regress", {"results": "none"}),
        ("regress", {}),
    ],
)
def test_results_of_another_form_are_response_errors(
    rest_client: RestClient, fake_rest: Any, call: str, document: Any
) -> None:
    """Classes are pairs of text and number, regressions plain numbers; nothing else is made to fit."""
    fake_rest.answers[f"/v1/models/m:{call}"] = (200, document)
    with pytest.raises(ResponseError, match="the answer cannot be read"):
        getattr(rest_client, call)([{"f": 1.0}])


def test_status_lists_versions(rest_client: RestClient, fake_rest: Any) -> None:
    """Version numbers are text in this document (behaviour item 173)."""
    status = {"error_code": "NOT_FOUND", "error_message": "gone"}
    document = {"model_version_status": [{"version": "2", "state": "END", "status": status}]}
    fake_rest.answers["/v1/models/m"] = (200, document)
    fake_rest.answers["/v1/models/m/versions/2"] = (200, document)
    expected = (VersionStatus(version=2, state="END", error_code="NOT_FOUND", error_message="gone"),)
    assert rest_client.model_status() == rest_client.model_status(version=2) == expected


@pytest.mark.parametrize(
    "document", [{}, [], {"model_version_status": [{}]}, {"model_version_status": [{"version": "x"}]}]
)
def test_a_status_of_another_form_is_a_response_error(rest_client: RestClient, fake_rest: Any, document: Any) -> None:
    """A document that is no status cannot be read."""
    fake_rest.answers["/v1/models/m"] = (200, document)
    with pytest.raises(ResponseError, match="the answer is not a model status"):
        rest_client.model_status()


def test_every_failure_says_what_was_asked(closed_port: int) -> None:
    """Whatever the call, its error holds the request and the address."""
    with _at(f"http://127.0.0.1:{closed_port}") as client:
        for call, method in ((client.model_status, "status"), (client.signatures, "metadata")):
            with pytest.raises(CallError) as caught:
                call()
            assert caught.value.request == f"{method} model=m version=latest"
            assert caught.value.target == f"http://127.0.0.1:{closed_port}"
            assert isinstance(caught.value.__cause__, requests.RequestException)
