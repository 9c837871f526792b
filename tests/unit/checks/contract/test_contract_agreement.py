"""What is served against the contract file: each class of change, and other models' contracts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.contract import check
from harness.checks.contract.contract_file import contract_text, write_contract
from harness.checks.subject import CheckOptions, Subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.findings import Finding
    from harness.signatures import Signature

LABEL = "contracts/m.json"


def _edited(text: str, path: str, value: Any) -> str:
    """Return a contract's text with something put at a path of keys; None takes it away."""
    document = json.loads(text)
    *parents, last = path.split("/")
    place = document["signatures"]
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document)


FLOAT = {"dtype": "float32", "shape": [None, 2]}
# What was agreed beforehand, as an edit of what is served now (inputs a, b, c; outputs y, z, zz), and what is found.
BREAKING = {
    "input added without default": (
        ("serving_default/inputs/b", None),
        "serving_default input b",
        "absent -> float32 [?, 2] (requests without it are refused)",
    ),
    "output removed": (
        ("serving_default/outputs/more", {"dtype": "int64", "shape": []}),
        "serving_default output more",
        "int64 [] -> absent (callers that read it find nothing)",
    ),
    "input removed": (
        ("serving_default/inputs/more", {"dtype": "int64", "shape": []}),
        "serving_default input more",
        "int64 [] -> absent (requests that hold it are refused)",
    ),
    "input dtype": (
        ("serving_default/inputs/a/dtype", "int32"),
        "serving_default input a",
        "int32 -> float32 (the server casts nothing: the dtype must match exactly)",
    ),
    "output dtype": (
        ("serving_default/outputs/y/dtype", "bfloat16"),
        "serving_default output y",
        "bfloat16 -> float32 (the server casts nothing: the dtype must match exactly)",
    ),
    "input dimension narrowed": (
        ("serving_default/inputs/a/shape", [None, None]),
        "serving_default input a",
        "[?, ?] -> [?, 2] (requests of the former shape may fail)",
    ),
    "input rank narrowed": (
        ("serving_default/inputs/a/shape", []),
        "serving_default input a",
        "[] -> [?, 2] (requests of the former shape may fail)",
    ),
    "output dimension widened": (
        ("serving_default/outputs/y/shape", [4, 2]),
        "serving_default output y",
        "[4, 2] -> [?, 2] (callers may meet a shape they do not expect)",
    ),
    "default gone": (
        ("serving_default/inputs/a/has_default", True),
        "serving_default input a",
        "has a default -> no default (requests that leave it out are refused)",
    ),
    "method name": (
        ("serving_default/method_name", "tensorflow/serving/regress"),
        "serving_default method name",
        (
            "tensorflow/serving/regress -> tensorflow/serving/predict"
            " (Classify, Regress and MultiInference depend on the method name)"
        ),
    ),
    "signature removed": (
        ("more", {"method_name": "x", "inputs": {"a": FLOAT}, "outputs": {"y": FLOAT}}),
        "signature more",
        "present -> absent (calls of it are refused)",
    ),
}
COMPATIBLE = {
    "output added": (
        ("serving_default/outputs/zz", None),
        "serving_default output zz: absent -> int8 [?, 2] (callers that do not know it ignore it)",
    ),
    "input widened": (
        ("serving_default/inputs/a/shape", [7, 2]),
        "serving_default input a: [7, 2] -> [?, 2] (every former shape is still taken)",
    ),
    "output narrowed": (
        ("serving_default/outputs/y/shape", [None, None]),
        "serving_default output y: [?, ?] -> [?, 2] (callers already expect such shapes)",
    ),
    "signature added": (("other", None), "signature other: absent -> present (nobody calls it yet)"),
}


@pytest.mark.parametrize(("edit", "where", "seen"), BREAKING.values(), ids=BREAKING.keys())
def test_a_breaking_change_is_an_error(
    findings_of: Callable[..., list[Finding]],
    served: dict[str, Signature],
    path: Path,
    edit: tuple[str, Any],
    where: str,
    seen: str,
) -> None:
    """Each is one failed finding that says what was agreed, what is served, the consequence and how to see it again."""
    path.parent.mkdir()
    path.write_text(_edited(contract_text(served), *edit))
    findings = findings_of(served)
    failed = [finding for finding in findings if finding.fails]
    assert [(one.subject, one.seen) for one in failed] == [(f"{LABEL} -> served: {where}", seen)]
    assert failed[0].reproduce
    assert "--update-contract" in failed[0].expected


@pytest.mark.parametrize(("edit", "seen"), COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_a_compatible_change_is_a_warning(
    findings_of: Callable[..., list[Finding]],
    served: dict[str, Signature],
    path: Path,
    edit: tuple[str, Any],
    seen: str,
) -> None:
    """It fails nothing, and says how to accept it on either command line."""
    path.parent.mkdir()
    path.write_text(_edited(contract_text(served), *edit))
    (finding,) = findings_of(served)
    assert (finding.passed, finding.severity, finding.fails) == (False, "warning", False)
    assert seen in finding.seen
    assert "accept it with pytest's --update-contracts or tfserving-harness check --update-contract" in finding.seen


def test_nothing_changed_is_one_line(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature], path: Path
) -> None:
    """The agreed signatures on every source are one passed finding."""
    write_contract(served, path)
    (finding,) = findings_of(served, on_disk=served)
    assert (finding.passed, finding.subject, finding.seen) == (
        True,
        f"{LABEL} -> served",
        "as agreed (other, serving_default)",
    )


def test_a_renamed_output_is_recognised(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature], path: Path
) -> None:
    """One output gone and one like it there: the error about the old name asks whether it is the new one."""
    before = {"dtype": "int8", "shape": [None, 2]}
    path.parent.mkdir()
    agreed = _edited(contract_text(served), "serving_default/outputs/scores", before)
    path.write_text(_edited(agreed, "serving_default/outputs/zz", None))
    breach, warning = findings_of(served)
    assert breach.subject == f"{LABEL} -> served: serving_default output scores"
    assert breach.seen == "int8 [?, 2] -> absent (callers that read it find nothing; renamed to zz?)"
    assert "renamed from scores?" in warning.seen


def test_the_contract_of_another_model_is_recognised(
    findings_of: Callable[..., list[Finding]], make: Any, path: Path
) -> None:
    """Where nothing that was agreed is served, one error asks whether the file is another model's."""
    write_contract(
        {"serving_default": make.signature([make.spec("image")], [make.spec("boxes"), make.spec("n")])}, path
    )
    (finding,) = findings_of({"serving_default": make.signature()})
    assert finding.fails
    assert finding.seen.startswith("nothing that was agreed is there; is it another model's contract? ")
    assert "serving_default output boxes: float32 [?, 2] -> absent" in finding.seen


def test_sources_that_differ_are_each_held_against_the_contract(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature], path: Path
) -> None:
    """So it shows which of them keeps the agreement: those that agree with each other are judged once."""
    write_contract(served, path)
    other = {**served, "other": replace(served["other"], method_name="mine")}
    findings = findings_of(served, rest=other, on_disk=served)
    assert [(finding.subject, finding.fails) for finding in findings] == [
        (f"{LABEL} -> SavedModel on disk, gRPC metadata", False),
        (f"{LABEL} -> REST metadata: other method name", True),
    ]


def test_no_contract_file_informs_how_to_write_one(
    findings_of: Callable[..., list[Finding]], served: dict[str, Signature]
) -> None:
    """A model without a contract is no failure, and the way to one is said."""
    (finding,) = findings_of(served)
    assert (finding.passed, finding.severity) == (True, "info")
    assert "there is no contract file; write contracts/m.json with pytest's --update-contracts or tfs" in finding.seen


def test_a_served_model_is_held_against_the_contract(opened: Callable[..., Subject], tmp_path: Path) -> None:
    """From the live server's metadata: its own contract passes, and one with another dtype fails."""
    path = tmp_path / "multi.json"
    sound = opened("multi", CheckOptions(contract=path, update_contract=True))
    assert not [finding for finding in check(sound) if finding.fails]
    assert all(finding.passed for finding in check(opened("multi", CheckOptions(contract=path))))
    path.write_text(path.read_text().replace('"float64", "shape": [null, 2]', '"float32", "shape": [null, 2]'))
    (failed,) = [finding for finding in check(opened("multi", CheckOptions(contract=path))) if finding.fails]
    assert failed.subject.endswith("multi.json -> served: statistics output range")
