"""Warm-up records as requests."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.checks.warmup_requests import requests_of_logs
from harness.clients.examples import input_proto
from harness.protos import prediction_log_pb2
from harness.tensors import to_proto


def _log() -> Any:
    return prediction_log_pb2.PredictionLog()


def _predict(signature: str = "", **inputs: np.ndarray) -> Any:
    log = _log()
    log.predict_log.request.model_spec.signature_name = signature
    for name, array in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(to_proto(array))
    return log


def test_predict_records_become_tensors() -> None:
    """Without a signature's name the default one is meant; values and dtypes are kept."""
    logs = [_predict(x=np.arange(3, dtype=np.int16)), _predict("other", x=np.array([b"a"], object))]
    (first, second), faults = requests_of_logs(logs, source="here")
    assert (first.signature_name, first.method, first.source) == ("serving_default", "predict", "here")
    assert first.inputs["x"].dtype == np.int16
    assert second.signature_name == "other"
    assert second.inputs["x"].tolist() == [b"a"]
    assert faults == []


def test_classify_and_regress_records_become_examples() -> None:
    """Features come back as values by name, those without values as none; a context is kept apart."""
    classify, regress = _log(), _log()
    request = classify.classify_log.request
    request.input.CopyFrom(input_proto([{"x": [1.0, 2.0], "n": [3], "none": []}, {"s": [b"\xff"]}]))
    request = regress.regress_log.request
    request.model_spec.signature_name = "regress_x_to_y"
    request.input.CopyFrom(input_proto([{}], context={"x": 5}))
    (first, second), _ = requests_of_logs([classify, regress], source="here")
    assert (first.method, first.context) == ("classify", None)
    assert first.examples == ({"x": [1.0, 2.0], "n": [3], "none": []}, {"s": [b"\xff"]})
    assert (second.method, second.signature_name) == ("regress", "regress_x_to_y")
    assert (second.examples, second.context) == (({},), {"x": [5]})


def test_a_multi_inference_record_is_a_request_to_each_signature() -> None:
    """Each task asks its own signature by its own method."""
    log = _log()
    request = log.multi_inference_log.request
    request.input.CopyFrom(input_proto([{"x": 1.0}]))
    for name, method in (("c", "classify"), ("r", "regress")):
        request.tasks.add(method_name=f"tensorflow/serving/{method}").model_spec.signature_name = name
    requests, _ = requests_of_logs([log], source="here")
    assert [(one.signature_name, one.method, one.examples) for one in requests] == [
        ("c", "classify", ({"x": [1.0]},)),
        ("r", "regress", ({"x": [1.0]},)),
    ]


def test_an_input_of_no_kind_holds_no_example() -> None:
    """An empty Input is a request without examples, not a fault."""
    log = _log()
    log.classify_log.request.SetInParent()
    (request,), faults = requests_of_logs([log], source="here")
    assert (request.examples, faults) == ((), [])


def test_records_that_no_client_can_send_are_told_and_passed_over() -> None:
    """The others are still of use."""
    session, broken = _log(), _predict()
    session.session_run_log.SetInParent()
    broken.predict_log.request.inputs["x"].dtype = 9999
    requests, faults = requests_of_logs([session, _predict(x=np.zeros(1)), broken, _log()], source="here")
    assert len(requests) == 1
    assert faults[0] == "a record of kind session_run_log holds no request that a client can send"
    assert len(faults) == 3
