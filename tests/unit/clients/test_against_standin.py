"""Both clients against a running server: one interface, the same answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import GrpcClient, RestClient, serve
from harness.errors import StatusError, TensorError, UsageError, WrongProtocolError
from harness.protos import predict_pb2
from harness.signatures import signatures_from_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Endpoint, Server

_MODELS = ("defaults", "dtypes", "half_plus_two", "shapes", "strings", "two_inputs")


@pytest.fixture(scope="module")
def server(corpus_models: Path) -> Iterator[Server]:
    """One server with models of every kind."""
    with serve({name: corpus_models / name for name in _MODELS}, backend="standin") as running:
        yield running


@pytest.fixture(params=[GrpcClient, RestClient], ids=["grpc", "rest"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Each client in turn."""
    return request.param


def test_both_read_the_signatures_on_disk(server: Server, kind: Any, corpus_models: Path) -> None:
    """Over either API the signatures of every model are those in its SavedModel."""
    from harness.protos import saved_model_pb2

    for name in _MODELS:
        path = max((corpus_models / name).glob("*/saved_model.pb"))
        on_disk = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs[0].signature_def
        with kind(server.endpoint_of(name)) as client:
            assert client.signatures() == signatures_from_map(on_disk)


_DTYPES = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool"]


@pytest.mark.parametrize("dtype", _DTYPES)
def test_every_dtype_is_echoed(server: Server, kind: Any, dtype: str) -> None:
    """A tensor of any dtype that REST carries comes back over either API in that dtype."""
    values = np.array([0, 1], dtype)
    with kind(server.endpoint_of("dtypes")) as client:
        output = client.predict({"x": values}, signature_name=dtype)["y"]
    assert output.dtype == values.dtype
    np.testing.assert_array_equal(output, values)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64", "uint16"])
def test_grpc_carries_the_rest(server: Server, dtype: str) -> None:
    """What REST cannot carry goes over gRPC."""
    with GrpcClient(server.endpoint_of("dtypes")) as client:
        output = client.predict({"x": [0, 1]}, signature_name=dtype)["y"]
    assert output.dtype.name == dtype
    assert output.tolist() == [0, 1]


def test_rest_says_what_it_cannot_carry(server: Server) -> None:
    """Complex inputs are refused by the client, half floats by the server (behaviour item 144)."""
    with RestClient(server.endpoint_of("dtypes")) as client:
        with pytest.raises(TensorError, match="send them over gRPC"):
            client.predict({"x": [1j]}, signature_name="complex64")
        with pytest.raises(StatusError, match="to type: half") as caught:
            client.predict({"x": [1.5]}, signature_name="float16")
    assert caught.value.code == "UNIMPLEMENTED"


@pytest.mark.parametrize("text", ["plain", "é", b"\xff\x00\xfe", b"", "line\nbreak\x07"])
def test_any_bytes_are_echoed(server: Server, kind: Any, text: Any) -> None:
    """Text and bytes come back as the bytes they are over either API."""
    with kind(server.endpoint_of("strings")) as client:
        output = client.predict({"text": [text]}, signature_name="echo")["text"]
    assert output.tolist() == [text.encode() if isinstance(text, str) else text]


@pytest.mark.parametrize("name", ["scalar", "cube", "unknown_rank", "empty_inner", "mixed"])
def test_shapes_are_kept(server: Server, name: str) -> None:
    """Scalars, cubes and empty inner dimensions have the same shape over both APIs."""
    value = np.ones({"scalar": (), "cube": (2, 2, 3)}.get(name, (2,)), np.float32)
    endpoint = server.endpoint_of("shapes")
    with GrpcClient(endpoint) as grpc_client, RestClient(endpoint) as rest_client:
        over_grpc = grpc_client.predict({"x": value}, signature_name=name).outputs
        over_rest = rest_client.predict({"x": value}, signature_name=name).outputs
    assert {key: array.shape for key, array in over_rest.items()} == {k: a.shape for k, a in over_grpc.items()}


def test_rows_and_columns_bring_the_same(server: Server) -> None:
    """Several inputs and outputs are answered alike in both layouts."""
    inputs = {"a": np.array([1.0, 2.0], np.float32), "b": np.array([3, 4], np.int32)}
    with RestClient(server.endpoint_of("two_inputs")) as client:
        column, row = client.predict(inputs), client.predict(inputs, layout="row")
    assert column == row
    assert sorted(column.outputs) == ["even", "sum", "twice_b"]


def test_an_output_filter_leaves_outputs_out(server: Server) -> None:
    """Over gRPC a call can ask for some outputs only."""
    inputs = {"a": np.array([1.0], np.float32), "b": np.array([3], np.int32)}
    with GrpcClient(server.endpoint_of("two_inputs")) as client:
        assert list(client.predict(inputs, output_filter=["sum"]).outputs) == ["sum"]


def test_defaults_fill_in_over_grpc(server: Server) -> None:
    """An input with a default may be left out over gRPC, and not over REST (behaviour items 47 and 152)."""
    endpoint: Endpoint = server.endpoint_of("defaults")
    with GrpcClient(endpoint) as client:
        assert client.predict({"x": [1.0]}).outputs["y"].shape == (1,)
    with RestClient(endpoint) as rest_client, pytest.raises(StatusError, match="Missing named input"):
        rest_client.predict({"x": [1.0]})


def test_classify_and_regress_agree(server: Server) -> None:
    """Classify and Regress answer the same over both APIs."""
    examples: list[dict[str, Any]] = [{"x": 1.0}, {"x": [2.0]}]
    endpoint = server.endpoint_of("half_plus_two")
    with GrpcClient(endpoint) as grpc_client, RestClient(endpoint) as rest_client:
        assert (
            grpc_client.classify(examples, signature_name="classify").classes
            == rest_client.classify(examples, signature_name="classify").classes
        )
        over_grpc = grpc_client.regress(examples, signature_name="regress").values
        assert over_grpc.tolist() == rest_client.regress(examples, signature_name="regress").values.tolist()
        multi = grpc_client.multi_inference(examples, classify=["classify"], regress=["regress"])
    assert [answer.signature_name for answer in multi] == ["classify", "regress"]


def test_states_agree(server: Server) -> None:
    """Both APIs tell the same of the versions."""
    endpoint = server.endpoint_of("half_plus_two")
    with GrpcClient(endpoint) as grpc_client, RestClient(endpoint) as rest_client:
        assert grpc_client.model_status() == rest_client.model_status()
        assert [status.version for status in grpc_client.model_status() if status.is_available] == [3]


@pytest.mark.parametrize(
    ("options", "grpc_code", "rest_code"),
    [
        ({"version": 99}, "NOT_FOUND", "NOT_FOUND"),
        ({"label": "none"}, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        ({"signature_name": "none"}, "FAILED_PRECONDITION", "INVALID_ARGUMENT"),
    ],
)
def test_refusals_come_with_hints(server: Server, options: Any, grpc_code: str, rest_code: str) -> None:
    """Unknown versions, labels and signatures are status errors with advice over both APIs."""
    endpoint = server.endpoint_of("half_plus_two")
    for kind, code in ((GrpcClient, grpc_code), (RestClient, rest_code)):
        with kind(endpoint) as client, pytest.raises(StatusError, match="hint: ") as caught:
            client.predict({"x": np.ones(1, np.float32)}, **options)
        assert caught.value.code == code


def test_each_port_knows_the_other_is_wrong(server: Server) -> None:
    """The server's own ports, swapped, are told apart."""
    from harness import Endpoint

    right = server.endpoint_of("half_plus_two")
    assert right.grpc is not None
    assert right.rest is not None
    with (
        GrpcClient(Endpoint(grpc=right.rest.removeprefix("http://"), rest=None, model="m"), timeout_s=20) as client,
        pytest.raises(WrongProtocolError, match="is it the REST port"),
    ):
        client.model_status()
    with (
        RestClient(Endpoint(grpc=None, rest=f"http://{right.grpc}", model="m"), timeout_s=20) as rest_client,
        pytest.raises(WrongProtocolError, match="is it the gRPC port"),
    ):
        rest_client.model_status()


def test_bytes_are_sent_as_they_are(server: Server) -> None:
    """What no call of a client would send brings the server's own refusal, and a right request its answer."""
    endpoint = server.endpoint_of("two_inputs")
    inputs = {"a": np.array([1.0], np.float32), "b": np.array([3], np.int32)}
    with GrpcClient(endpoint) as grpc_client, RestClient(endpoint) as rest_client:
        with pytest.raises(StatusError, match="Missing ModelSpec"):
            grpc_client.send("Predict", b"")
        with pytest.raises(StatusError, match="JSON Parse error: The document is empty") as caught:
            rest_client.send("/v1/models/two_inputs:predict", b"")
        assert caught.value.http_status == 400
        assert "POST /v1/models/two_inputs:predict" in str(caught.value)
        answer = predict_pb2.PredictResponse.FromString(grpc_client.send("Predict", grpc_client.encode_predict(inputs)))
        body = rest_client.send("/v1/models/two_inputs:predict", rest_client.encode_predict(inputs))
    assert answer.outputs["sum"].float_val[:] == json.loads(body)["outputs"]["sum"] == [4.0]
    with pytest.raises(UsageError, match="was closed"):
        grpc_client.send("Predict", b"")
