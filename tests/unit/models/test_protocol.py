"""What every example model offers, and that its examples hold on what it exports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.protos import example_pb2
from harness.savedmodel import preflight

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]


def _serialized(rows: Any) -> list[bytes]:
    examples = []
    for row in rows:
        example = example_pb2.Example()
        for name, value in row.items():
            example.features.feature[name].float_list.value[:] = [value]
        examples.append(example.SerializeToString())
    return examples


def test_the_name_is_the_folders(model: Any) -> None:
    """A model is served under the name of its folder."""
    assert Path(model.__file__).parent.name == model.NAME


def test_export_takes_the_next_version_or_a_given_one(
    model: Any, tmp_path: Path, exported: Callable[[Any], Path]
) -> None:
    """The first export is version 1 and fit to be served; a number can be chosen."""
    assert [layout.version for layout in preflight(exported(model)).versions] == [1]
    base_path = model.export(tmp_path / model.NAME, version=12)
    assert base_path == tmp_path / model.NAME
    assert [layout.version for layout in preflight(base_path).versions] == [12]


def test_the_examples_hold(model: Any, run: Callable[..., dict[str, Any]]) -> None:
    """The exported model gives each example's answer, computed without TensorFlow, in name, dtype, shape and value."""
    assert model.examples()
    for example in model.examples():
        inputs = example.inputs if example.method == "predict" else {"inputs": _serialized(example.rows)}
        answer = run(model, example.signature, inputs)
        assert sorted(answer) == sorted(example.outputs), example.name
        for name, wanted in example.outputs.items():
            assert (answer[name].dtype, answer[name].shape) == (wanted.dtype, wanted.shape), (example.name, name)
            if wanted.dtype.kind == "f":
                np.testing.assert_allclose(answer[name], wanted, rtol=example.rtol, atol=example.atol)
            else:
                assert answer[name].tolist() == wanted.tolist(), (example.name, name)


def test_the_examples_cover_every_signature(model: Any, exported: Callable[[Any], Path]) -> None:
    """Each signature of the exported model has an example, for the API that the signature is for."""
    signatures = preflight(exported(model)).latest.signatures
    covered = {(example.signature, f"tensorflow/serving/{example.method}") for example in model.examples()}
    assert covered == {(name, signature.method_name) for name, signature in signatures.items()}


def test_examples_have_the_signatures_names_and_dtypes(model: Any, exported: Callable[[Any], Path]) -> None:
    """Inputs of predict examples are what the signature asks for."""
    signatures = preflight(exported(model)).latest.signatures
    for example in model.examples():
        if example.method == "predict":
            wanted = {spec.name: spec.dtype for spec in signatures[example.signature].inputs}
            given = {k: "string" if v.dtype == object else v.dtype.name for k, v in example.inputs.items()}
            assert given == wanted


def test_importing_a_model_imports_no_tensorflow(model: Any) -> None:
    """The module and its examples are had in a moment, without TensorFlow or Keras."""
    code = (
        f"import sys, models.{model.NAME} as model; model.examples();"
        "sys.exit(' '.join(name for name in ('tensorflow', 'keras') if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
