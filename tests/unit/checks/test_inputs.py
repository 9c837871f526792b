"""The check of the requests that the other checks ask with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.checks.inputs import check
from harness.checks.request import Request
from harness.checks.subject import CheckOptions, Subject
from harness.errors import StatusError
from harness.prediction import Prediction
from harness.signatures import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Model:
    """A client of a model that refuses negative numbers."""

    def __init__(self, make: Any, api: str = "grpc") -> None:
        """Have what is asked of a client besides answers."""
        fake = make.client(api, {}, make.refuse)
        self.api = api
        self.endpoint = fake.endpoint
        self.predict_url = fake.predict_url

    def predict(self, inputs: Mapping[str, np.ndarray], **_: Any) -> Prediction:
        """Refuse what is negative."""
        if (inputs["x"] < 0).any():
            raise StatusError("negative", code="INVALID_ARGUMENT", target="h:1", api=self.api, request="predict")
        return Prediction(model="m", model_version=1, signature_name="s", outputs={})


def _subject(make: Any, *values: float, api: str = "grpc", **parts: Any) -> Subject:
    """Return a subject with one request for each value, from two sources."""
    client: Any = Model(make, api)
    requests = tuple(
        Request(inputs={"x": np.full(2, value, np.float32)}, source=f"golden {index // 2}")
        for index, value in enumerate(values)
    )
    parts = {"signatures": {"serving_default": make.signature()}, "requests": requests, **parts}
    return Subject(model="m", **{api: client}, **parts)


def test_what_was_asked_and_where_it_comes_from_is_said(make: Any) -> None:
    """One line for each signature, each source once."""
    (finding,) = check(_subject(make, 1, 2, 3))
    assert (finding.passed, finding.severity, finding.subject) == (True, "info", "serving_default")
    assert finding.seen == "asked with 3 requests: golden 0, golden 1"
    assert finding.reproduce == ()


def test_a_request_without_an_answer_is_an_error(make: Any) -> None:
    """How many, which was the first, what was answered, and how to see it again."""
    (finding,) = check(_subject(make, 1, 2, -3, 4, -5))
    assert finding.fails
    assert finding.seen.startswith(
        "2 of 5 requests brought no answer, the first of them number 3, golden 1: INVALID_ARGUMENT: negative"
    )
    (line,) = finding.reproduce
    assert line.startswith("python -c ")


def test_the_only_request_needs_no_number(make: Any) -> None:
    """Source and answer say all."""
    (finding,) = check(_subject(make, -1))
    assert finding.seen.startswith("golden 0: INVALID_ARGUMENT: negative")


def test_a_signature_without_requests_is_a_warning(make: Any) -> None:
    """It is told with the reason, and fails nothing."""
    (finding,) = check(_subject(make, unexercised={"serving_default": "nothing suits"}))
    assert (finding.passed, finding.severity, finding.fails) == (False, "warning", False)
    assert finding.seen == "not looked at: nothing suits"


def test_notes_are_warnings(make: Any) -> None:
    """What else there is to know of the requests and files is told."""
    _, note = check(_subject(make, 1, notes=("a golden is old",)))
    assert (note.subject, note.seen, note.severity, note.passed) == ("notes", "a golden is old", "warning", False)


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
@pytest.mark.parametrize("encoding", ["(composite_tensor)", "(coo_sparse)"])
def test_a_tensor_that_is_several_is_an_error(make: Any, kind: str, encoding: str) -> None:
    """A ragged or sparse input or output makes the signature useless, whether or not a request is known."""
    odd = TensorSpec(name="odd", dtype="invalid", shape=(), tensor_name=encoding)
    signature = replace(make.signature(), **{kind: (odd,)})
    (finding,) = check(
        _subject(make, signatures={"serving_default": signature}, unexercised={"serving_default": "refused"})
    )
    assert finding.fails
    assert finding.seen.startswith(f"{kind[:-1]} 'odd' consists of several tensors each (ragged or sparse), which no")


def test_rest_alone_leaves_out_what_it_cannot_carry(make: Any) -> None:
    """A dtype that REST has no form for is a warning, since there is no other API."""
    signature = make.signature(inputs=[make.spec("x", "uint16")])
    (finding,) = check(_subject(make, 1, api="rest", signatures={"serving_default": signature}))
    assert finding.severity == "warning"
    assert finding.seen == "not looked at: there is REST alone, and REST takes no uint16 (input 'x')"


def test_rest_alone_is_asked_over_rest(make: Any) -> None:
    """The line that shows a refusal again is a curl line."""
    (finding,) = check(_subject(make, -1, api="rest"))
    assert finding.reproduce[0].startswith("curl -s http://h:2/v1/models/m:predict")


def test_every_signature_of_an_example_model_is_exercised(opened: Callable[..., Subject]) -> None:
    """Nothing has to be given for half_plus_two: its tf.Examples come from the graph."""
    findings = check(opened("half_plus_two"))
    assert [(one.subject, one.passed, one.severity) for one in findings] == [
        ("classify_x_to_y", True, "info"),
        ("regress_x_to_y", True, "info"),
        ("serving_default", True, "info"),
    ]


def test_a_users_request_that_is_refused_is_an_error(opened: Callable[..., Subject], tmp_path: Path) -> None:
    """An example without the feature that the model needs fails, with the line that sends it again."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"signature_name": "regress_x_to_y", "examples": [{"z": 1.0}]}))
    findings = check(opened("half_plus_two", CheckOptions(examples=path)))
    (failed,) = [finding for finding in findings if finding.fails]
    assert failed.seen.startswith("examples in mine.json: INVALID_ARGUMENT: ")
    assert "regress" in failed.reproduce[0]


def test_a_model_that_answers_no_more_is_an_error(opened: Callable[..., Subject]) -> None:
    """Behind a proxy that breaks Predict, the signature that needs it fails, and no other."""

    def change(method: str, _: bytes, reply: bytes) -> bytes:
        if method.endswith("/Predict"):
            raise RuntimeError("broken on purpose")
        return reply

    failed = [finding.subject for finding in check(opened("half_plus_two", grpc_change=change)) if finding.fails]
    assert failed == ["serving_default"]


def test_signatures_are_exercised_each_by_its_own_requests(make: Any) -> None:
    """A request counts for its own signature."""
    other = Signature(name="other", method_name="tensorflow/serving/predict", inputs=(make.spec("x"),), outputs=())
    subject = _subject(make, 1, signatures={"serving_default": make.signature(), "other": other})
    asked = replace(subject.requests[0], signature_name="other", source="elsewhere")
    first, second = check(replace(subject, requests=(*subject.requests, asked)))
    assert (first.seen, second.seen) == ("asked with 1 request: golden 0", "asked with 1 request: elsewhere")
