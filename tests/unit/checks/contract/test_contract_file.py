"""The contract file: what is written comes back, diffs are small, and a damaged file is refused with its place."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.example_models import EXAMPLE_MODELS, exported
from harness.checks.contract.contract_file import contract_text, parse_contract, read_contract, write_contract
from harness.dtypes import DTYPES
from harness.errors import CheckError
from harness.savedmodel import preflight
from harness.signatures import Signature, TensorSpec

if TYPE_CHECKING:
    from pathlib import Path

_DIGITS = """{
  "format": 1,
  "signatures": {
    "serving_default": {
      "method_name": "tensorflow/serving/predict",
      "inputs": {
        "image": {"dtype": "float32", "shape": [null, 8, 8, 1]},
        "threshold": {"dtype": "float32", "shape": [], "has_default": true}
      },
      "outputs": {
        "scores": {"dtype": "float32", "shape": null}
      }
    }
  }
}
"""


def _digits() -> dict[str, Signature]:
    image = TensorSpec(name="image", dtype="float32", shape=(None, 8, 8, 1), tensor_name="serving_default_image:0")
    threshold = TensorSpec(name="threshold", dtype="float32", shape=(), has_default=True)
    scores = TensorSpec(name="scores", dtype="float32", shape=None)
    return {
        "serving_default": Signature(
            name="serving_default",
            method_name="tensorflow/serving/predict",
            inputs=(threshold, image),
            outputs=(scores,),
        ),
        "__saved_model_init_op": Signature(name="__saved_model_init_op", method_name="", inputs=(), outputs=()),
    }


def test_one_line_for_each_tensor_in_the_order_of_names() -> None:
    """The text is JSON with a line for each input and output, sorted; graph names and loader entries are left out."""
    assert contract_text(_digits()) == _DIGITS
    assert json.loads(_DIGITS)["format"] == 1


def test_a_change_of_shape_is_one_changed_line() -> None:
    """Two texts that differ in one dimension differ in one line."""
    changed = _DIGITS.replace("8, 8", "8, 9")
    other = contract_text(parse_contract(changed, source="x"))
    pairs = list(zip(_DIGITS.splitlines(), other.splitlines(), strict=True))
    assert len([1 for left, right in pairs if left != right]) == 1


_names = st.text(min_size=1).filter(lambda name: not any("\ud800" <= c <= "\udfff" for c in name))
_shapes = st.none() | st.lists(st.none() | st.integers(0, 2**63 - 1), max_size=4).map(tuple)


def _specs(*, may_have_default: bool) -> st.SearchStrategy[tuple[TensorSpec, ...]]:
    spec = st.builds(
        TensorSpec,
        name=_names,
        dtype=st.sampled_from([dtype.name for dtype in DTYPES]),
        shape=_shapes,
        has_default=st.booleans() if may_have_default else st.just(False),
    )
    return st.lists(spec, max_size=4, unique_by=lambda one: one.name).map(
        lambda specs: tuple(sorted(specs, key=lambda one: one.name))
    )


_signatures = st.lists(
    st.builds(
        Signature,
        name=_names.filter(lambda name: not name.startswith("__saved_model")),
        method_name=st.text().filter(str.isprintable),
        inputs=_specs(may_have_default=True),
        outputs=_specs(may_have_default=False),
    ),
    max_size=3,
    unique_by=lambda one: one.name,
).map(lambda ones: {one.name: one for one in sorted(ones, key=lambda one: one.name)})


@settings(max_examples=40)
@given(signatures=_signatures)
def test_any_signatures_come_back(signatures: dict[str, Signature]) -> None:
    """Names, dtypes, shapes and defaults of any kind survive the text, and so does their order."""
    found = parse_contract(contract_text(signatures), source="x")
    assert found == signatures
    assert list(found) == list(signatures)


def _with(path: str, value: Any) -> str:
    """Return the text with something put at a path of keys."""
    document = json.loads(_DIGITS)
    *parents, last = path.split("/")
    place = document
    for key in parents:
        place = place[key]
    place[last] = value
    return json.dumps(document)


_IMAGE = "signatures/serving_default/inputs/image"
DAMAGED = {
    "empty": ("", "it is not JSON: "),
    "cut": (_DIGITS[:100], "it is not JSON: "),
    "merge conflict": (_DIGITS.replace("{\n", "{\n<<<<<<< HEAD\n", 1), "it is not JSON: .*line 2"),
    "a list": ("[]", "the document should be an object, not []"),
    "no format": (_DIGITS.replace("format", "version"), "the document lacks 'format'"),
    "further key": (_with("more", 1), "the document holds 'more', which means nothing there"),
    "signature is a text": (_with("signatures/serving_default", "x"), 'serving_default should be an object, not "x"'),
    "no outputs": (_with("signatures/serving_default", {"inputs": {}}), "serving_default lacks 'method_name'"),
    "method name": (_with("signatures/serving_default/method_name", None), "method_name should be a text"),
    "unknown dtype": (_with(_IMAGE + "/dtype", "float31"), "'float31' is not a TensorFlow dtype"),
    "dtype is a number": (_with(_IMAGE + "/dtype", 1), "input image: dtype should be a text"),
    "negative size": (_with(_IMAGE + "/shape", [-1, 8]), "input image: [-1, 8] is no shape"),
    "size is true": (_with(_IMAGE + "/shape", [True]), "input image: [true] is no shape"),
    "shape is a number": (_with(_IMAGE + "/shape", 8), "input image: 8 is no shape"),
    "misspelt default": (_with(_IMAGE + "/has_defaults", True), "input image holds 'has_defaults', which means"),
    "default is 1": (_with(_IMAGE + "/has_default", 1), "input image: has_default should be true or false"),
    "default of an output": (
        _with("signatures/serving_default/outputs/scores/has_default", True),
        "output scores holds 'has_default', which means nothing there",
    ),
    "a name twice": (_DIGITS.replace("threshold", "image"), "'image' is written twice in one object"),
    "nested too deep": ("[" * 100_000, ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "what"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_refused_with_its_place_and_the_remedy(tmp_path: Path, text: str, what: str) -> None:
    """Anything that is no contract is an error that says where, what and what to do; nothing is guessed."""
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(
        CheckError, match=r"m\.json is not a contract: .*; restore the file, or remove it and"
    ) as caught:
        read_contract(path)
    if ".*" in what:
        assert "line 2" in str(caught.value)
    else:
        assert what in str(caught.value)


def test_another_format_asks_for_another_harness(tmp_path: Path) -> None:
    """A file of a later format is not damaged: it names its format and whom to read it with."""
    path = tmp_path / "m.json"
    path.write_text(_DIGITS.replace('"format": 1', '"format": 2'))
    with pytest.raises(CheckError, match="has format 2; this harness reads format 1: use the version of tfserving-har"):
        read_contract(path)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """No file, a folder, and bytes that are no text are told apart."""
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    for name, why in (("none.json", "No such file"), (".", "Is a directory"), ("bytes.json", "it is not UTF-8 text")):
        with pytest.raises(CheckError, match=why):
            read_contract(tmp_path / name)


def test_writing_makes_folders_and_replaces_the_file_whole(tmp_path: Path) -> None:
    """The file appears in a folder that was not there, alone; a second one replaces it."""
    path = tmp_path / "contracts" / "m.json"
    write_contract({}, path)
    assert write_contract(_digits(), path) == path
    assert path.read_text() == _DIGITS
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_takes_no_files_is_said(tmp_path: Path) -> None:
    """Where no file can be written, the error names the path and the remedy."""
    (tmp_path / "contracts").write_text("a file, no folder")
    with pytest.raises(CheckError, match=r"the contract was not written: cannot write '.*m\.json': .*; choose a path"):
        write_contract(_digits(), tmp_path / "contracts" / "m.json")


def test_a_read_only_file_keeps_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without write permission is not replaced behind its owner's back; root is refused by the mode as well."""
    path = tmp_path / "m.json"
    path.write_text("keep me")
    path.chmod(0o400)
    usual = os.access
    monkeypatch.setattr("os.access", lambda where, mode: not mode & os.W_OK and usual(where, mode))
    with pytest.raises(CheckError, match="the file is read-only"):
        write_contract(_digits(), path)
    assert path.read_text() == "keep me"


@pytest.mark.parametrize("model", EXAMPLE_MODELS)
def test_every_example_model_has_its_contract_as_it_is_written(pytestconfig: pytest.Config, model: str) -> None:
    """The committed files are those that the check would write for the example models as they are exported now."""
    signatures = preflight(exported(model)).latest.signatures
    committed = pytestconfig.rootpath / "contracts" / f"{model}.json"
    assert committed.read_text(encoding="utf-8") == contract_text(signatures)
