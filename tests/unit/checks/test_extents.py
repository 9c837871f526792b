"""Which sizes made-up values are tried in."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.extents import MOST_TRIES, Extent, Freedom
from harness.signatures import TensorSpec
from harness.text_input import Feature, TextInput


def _spec(dtype: str = "float32", shape: Any = (None,), name: str = "x") -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def _freedom(*specs: TensorSpec, texts: tuple[TextInput, ...] = (), takes_examples: bool = False) -> Freedom:
    return Freedom.of(specs, texts, takes_examples=takes_examples)


def _sizes(freedom: Freedom) -> list[tuple[int, int]]:
    return [(extent.rows, extent.open_size) for extent in freedom.extents()]


def test_what_is_fixed_is_tried_once() -> None:
    """Floats of a given shape leave nothing to choose, and nothing to say."""
    freedom = _freedom(_spec(shape=(2, 3)), _spec(shape=()))
    assert freedom.extents() == [Extent()]
    assert freedom.text(Extent()) == ""


def test_an_open_batch_is_tried_in_other_numbers() -> None:
    """A first dimension may be no batch at all, so larger ones follow."""
    assert _sizes(_freedom(_spec())) == [(rows, 1) for rows in (2, 1, 8, 32, 128, 1024, 16_000)]


def test_rows_of_texts_are_not_tried_by_the_thousand() -> None:
    """A batch of strings is a batch: two rows and one are enough."""
    assert _sizes(_freedom(_spec("string"))) == [(2, 1), (1, 1)]
    assert _sizes(_freedom(_spec("string", name="inputs"), takes_examples=True)) == [(2, 1), (1, 1)]


def test_open_sizes_are_tried_up_to_a_second_of_sound() -> None:
    """Two rows first, one row where a large input is asked for, never more tries than allowed."""
    sizes = _sizes(_freedom(_spec("int32", shape=(None, None))))
    assert sizes[:3] == [(2, 1), (1, 1), (2, 1)]
    assert sizes[3:] == [*((2, size) for size in (2, 8, 32, 128, 224, 1024, 16_000)), (1, 224), (1, 16_000)]
    assert len(sizes) == MOST_TRIES


def test_pictures_are_not_tried_in_enormous_sizes() -> None:
    """What would hold too many values is left out, the first try included."""
    assert max(size for _, size in _sizes(_freedom(_spec(shape=(None, None, None, 3))))) == 224
    assert _sizes(_freedom(_spec(shape=(None, 512, 512, 3)))) == [(1, 1)]


def test_an_unknown_rank_gets_one_dimension_and_then_two() -> None:
    """Without a size there is a vector, with one a matrix."""
    spec = _spec(shape=None)
    assert Extent().shape_of(spec) == (2,)
    assert Extent(open_size=8).shape_of(spec) == (2, 8)
    assert (2, 8) in _sizes(_freedom(spec))


@pytest.mark.parametrize(
    "freedom",
    [
        _freedom(_spec("uint8")),
        _freedom(
            _spec("string"),
            texts=(TextInput(content="example", features=(Feature(name="i", dtype="int64", shape=()),)),),
        ),
    ],
)
def test_integers_are_tried_small(freedom: Freedom) -> None:
    """0 and 1 are in every table that is looked up, whether they come as tensors or as features."""
    assert Extent(top=2) in freedom.extents()
    assert freedom.text(Extent(top=2)) == "2 rows, integers below 2"


@pytest.mark.parametrize(
    "feature",
    [
        Feature(name="f", dtype="float32", shape=None),
        Feature(name="f", dtype="int64", shape=(None, 2)),
        Feature(name="f", dtype="string", shape=(), content="raw"),
    ],
)
def test_features_of_open_length_are_tried_in_sizes(feature: Feature) -> None:
    """Sparse and ragged features, sequences and raw bytes have sizes to choose."""
    freedom = _freedom(_spec("string"), texts=(TextInput(content="example", features=(feature,)),), takes_examples=True)
    assert (2, 32) in _sizes(freedom)
    assert freedom.text(Extent(open_size=32)) == "2 rows, open dimensions of 32"


def test_one_row_is_said_in_the_singular() -> None:
    """What is said reads as a sentence."""
    assert _freedom(_spec()).text(Extent(rows=1)) == "1 row"
