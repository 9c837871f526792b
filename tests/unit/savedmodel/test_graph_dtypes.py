"""The float types behind an output, in real graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import exported
from harness.errors import LayoutError
from harness.savedmodel import preflight
from harness.savedmodel.graph_dtypes import graph_dtypes

if TYPE_CHECKING:
    from pathlib import Path


def _of_signature(base_path: Path, name: str) -> frozenset[str]:
    version = preflight(base_path).latest
    return graph_dtypes(version.path, [spec.tensor_name for spec in version.signatures[name].outputs])


@pytest.mark.parametrize(
    ("signature", "dtypes"),
    [("serving_default", {"float32"}), ("statistics", {"float64"})],
)
def test_each_signature_has_its_own_types(signature: str, dtypes: set[str]) -> None:
    """Only what is on the way to the outputs counts, through the functions that a TF2 export calls."""
    assert _of_signature(exported("multi"), signature) == dtypes


@pytest.mark.parametrize(
    ("signature", "dtypes"),
    [
        ("int64", set()),
        ("to_bfloat16", {"float32", "bfloat16"}),
        ("complex64", {"complex64"}),
        ("to_string", {"float32"}),
    ],
)
def test_graphs_without_functions(corpus_models: Path, signature: str, dtypes: set[str]) -> None:
    """A TF1 graph names the types at its own nodes."""
    assert _of_signature(corpus_models / "dtypes", signature) == dtypes


def test_tensors_that_are_not_there_are_passed_over(corpus_models: Path) -> None:
    """A name that the graph does not have adds nothing."""
    assert graph_dtypes(corpus_models / "dtypes" / "1", ["no_such_tensor:0"]) == frozenset()


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    """A directory without saved_model.pb is refused with its reason."""
    with pytest.raises(LayoutError, match=r"holds no saved_model\.pb"):
        graph_dtypes(tmp_path, [])
