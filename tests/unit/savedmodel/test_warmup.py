"""Warm-up records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import ExportError, SavedModelError, TensorError
from harness.protos import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)
from harness.savedmodel import read_warmup, write_warmup
from harness.savedmodel.tfrecord import encode_records
from harness.savedmodel.warmup import WARMUP_FILE, WARMUP_LIMIT
from harness.tensors import from_proto

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {
    "predict_log": predict_pb2.PredictRequest,
    "classify_log": classification_pb2.ClassificationRequest,
    "regress_log": regression_pb2.RegressionRequest,
    "multi_inference_log": inference_pb2.MultiInferenceRequest,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_request_is_written_and_read(base_path: Path, kind: str) -> None:
    """Predict, classify, regress and multi-inference requests come back in the log field of their kind."""
    request = KINDS[kind]()
    spec = request.tasks.add().model_spec if kind == "multi_inference_log" else request.model_spec
    spec.signature_name = "serving_default"
    path = write_warmup(base_path / "1", [request, request])
    assert path == base_path / "1" / "assets.extra" / "tf_serving_warmup_requests"
    logs = read_warmup(base_path / "1")
    assert [log.WhichOneof("log_type") for log in logs] == [kind, kind]
    assert getattr(logs[0], kind).request == request


def test_a_prediction_log_is_written_as_it_is(base_path: Path) -> None:
    """A finished log, e.g. read from another version, needs no conversion."""
    write_warmup(base_path / "1", [{"x": [1.0]}])
    write_warmup(base_path / "2", read_warmup(base_path / "1"))
    assert read_warmup(base_path / "2") == read_warmup(base_path / "1")


def test_a_mapping_is_cast_to_the_signature(base_path: Path) -> None:
    """Python numbers become a predict request in the dtypes of the default signature."""
    write_warmup(base_path / "1", [{"x": [1, 2]}])
    (log,) = read_warmup(base_path / "1")
    array = from_proto(log.predict_log.request.inputs["x"])
    assert array.dtype == np.float32
    assert array.tolist() == [1.0, 2.0]


def test_text_for_a_number_is_refused(base_path: Path) -> None:
    """A value that the input cannot hold is an error now, not a version that a server refuses later."""
    with pytest.raises(TensorError, match="x"):
        write_warmup(base_path / "1", [{"x": ["one"]}])


def test_unknown_signatures_are_refused(base_path: Path) -> None:
    """A signature that the model lacks would make the server refuse the version (behaviour item 187)."""
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "classify"
    with pytest.raises(ExportError, match=r"'classify', which the model does not have.*serving_default"):
        write_warmup(base_path / "1", [request])
    assert not (base_path / "1" / WARMUP_FILE).exists()


def test_too_many_records_are_refused(base_path: Path) -> None:
    """A server takes 1000 records and refuses a version with 1001 (behaviour item 186)."""
    write_warmup(base_path / "1", [{"x": [1.0]}] * WARMUP_LIMIT)
    with pytest.raises(ExportError, match="1001 warm-up requests"):
        write_warmup(base_path / "1", [{"x": [1.0]}] * (WARMUP_LIMIT + 1))
    assert len(read_warmup(base_path / "1")) == WARMUP_LIMIT


@pytest.mark.parametrize("request_", ["text", predict_pb2.PredictResponse(), prediction_log_pb2.PredictionLog()])
def test_what_is_no_request_is_refused(base_path: Path, request_: Any) -> None:
    """Answers, empty logs and other values are refused by name."""
    with pytest.raises(ExportError, match="warm"):
        write_warmup(base_path / "1", [request_])


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    """Giving the base path instead of the version is the likely mistake, so the message says what to give."""
    with pytest.raises(ExportError, match="give the version directory"):
        write_warmup(tmp_path, [])


def test_no_file_means_no_records(base_path: Path) -> None:
    """A version without warm-up has none."""
    assert read_warmup(base_path / "1") == ()


def test_a_record_that_is_no_log_is_an_error(base_path: Path) -> None:
    """Well-framed records with other content are reported."""
    path = base_path / "1" / WARMUP_FILE
    path.parent.mkdir()
    path.write_bytes(encode_records([b"\xff\xff"]))
    with pytest.raises(SavedModelError, match="no PredictionLog"):
        read_warmup(base_path / "1")


def test_the_file_is_what_tensorflow_writes(base_path: Path, tmp_path: Path, tf: Any) -> None:
    """Byte for byte the same as TensorFlow's TFRecordWriter."""
    path = write_warmup(base_path / "1", [{"x": [1.0]}, {"x": list(range(300))}])
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for log in read_warmup(base_path / "1"):
            writer.write(log.SerializeToString())
    assert path.read_bytes() == (tmp_path / "theirs").read_bytes()
