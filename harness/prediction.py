"""What a served model answers: Prediction, Classification, Regression, and the state of its versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

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


@dataclass(frozen=True, kw_only=True)
class Prediction(_Answer):
    """Answer of Predict.

    Attributes:
        outputs: array by output name; string tensors are object arrays of ``bytes``.
    """

    outputs: Mapping[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        """Return one output."""
        return self.outputs[name]


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


@dataclass(frozen=True, kw_only=True)
class Regression(_Answer):
    """Answer of Regress.

    Attributes:
        values: float32 [N], one value for each example.
    """

    values: np.ndarray


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
