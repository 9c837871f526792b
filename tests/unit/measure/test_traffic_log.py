"""Logs of production traffic: which requests, answers and times they give, and what they say is missing."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import UsageError
from harness.measure import make_pool, replay
from harness.measure.traffic_log import read_traffic
from harness.protos import (
    classification_pb2,
    inference_pb2,
    prediction_log_pb2,
    regression_pb2,
)
from harness.savedmodel.tfrecord import encode_records
from harness.tensors import to_proto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAY_S = 1_700_000_000


def _predict(value: float, *, at_s: int = 0, model: str = "m", signature: str = "", answer: bool = True) -> Any:
    log = prediction_log_pb2.PredictionLog()
    request, response = log.predict_log.request, log.predict_log.response
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    request.inputs["x"].CopyFrom(to_proto(np.full((1, 2), value, np.float32)))
    if answer:
        response.outputs["y"].CopyFrom(to_proto(np.full((1, 2), value / 2, np.float32)))
    log.log_metadata.timestamp_secs = at_s
    return log


def _write(path: Path, logs: list[Any]) -> Path:
    path.write_bytes(encode_records(log.SerializeToString() for log in logs))
    return path


def _read(*paths: Path, signatures: Any = ("serving_default", "classes", "value"), **options: Any) -> Any:
    return read_traffic(paths, model="m", signatures=signatures, **options)


def _values(material: Any) -> list[float]:
    return [float(one.request.inputs["x"][0, 0]) for one in material.asked]


def test_a_log_gives_requests_answers_and_times(tmp_path: Path) -> None:
    """Of several files in the order of their times; the requests of one second are spread evenly over it."""
    first = _write(tmp_path / "a.tfrecord", [_predict(1, at_s=_DAY_S), _predict(4, at_s=_DAY_S + 2)])
    second = _write(tmp_path / "b.tfrecord", [_predict(2, at_s=_DAY_S), _predict(3, at_s=_DAY_S + 1)])
    found = _read(first, second)
    assert _values(found) == [1, 2, 3, 4]
    assert [one.at_s for one in found.asked] == [0, 0.5, 1, 2]
    assert [one.answer["y"].tolist() for one in found.asked[:2]] == [[[0.5, 0.5]], [[1, 1]]]
    assert found.source == "logged in a.tfrecord, b.tfrecord"
    assert found.notes == ("the log tells seconds only: the requests of one second are spread evenly over it",)


def test_a_log_without_times_is_read_in_its_order_and_cannot_be_replayed(
    tmp_path: Path, client: Callable[[str], Any]
) -> None:
    """If only one record lacks its time there are none; asked to replay it, the harness asks for a rate."""
    found = _read(_write(tmp_path / "a", [_predict(3, at_s=9), _predict(1), _predict(2, at_s=1)]))
    assert _values(found) == [3, 1, 2]
    assert "1 of 3 requests in the log have no time: it can be sent at a rate only" in found.notes
    pool = make_pool(client("grpc"), found.asked, source=found.source)
    with pytest.raises(UsageError, match=r"logged in a: no times are recorded .* give a rate instead"):
        replay(pool)


def test_a_log_is_replayed_as_it_came_or_faster(tmp_path: Path, client: Callable[[str], Any]) -> None:
    """Request i of the pool leaves at time i, after half of it at double speed."""
    logs = [_predict(value, at_s=_DAY_S + at_s) for value, at_s in ((1, 0), (2, 1), (3, 5))]
    found = _read(_write(tmp_path / "a", logs))
    pool = make_pool(client("rest"), found.asked, source=found.source)
    assert [float(one.inputs["x"][0, 0]) for one in pool.requests] == [1, 2, 3]
    assert replay(pool).times_s == (0, 1, 5)
    faster = replay(pool, speed=2, repeats=False)
    times_ns = faster.times_ns()
    assert [next(times_ns) for _ in range(3)] == [0, 500_000_000, 2_500_000_000]
    assert faster.span_s == 2.5


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_torn_last_record_is_left_out_and_told(tmp_path: Path, is_packed: bool) -> None:  # noqa: FBT001 - a parameter
    """The writer was killed, or writes still: what is whole is used, of a packed file as well."""
    content = encode_records([_predict(1).SerializeToString(), _predict(2).SerializeToString()])
    path = tmp_path / ("a.tfrecord.gz" if is_packed else "a.tfrecord")
    torn = len(content) - 5
    packed = gzip.compress(content, compresslevel=0)[: 10 + 5 + torn]  # stored, behind two heads
    path.write_bytes(packed if is_packed else content[:torn])
    found = _read(path)
    assert _values(found) == [1]
    assert "is cut short: the record at byte" in found.notes[0]
    assert found.notes[0].endswith("it is left out")


def test_foreign_records_are_counted_and_told(tmp_path: Path) -> None:
    """Other models, signatures that are gone, and kinds no client can send: each with its number."""
    session = prediction_log_pb2.PredictionLog()
    session.session_run_log.request.SetInParent()
    in_parts = prediction_log_pb2.PredictionLog()
    in_parts.predict_streamed_log.SetInParent()
    named_elsewhere = _predict(9, model="")
    named_elsewhere.log_metadata.model_spec.name = "other"
    logs = [
        _predict(1),
        _predict(2, model="other"),
        _predict(3, model="other"),
        named_elsewhere,
        _predict(4, model=""),
        _predict(5, signature="gone"),
        session,
        in_parts,
    ]
    found = _read(_write(tmp_path / "a", logs))
    assert _values(found) == [1, 4]
    told = "\n".join(found.notes)
    assert "3 of 8 records in the log left out: of model 'other'" in told
    assert "1 of 8 records in the log left out: for signature 'gone', which the model does not have" in told
    assert "1 of 8 records in the log left out: a record of kind session_run_log holds no request" in told
    assert "a record of kind predict_streamed_log holds no request" in told
    with pytest.raises(UsageError, match=r"no request of model 'm' is logged in b: 1 of 1 record .*of model 'other'"):
        _read(_write(tmp_path / "b", [_predict(1, model="other")]))


def test_what_a_replay_should_know_is_told(tmp_path: Path) -> None:
    """A log of a tenth of the traffic says so, and so do records that asked for some of the outputs only."""
    log = _predict(1, at_s=5)
    log.log_metadata.sampling_config.sampling_rate = 0.1
    log.predict_log.request.output_filter.append("y")
    told = "\n".join(_read(_write(tmp_path / "a", [log, log])).notes)
    assert "the log is a sample of 10.00% of the traffic: x10 would be all of it" in told
    assert "2 records asked for some outputs only; here all are asked for" in told


def test_classify_regress_and_multi_inference_are_read(tmp_path: Path) -> None:
    """Each gives its examples and its answer; of several inferences in one record each is a request of its own."""
    classify, regress, multi = (prediction_log_pb2.PredictionLog() for _ in range(3))
    classify.classify_log.request.CopyFrom(classification_pb2.ClassificationRequest())
    regress.regress_log.request.CopyFrom(regression_pb2.RegressionRequest())
    multi.multi_inference_log.request.CopyFrom(inference_pb2.MultiInferenceRequest())
    for log in (classify.classify_log, regress.regress_log, multi.multi_inference_log):
        log.request.input.example_list.examples.add().features.feature["x"].float_list.value.append(2.5)
    classify.classify_log.request.model_spec.signature_name = "classes"
    regress.regress_log.request.model_spec.signature_name = "value"
    row = classify.classify_log.response.result.classifications.add()
    row.classes.add(label="a", score=0.5)
    regress.regress_log.response.result.regressions.add(value=4)
    for name, method in (("classes", "classify"), ("value", "regress")):
        task = multi.multi_inference_log.request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "m", name
    results = multi.multi_inference_log.response.results
    results.add().classification_result.CopyFrom(classify.classify_log.response.result)
    results.add().regression_result.CopyFrom(regress.regress_log.response.result)
    found = _read(_write(tmp_path / "a", [classify, regress, multi])).asked
    assert [one.request.method for one in found] == ["classify", "regress", "classify", "regress"]
    assert all(one.request.examples == ({"x": [2.5]},) for one in found)
    assert [list(one.answer) for one in found] == [["classes", "scores"], ["outputs"]] * 2
    assert found[2].answer["classes"].tolist() == [[b"a"]]
    assert found[3].answer["outputs"].tolist() == [4]


def test_a_record_without_an_answer_is_a_request_all_the_same(tmp_path: Path) -> None:
    """Logging may keep requests only; then nothing is expected of the answer."""
    (one,) = _read(_write(tmp_path / "a", [_predict(1, answer=False)])).asked
    assert one.answer is None


def test_what_is_no_log_is_a_clear_error(tmp_path: Path) -> None:
    """No file, a missing one, text, other records, and a file with none: each says what it is."""
    text, other, empty = tmp_path / "text", tmp_path / "other", tmp_path / "empty"
    text.write_text("not a log at all, just words")
    other.write_bytes(encode_records([b"\xff\xff\xff"]))
    empty.write_bytes(b"")
    for path, what in (
        (tmp_path / "gone", "cannot be read: No such file"),
        (text, r"no TFRecord file.*; give TFRecord files of PredictionLog messages"),
        (other, "holds a record that is no PredictionLog message"),
        (empty, "it holds no record"),
    ):
        with pytest.raises(UsageError, match=what):
            _read(path)
    packed = tmp_path / "text.gz"
    packed.write_text("not packed")
    with pytest.raises(UsageError, match="cannot be used"):
        _read(packed)
    with pytest.raises(UsageError, match="no log file is given"):
        _read()


def test_a_long_log_is_read_up_to_a_bound(tmp_path: Path) -> None:
    """So many requests, or bytes, and no more are read, which is told."""
    found = _read(_write(tmp_path / "a", [_predict(value) for value in range(5)]), most=3)
    assert _values(found) == [0, 1, 2]
    assert found.notes[0].startswith("only the beginning of the log is used: 3 requests, ")
    size = len(_predict(0).SerializeToString())
    found = _read(_write(tmp_path / "b", [_predict(value) for value in range(5)]), most_bytes=2 * size + 1)
    assert _values(found) == [0, 1]
    assert found.notes[0] == f"only the beginning of the log is used: 2 requests, {2 * size} bytes"
