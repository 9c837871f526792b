"""Replay: the recorded answer passes, and any other fails with what differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.alterations import altering, drop_output, nudge, replace_with_nan, swap_rows, widen
from harness.checks import Golden, check_golden, write_golden
from harness.checks.goldens import check
from harness.checks.request import Request
from harness.checks.subject import CheckOptions
from harness.checks.tolerance import Tolerance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.checks.subject import Subject
    from harness.findings import Finding

_Y = {"y": np.array([1.5, 2.5], np.float32)}
_API_NAMES = {"grpc": "gRPC", "rest": "REST"}


def _golden(**changes: Any) -> Golden:
    request = Request(inputs={"x": np.ones((2, 2), np.float32)})
    return Golden(**{"name": "case", "request": request, "outputs": _Y, **changes})


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_the_recorded_answer_passes(make: Any, api: str) -> None:
    """An answer within tolerance passes, with no lines to reproduce it, whatever has changed around it."""
    client = make.client(api, {}, lambda *_: {"y": _Y["y"] + np.float32(1e-7), "more": np.zeros(1)})
    finding = check_golden(client, _golden(provenance={"tensorflow": "1"}), provenance={"tensorflow": "2"})
    assert finding.passed
    assert not finding.fails
    assert finding.subject == f"case over {_API_NAMES[api]}"
    assert finding.seen == "the recorded outputs"
    assert finding.reproduce == finding.pictures == ()


@pytest.mark.parametrize("api", ["grpc", "rest"])
@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"y": np.array([1.5, 9.0], np.float32)}, r"^y: \[1\] is 9.0, expected 2.5 \(relative error 2.6, .* ulps"),
        ({"y": np.array([1.5, np.nan], np.float32)}, r"^y: \[1\] is nan"),
        ({"z": _Y["y"]}, "^y: is missing"),
        ({"y": _Y["y"].astype(np.float64)}, "^y: dtype float64, expected float32"),
        ({"y": _Y["y"][:1]}, r"^y: shape \[1\], expected \[2\]"),
    ],
)
def test_another_answer_fails(make: Any, api: str, outputs: dict[str, np.ndarray], text: str) -> None:
    """Another value, dtype, shape or a missing output fails, with a line that shows it again."""
    finding = check_golden(make.client(api, {}, lambda *_: outputs), _golden())
    assert finding.fails
    assert re.search(text, finding.seen)
    assert ("curl" if api == "rest" else "GrpcClient") in finding.reproduce[0]


def test_a_case_may_have_a_tolerance_of_its_own(make: Any) -> None:
    """The tolerance of the case counts, and the finding says it."""
    client = make.client("grpc", {}, lambda *_: {"y": _Y["y"] * np.float32(1.05)})
    strict = check_golden(client, _golden())
    loose = check_golden(client, _golden(tolerances={"float32": Tolerance(rtol=0.1, atol=0)}))
    assert (strict.fails, loose.fails) == (True, False)
    assert strict.expected == "the recorded outputs, float32 within 1e-05 relative + 1e-06 absolute"
    assert loose.expected == "the recorded outputs, float32 within 0.1 relative + 0 absolute"


def test_other_conditions_come_first(make: Any) -> None:
    """Where another TensorFlow or processor answers now, a mismatch begins with that."""
    client = make.client("grpc", {}, lambda *_: {"y": _Y["y"] * 2})
    then = {"tensorflow": "2.20.0", "cpu": "old", "harness": "0", "image": "i:1"}
    now = {"tensorflow": "2.21.0", "cpu": "new", "harness": "1"}
    finding = check_golden(client, _golden(provenance=then), provenance=now)
    start = "recorded under other conditions (tensorflow 2.20.0, now 2.21.0; cpu old, now new): y: [1] is 5.0, expected"
    assert finding.seen.startswith(start)
    assert check_golden(client, _golden(provenance=now), provenance=now).seen.startswith("y: ")


def test_an_image_that_differs_is_shown(make: Any) -> None:
    """A mismatch in an image brings a picture of what was expected, what was seen and the difference."""
    image = np.zeros((2, 4, 4, 3), np.uint8)
    other = image.copy()
    other[1, 2, 3, 0] = 9
    finding = check_golden(make.client("grpc", {}, lambda *_: {"y": other}), _golden(outputs={"y": image}))
    assert finding.seen == "y: [1, 2, 3, 0] is 9, expected 0 (1 of 96 differ)"
    assert [picture.caption for picture in finding.pictures] == ["y[1]: expected, seen, difference (white: 9)"]


def test_a_refused_call_fails(make: Any) -> None:
    """A server that refuses the recorded inputs fails the check with its text."""
    finding = check_golden(make.client("grpc", {}, make.refuse), _golden())
    assert finding.fails
    assert "NOT_FOUND: no model here" in finding.seen


def test_inputs_an_api_cannot_carry_fail(make: Any) -> None:
    """Complex inputs over REST fail the check instead of ending the run, and there is nothing to paste."""
    from harness.clients.rest_codec import predict_body

    def answer(inputs: Any, layout: Any) -> dict[str, np.ndarray]:
        predict_body(inputs, signature_name="s", layout=layout)
        return _Y

    request = Request(inputs={"x": np.zeros(1, np.complex64)})
    finding = check_golden(make.client("rest", {}, answer), _golden(request=request))
    assert finding.fails
    assert "send them over gRPC" in finding.seen
    assert finding.reproduce == ()


@pytest.fixture
def failures(opened: Callable[..., Subject], pytestconfig: pytest.Config) -> Callable[..., list[Finding]]:
    """A function that returns the errors of the check on an example model whose answers are altered."""

    def find(model: str, **changes: Any) -> list[Finding]:
        subject = opened(model, CheckOptions(goldens=pytestconfig.rootpath / "goldens" / model), **changes)
        return [finding for finding in check(subject) if finding.fails]

    return find


@pytest.mark.parametrize("model", ["half_plus_two", "multi", "text"])
def test_the_repositorys_goldens_hold_on_the_examples(failures: Callable[..., list[Finding]], model: str) -> None:
    """Predict, classify and regress cases of the example models pass over both APIs."""
    assert failures(model) == []


MUTATIONS = {
    "one element is off by 0.001": (nudge("weighted", 1e-3), r"weighted: \[\d, 3\] is .* ulps, allowed .*; 1 of"),
    "rows are swapped": (swap_rows("next_id"), r"next_id: \[0\] is 9007199254740996, expected 9007199254740994 \(2 of"),
    "another dtype": (widen("kept"), "kept: dtype int64, expected int32"),
    "an output is missing": (drop_output("any_kept"), "any_kept: is missing"),
    "NaN": (replace_with_nan("weighted"), r"weighted: \[0, 0\] is nan, expected "),
    "a pixel": (nudge("inverted", 1), r"inverted: \[2, 1, 2, 2\] is (\d+), expected (\d+) \(1 of 54 differ\)"),
}


@pytest.mark.parametrize(("change", "text"), MUTATIONS.values(), ids=MUTATIONS)
def test_an_altered_answer_is_found(failures: Callable[..., list[Finding]], change: Any, text: str) -> None:
    """Each mutation fails the case with three rows over gRPC with the place and the numbers, and nothing over REST."""

    def only_multi(outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return change(outputs) if "weighted" in outputs else outputs

    found = {finding.subject: finding for finding in failures("multi", grpc_change=altering(only_multi))}
    assert not [subject for subject in found if "REST" in subject]
    finding = found["three_rows over gRPC"]
    assert re.search(text, finding.seen), finding.seen
    assert "GrpcClient" in finding.reproduce[0]
    assert bool(finding.pictures) == finding.seen.startswith("inverted")


def test_an_altered_answer_over_rest_is_found(failures: Callable[..., list[Finding]]) -> None:
    """What REST alone answers otherwise fails over REST alone, for regress and classify as for predict."""

    def change(path: str, body: bytes, status: int, content: bytes) -> tuple[int, bytes]:  # noqa: ARG001 - its form
        return status, content.replace(b"6.5", b"6.75") if path.endswith(
            ("regress", "classify", "predict")
        ) else content

    found = failures("half_plus_two", rest_change=change)
    assert [finding.subject for finding in found] == [
        "classification over REST",
        "regression over REST",
        "three_numbers over REST",
    ]
    assert found[0].seen.startswith("scores: [2, 0] is 6.75, expected 6.5")
    assert found[1].reproduce[0].startswith("curl -s http://")
    assert ":regress -d '" in found[1].reproduce[0]


def test_a_case_of_a_signature_that_is_gone_fails(opened: Callable[..., Subject], tmp_path: Path) -> None:
    """A recorded request to a signature that the model has no more is an error over each API, not left out."""
    write_golden(_golden(request=Request(signature_name="gone", inputs=_Y)), tmp_path)
    found = check(opened("half_plus_two", CheckOptions(goldens=tmp_path)))
    assert [finding.subject for finding in found if finding.fails] == ["case over gRPC", "case over REST"]
    assert all("gone" in finding.seen for finding in found)
