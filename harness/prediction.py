"""What a served model answers: Prediction, Classification, Regression, and the state of its versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Class", "Classification", "Prediction", "Regression", "VersionStatus"]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What every answer carries.

    Attributes:
        model: the servable's name.
        model_version: the version that answered. REST answers do not name it: there it is the version asked for, and
            None when the latest or a label was asked for.
        signature_name: the signature that was run.
    """

    model: str
    model_version: int | None
    signature_name: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction(_Answer):
    """Answer of Predict. Two are equal if all is, values exactly; ``assert_close`` compares within a tolerance.

    Attributes:
        outputs: array by output name; string tensors are object arrays of ``bytes``.
    """

    outputs: Mapping[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        """Return one output.

        Raises:
            KeyError: there is no such output.
        """
        return self.outputs[name]

    def __eq__(self, other: object) -> bool:
        """Compare all fields; arrays by dtype, shape and exact values (NaN equals nothing)."""
        if not isinstance(other, Prediction):
            return NotImplemented
        return (
            _origin(self) == _origin(other)
            and self.outputs.keys() == other.outputs.keys()
            and all(_same(array, other.outputs[name]) for name, array in self.outputs.items())
        )

    __hash__ = None  # type: ignore[assignment] # arrays have no hash


@dataclass(frozen=True)
class Class:
    """One class of one example: its label (empty if the model gives none) and its score (0 if it gives none)."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Classification(_Answer):
    """Answer of Classify.

    Attributes:
        classes: for each example its classes, in the model's order (not sorted).
    """

    classes: tuple[tuple[Class, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Regression(_Answer):
    """Answer of Regress. Two are equal if all is, values exactly.

    Attributes:
        values: float32 [N], one value for each example.
    """

    values: np.ndarray

    def __eq__(self, other: object) -> bool:
        """Compare all fields; values by dtype, shape and exactly."""
        if not isinstance(other, Regression):
            return NotImplemented
        return _origin(self) == _origin(other) and _same(self.values, other.values)

    __hash__ = None  # type: ignore[assignment] # arrays have no hash


def _origin(answer: _Answer) -> tuple[str, int | None, str]:
    return answer.model, answer.model_version, answer.signature_name


def _same(left: np.ndarray, right: np.ndarray) -> bool:
    return left.dtype == right.dtype and bool(np.array_equal(left, right))


@dataclass(frozen=True, kw_only=True)
class VersionStatus:
    """State of one version of a served model.

    Attributes:
        version: the version's number.
        state: START, LOADING, AVAILABLE, UNLOADING, END or UNKNOWN.
        error_code: canonical code of a failed load, else ``OK``.
        error_message: the text of a failed load, else empty.
    """

    version: int
    state: str
    error_code: str = "OK"
    error_message: str = ""

    @property
    def is_available(self) -> bool:
        """Whether requests for this version are answered."""
        return self.state == "AVAILABLE"

    @property
    def has_failed(self) -> bool:
        """Whether the load ended in an error; the server does not try again."""
        return self.state == "END" and self.error_code != "OK"

    def __str__(self) -> str:
        """Return e.g. ``version 3 AVAILABLE``."""
        text = f"version {self.version} {self.state}"
        return text if self.error_code == "OK" else f"{text} ({self.error_code}: {self.error_message})"
