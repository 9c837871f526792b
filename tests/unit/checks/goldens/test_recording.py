"""Recording goldens: what is written, what is kept, and what is told."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.alterations import altering, nudge, replace_with_nan
from harness.checks import Golden, read_goldens, record_golden, write_golden
from harness.checks.goldens import check
from harness.checks.request import Request
from harness.checks.subject import CheckOptions, Subject
from harness.checks.tolerance import TOLERANCES, Tolerance
from harness.errors import CallError, CheckError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_X = {"x": np.ones(2, np.float32)}
_Y = {"y": np.array([1.5, 2.5], np.float32)}


def test_recording_takes_the_answer_and_its_origin(make: Any) -> None:
    """A recorded case has the outputs that came, the usual tolerances of their dtypes, and where they came from."""
    client = make.client("grpc", {}, lambda *_: {**_Y, "n": np.zeros(1, np.int32)})
    request = Request(signature_name="s", inputs=_X)
    golden = record_golden(client, "case", request, provenance={"backend": "standin"})
    assert golden.provenance == {"backend": "standin"}
    assert golden.request is request
    assert golden.outputs["y"] is _Y["y"]
    assert golden.tolerances == {"float32": TOLERANCES["float32"]}
    loose = {"float32": Tolerance(rtol=1, atol=1)}
    assert record_golden(client, "case", request, tolerances=loose).tolerances == loose


def test_an_answer_with_nan_is_not_recorded(make: Any) -> None:
    """NaN is refused when it would be recorded, and a refusal of the server is raised as it is."""
    with pytest.raises(CheckError, match="holds NaN"):
        record_golden(make.client("grpc", {}, lambda *_: {"y": np.array([np.nan])}), "case", Request(inputs=_X))
    with pytest.raises(CallError):
        record_golden(make.client("grpc", {}, make.refuse), "case", Request(inputs=_X))


@pytest.fixture
def update(opened: Callable[..., Subject], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A function that updates the goldens in ``tmp_path`` and returns the findings by subject."""

    def run(model: str = "half_plus_two", *, requests: Any = (), **changes: Any) -> dict[str, Any]:
        options = CheckOptions(goldens=tmp_path, update_goldens=True, requests=tuple(requests))
        return {finding.subject: finding for finding in check(opened(model, options, **changes))}

    return run


def _seen(findings: dict[str, Any]) -> dict[str, str]:
    return {name: finding.seen for name, finding in findings.items()}


def test_what_is_recorded_holds_at_once(
    update: Callable[..., Any], opened: Callable[..., Subject], tmp_path: Path
) -> None:
    """Requests for predict, classify and regress are recorded with their origin, and the check then passes."""
    rows = ({"x": 1.0}, {"x": 2.0})
    requests = [
        Request(inputs={"x": np.ones((2, 3), np.float32)}, source="my code", name="ones"),
        Request(signature_name="classify_x_to_y", method="classify", examples=rows, source="my code"),
        Request(signature_name="regress_x_to_y", method="regress", examples=rows, source="my code"),
    ]
    found = update(requests=requests)
    assert _seen(found)["ones"] == f"written to {tmp_path / 'ones.json'}: y float32 [2, 3]"
    assert all(finding.passed and finding.severity == "info" for finding in found.values())
    goldens = {golden.name: golden for golden in read_goldens(tmp_path)}
    assert sorted(goldens) == ["classify_x_to_y-1", "ones", "regress_x_to_y-1"]
    origin = goldens["ones"].provenance
    assert origin["source"] == "my code"
    assert (origin["backend"], origin["recorded_over"], origin["model_version"]) == ("standin", "grpc", "3")
    assert {"tensorflow", "cpu", "onednn", "harness"} <= origin.keys()
    replayed = check(opened("half_plus_two", CheckOptions(goldens=tmp_path)))
    assert len(replayed) == 6
    assert all(finding.passed for finding in replayed)


def _tensor_cases(directory: Path) -> list[str]:
    """Return the files of cases but for those of made-up tf.Examples."""
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith(("classify", "regress")))


def test_the_same_answer_leaves_the_file_alone(update: Callable[..., Any], tmp_path: Path) -> None:
    """A second recording writes nothing; another answer is written, with what differs, and keeps the tolerance."""
    request = Request(inputs={"x": np.ones(3, np.float32)}, source="my code", name="ones")
    update(requests=[request])
    path = tmp_path / "ones.json"
    document = json.loads(path.read_text())
    document["tolerance"]["float32"]["rtol"] = 0.25
    path.write_text(json.dumps(document))
    before = path.read_bytes()
    assert _seen(update(requests=[request]))["ones"] == "still as recorded, file unchanged"
    assert path.read_bytes() == before
    again = _seen(update(grpc_change=altering(nudge("y", 1e-3))))
    start = f"written to {path}: other than before: y: [2] is 4.501, expected 4.5 (relative error 0.000222"
    assert again["ones"].startswith(start)
    golden = next(one for one in read_goldens(tmp_path) if one.name == "ones")
    assert golden.tolerances["float32"].rtol == 0.25
    assert golden.provenance["source"] == "my code"


def test_only_what_came_from_the_same_source_is_removed(update: Callable[..., Any], tmp_path: Path) -> None:
    """A case that its source no longer has is removed and told; one made by hand, or of another source, stays."""
    ones, twos = (Request(inputs={"x": np.full(3, n, np.float32)}, source="my code") for n in (1, 2))
    update(requests=[ones, twos])
    write_golden(Golden(name="by_hand", request=Request(inputs=_X), outputs={}), tmp_path)
    found = _seen(update(requests=[twos]))
    assert found["serving_default-1"] == "removed: it came from my code, where it is no more"
    assert _tensor_cases(tmp_path) == ["by_hand.json", "serving_default-2.json"]


def test_outputs_with_nan_are_left_out_and_told(update: Callable[..., Any], tmp_path: Path) -> None:
    """NaN equals nothing: an output that holds it is not in the file, and a case of nothing else is not written."""
    finding = update("half_plus_two", grpc_change=altering(replace_with_nan("y")))["serving_default-1"]
    assert (finding.passed, finding.severity) == (False, "warning")
    assert finding.seen == "not recorded: y holds NaN, which equals nothing"
    assert _tensor_cases(tmp_path) == []

    def change(outputs: Any) -> Any:
        return replace_with_nan("weighted")(outputs) if "weighted" in outputs else outputs

    found = _seen(update("multi", grpc_change=altering(change)))
    assert found["serving_default-1"].endswith("; left out: weighted holds NaN, which equals nothing")
    assert "weighted" not in read_goldens(tmp_path)[0].outputs


def test_outputs_that_differ_from_answer_to_answer_are_left_out(update: Callable[..., Any], tmp_path: Path) -> None:
    """What a model draws at random is no expectation; the other outputs of the same answer are."""
    numbers = count()

    def change(outputs: Any) -> Any:
        return nudge("weighted", next(numbers))(outputs) if "weighted" in outputs else outputs

    found = _seen(update("multi", grpc_change=altering(change)))
    assert found["serving_default-1"].endswith("; left out: weighted differs from answer to answer")
    assert {"kept", "tagged"} <= read_goldens(tmp_path)[0].outputs.keys()
    assert "weighted" not in read_goldens(tmp_path)[0].outputs


def test_a_model_that_rounds_badly_is_recorded_with_more_tolerance(make: Any, tmp_path: Path) -> None:
    """Where inputs one rounding apart move an answer further than usual, the file allows it."""
    for name, factor, atol in (("good", 1, 1e-6), ("bad", 1e6, 4.0)):
        client = make.client("grpc", {}, lambda inputs, _, by=factor: {"y": (inputs["x"] - 1) * np.float32(by) + 1})
        request = Request(inputs={"x": np.ones(20, np.float32)}, name=name, source="my code")
        options = CheckOptions(goldens=tmp_path / name, update_goldens=True)
        check(Subject(model="m", signatures={}, grpc=client, requests=(request,), options=options))
        (golden,) = read_goldens(tmp_path / name)
        assert golden.tolerances["float32"].atol == pytest.approx(atol)
        assert golden.tolerances["float32"].rtol == TOLERANCES["float32"].rtol


def test_what_cannot_be_recorded_is_an_error(update: Callable[..., Any], tmp_path: Path) -> None:
    """A request that the server refuses, or whose name is taken, fails the run and leaves the files as they are."""
    write_golden(Golden(name="ones", request=Request(inputs=_X), outputs={}), tmp_path)
    unfit = Request(inputs={"nope": np.ones(1, np.float32)}, source="my code", name="unfit")
    found = update(requests=[unfit, Request(inputs={"x": np.ones(3, np.float32)}, name="ones", source="my code")])
    failed = {name: finding.seen for name, finding in found.items() if finding.fails}
    assert failed["unfit"].startswith("not recorded: ")
    assert "nope" in failed["unfit"]
    assert _tensor_cases(tmp_path) == ["ones.json"]
    assert next(one for one in read_goldens(tmp_path) if one.name == "ones").request.inputs["x"].tolist() == [1, 1]


def test_signatures_without_requests_are_told(opened: Callable[..., Subject], tmp_path: Path) -> None:
    """What could not be exercised could not be recorded either, and is a warning."""
    subject = opened("half_plus_two", CheckOptions(goldens=tmp_path, update_goldens=True))
    found = check(replace(subject, unexercised={"regress_x_to_y": "no examples"}))
    told = [(one.severity, one.seen) for one in found if one.subject == "regress_x_to_y"]
    assert told == [("warning", "not recorded: no examples")]
