"""GrpcClient against a server that answers what the test tells it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from harness import Classification, Endpoint, GrpcClient, ModelConfig, Regression
from harness.errors import (
    ResponseError,
    SignatureError,
    StatusError,
)
from harness.prediction import Class, VersionStatus
from harness.protos import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ONES = np.ones(2, np.float32)


def _abort(code: grpc.StatusCode, details: str) -> Callable[[Any, Any], None]:
    return lambda _request, context: context.abort(code, details)


def _at(address: str, **options: Any) -> GrpcClient:
    return GrpcClient(Endpoint(grpc=address, rest=None, model="m"), timeout_s=10, **options)


def test_arrays_go_and_come_with_the_version_that_answered(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """An array is sent in its own dtype without asking for signatures; the answer says who gave it."""
    prediction = grpc_client.predict({"x": np.array([[1, 2]], np.int8)})
    assert prediction["y"].dtype == np.int8
    assert prediction["y"].tolist() == [[1, 2]]
    assert (prediction.model, prediction.model_version, prediction.signature_name) == ("m", 1, "serving_default")
    assert fake_grpc.names() == ["Predict"]


@pytest.mark.parametrize(
    ("options", "version", "label"),
    [({}, 0, ""), ({"version": 7}, 7, ""), ({"label": "stable"}, 0, "stable")],
)
def test_the_call_says_which_version(
    grpc_client: GrpcClient, fake_grpc: Any, options: dict[str, Any], version: int, label: str
) -> None:
    """Version and label of a call are in its ModelSpec."""
    grpc_client.predict({"x": _ONES}, signature_name="s", output_filter=["y"], **options)
    request = fake_grpc.calls[0][1]
    spec = request.model_spec
    assert (spec.name, spec.signature_name, spec.version.value, spec.version_label) == ("m", "s", version, label)
    assert list(request.output_filter) == ["y"]


def test_the_endpoints_version_is_the_default_and_can_be_overridden(
    start_grpc: Callable[..., str], fake_grpc: Any
) -> None:
    """A pinned endpoint is asked at its version; a call's label replaces it."""
    endpoint = Endpoint(grpc=start_grpc(fake_grpc), rest=None, model="m", version=0)
    with GrpcClient(endpoint) as client:
        client.predict({"x": _ONES})
        client.predict({"x": _ONES}, label="canary")
    specs = [request.model_spec for _, request, _ in fake_grpc.calls]
    assert specs[0].HasField("version")
    assert not specs[1].HasField("version")
    assert specs[1].version_label == "canary"


def test_python_values_take_the_signatures_dtype(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """Lists have no dtype: the signature is asked for once, and remembered for the next call."""
    assert grpc_client.predict({"x": [1, 2]})["y"].dtype == np.float32
    grpc_client.predict({"x": [3]})
    assert fake_grpc.names() == ["GetModelMetadata", "Predict", "Predict"]
    grpc_client.forget_signatures()
    grpc_client.predict({"x": [3]})
    assert fake_grpc.names()[3:] == ["GetModelMetadata", "Predict"]


def test_a_changed_signature_is_noticed(grpc_client: GrpcClient, fake_grpc: Any, make: Any) -> None:
    """If a new version takes another dtype, a refused call is made again with the new one."""
    grpc_client.predict({"x": [1, 2]})
    fake_grpc.inputs = {"x": "int64"}

    def strict(request: Any, context: Any) -> Any:
        if request.inputs["x"].dtype != 9:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Expects arg[0] to be int64 but float is provided")
        return make.echo(request, context)

    fake_grpc.answers["Predict"] = strict
    assert grpc_client.predict({"x": [3]})["y"].dtype == np.int64
    assert fake_grpc.names() == ["GetModelMetadata", "Predict", "Predict", "GetModelMetadata", "Predict"]


def test_values_that_fit_the_new_signature_alone_are_sent(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """Values that the remembered dtype cannot hold are tried on the current one."""
    fake_grpc.inputs = {"x": "int32"}
    grpc_client.predict({"x": [1]})
    fake_grpc.inputs = {"x": "float32"}
    assert grpc_client.predict({"x": [1.5]})["y"].tolist() == [1.5]


@pytest.mark.parametrize(
    ("code", "asked"),
    [(grpc.StatusCode.INVALID_ARGUMENT, 1), (grpc.StatusCode.RESOURCE_EXHAUSTED, 0), (grpc.StatusCode.NOT_FOUND, 0)],
)
def test_a_refusal_with_the_same_signature_stands(
    grpc_client: GrpcClient, fake_grpc: Any, code: grpc.StatusCode, asked: int
) -> None:
    """The signature is asked for again only where it could be the cause, and a call is not repeated for nothing."""
    grpc_client.predict({"x": [1]})
    fake_grpc.answers["Predict"] = _abort(code, "no")
    fake_grpc.calls.clear()
    with pytest.raises(StatusError, match="no"):
        grpc_client.predict({"x": [1]})
    assert fake_grpc.names() == ["Predict"] + ["GetModelMetadata"] * asked


def test_encoded_requests_are_what_predict_sends(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """encode_predict gives the bytes of the very request."""
    content = grpc_client.encode_predict({"x": _ONES}, signature_name="s", output_filter=["y"], version=3)
    grpc_client.predict({"x": _ONES}, signature_name="s", output_filter=["y"], version=3)
    assert predict_pb2.PredictRequest.FromString(content) == fake_grpc.calls[0][1]


def test_headers_are_sent_as_metadata(start_grpc: Callable[..., str], fake_grpc: Any) -> None:
    """Headers become metadata of every call, in lower case as HTTP/2 wants them."""
    with _at(start_grpc(fake_grpc), headers={"Authorization": "Bearer x", "x-team": "y"}) as client:
        client.predict({"x": _ONES})
        client.signatures()
    for _, _, metadata in fake_grpc.calls:
        assert metadata["authorization"] == "Bearer x"
        assert metadata["x-team"] == "y"


def test_answers_of_any_size_are_received(grpc_client: GrpcClient, fake_grpc: Any, make: Any) -> None:
    """An answer of 8 MB comes through: gRPC's own limit of 4 MB is lifted (behaviour item 32)."""
    big = np.arange(2_000_000, dtype=np.float32)
    fake_grpc.answers["Predict"] = lambda _request, _context: make.predict_response(y=big)
    np.testing.assert_array_equal(grpc_client.predict({"x": _ONES})["y"], big)


def test_a_limit_of_the_users_own_is_explained(start_grpc: Callable[..., str], fake_grpc: Any, make: Any) -> None:
    """With a smaller limit in channel_options, the error says where it comes from."""
    fake_grpc.answers["Predict"] = lambda _request, _context: make.predict_response(y=np.zeros(1000, np.float32))
    with (
        _at(start_grpc(fake_grpc), channel_options=[("grpc.max_receive_message_length", 100)]) as client,
        pytest.raises(StatusError, match="channel_options set a limit") as caught,
    ):
        client.predict({"x": _ONES})
    assert caught.value.code == "RESOURCE_EXHAUSTED"


def test_threads_share_a_client(grpc_client: GrpcClient) -> None:
    """Calls from several threads get their own answers."""
    seen: dict[int, float] = {}

    def call(number: int) -> None:
        seen[number] = float(grpc_client.predict({"x": np.float32(number)})["y"])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == {number: float(number) for number in range(8)}


def test_classify_gives_labels_and_scores(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """Classes come example by example in the model's order; context and examples are sent apart."""
    response = classification_pb2.ClassificationResponse()
    response.model_spec.version.value = 4
    for scores in ((0.25, 0.5), (0.75,)):
        row = response.result.classifications.add()
        for score in scores:
            row.classes.add(label=f"l{score}", score=score)
    fake_grpc.answers["Classify"] = lambda _request, _context: response
    answer = grpc_client.classify([{"a": 1.0}, {"a": [2.0, 3.0]}], context={"c": "x"}, signature_name="s")
    assert answer.classes == ((Class("l0.25", 0.25), Class("l0.5", 0.5)), (Class("l0.75", 0.75),))
    assert answer.model_version == 4
    sent = fake_grpc.calls[0][1].input.example_list_with_context
    assert [list(e.features.feature["a"].float_list.value) for e in sent.examples] == [[1.0], [2.0, 3.0]]
    assert list(sent.context.features.feature["c"].bytes_list.value) == [b"x"]


def test_regress_gives_one_value_each(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """Values are float32 [N]."""
    response = regression_pb2.RegressionResponse()
    for value in (0.5, 1.5):
        response.result.regressions.add(value=value)
    fake_grpc.answers["Regress"] = lambda _request, _context: response
    answer = grpc_client.regress([{"a": 1.0}, {"a": 2.0}])
    assert answer.values.dtype == np.float32
    assert answer.values.tolist() == [0.5, 1.5]


def test_multi_inference_asks_several_signatures_at_once(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """Each signature is a task with its method; answers come in the same order."""
    response = inference_pb2.MultiInferenceResponse()
    for name in ("c", "r"):
        result = response.results.add()
        result.model_spec.signature_name = name
    response.results[0].classification_result.classifications.add().classes.add(label="a", score=1.0)
    response.results[1].regression_result.regressions.add(value=2.0)
    fake_grpc.answers["MultiInference"] = lambda _request, _context: response
    first, second = grpc_client.multi_inference([{"a": 1.0}], classify=["c"], regress=["r"])
    assert isinstance(first, Classification)
    assert isinstance(second, Regression)
    assert (first.signature_name, second.signature_name) == ("c", "r")
    tasks = fake_grpc.calls[0][1].tasks
    assert [(task.model_spec.signature_name, task.method_name) for task in tasks] == [
        ("c", "tensorflow/serving/classify"),
        ("r", "tensorflow/serving/regress"),
    ]


def test_an_empty_result_is_no_regression(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """A result with neither classes nor values cannot be read, and is not taken for an empty answer."""
    response = inference_pb2.MultiInferenceResponse()
    response.results.add().model_spec.signature_name = "c"
    fake_grpc.answers["MultiInference"] = lambda _request, _context: response
    with pytest.raises(ResponseError, match="the result for signature 'c' is empty"):
        grpc_client.multi_inference([{"a": 1.0}], classify=["c"])


def test_status_lists_versions(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """Each version comes with its state and, if its load failed, the reason; unknown numbers are shown as such."""
    response = get_model_status_pb2.GetModelStatusResponse()
    failed = response.model_version_status.add(version=2, state=50)
    failed.status.error_code = 5
    failed.status.error_message = "gone"
    response.model_version_status.add(version=1, state=30)
    response.model_version_status.add(version=0, state=77)
    fake_grpc.answers["GetModelStatus"] = lambda _request, _context: response
    assert grpc_client.model_status() == (
        VersionStatus(version=2, state="END", error_code="NOT_FOUND", error_message="gone"),
        VersionStatus(version=1, state="AVAILABLE"),
        VersionStatus(version=0, state="STATE_77"),
    )
    assert not fake_grpc.calls[0][1].model_spec.HasField("version")
    grpc_client.model_status(version=2)
    assert fake_grpc.calls[1][1].model_spec.version.value == 2


def test_signatures_are_those_of_the_metadata(grpc_client: GrpcClient) -> None:
    """signatures() reads GetModelMetadata."""
    signature = grpc_client.signatures()["serving_default"]
    assert [str(spec) for spec in (*signature.inputs, *signature.outputs)] == ["x: float32 [?]", "y: float32 [?]"]


def test_metadata_without_signatures_is_refused(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """An answer without a signature map is a SignatureError."""
    fake_grpc.answers["GetModelMetadata"] = lambda *_: get_model_metadata_pb2.GetModelMetadataResponse()
    with pytest.raises(SignatureError, match="no signature_def map"):
        grpc_client.signatures()


def test_reload_sends_the_config_and_raises_what_is_refused(grpc_client: GrpcClient, fake_grpc: Any) -> None:
    """A refusal inside the response is an error as well, with the code's name."""
    response = model_management_pb2.ReloadConfigResponse()
    fake_grpc.answers["HandleReloadConfigRequest"] = lambda _request, _context: response
    grpc_client.reload_config([ModelConfig(name="m", base_path="/m")])
    assert fake_grpc.calls[0][1].config.model_config_list.config[0].name == "m"
    response.status.error_code = 3
    response.status.error_message = "bad list"
    with pytest.raises(StatusError, match="INVALID_ARGUMENT: bad list"):
        grpc_client.reload_config([])
