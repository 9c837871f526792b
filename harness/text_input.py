"""TextInput: what the strings of a model's input should be, where its signature says no more than ``string``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Content", "Feature", "TextInput"]

Content = Literal["bmp", "example", "gif", "jpeg", "number", "png", "raw", "wav", "words"]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature of a model's tf.Examples.

    Attributes:
        name: its key.
        dtype: ``float32``, ``int64`` or ``string``: a tf.Example holds no other.
        shape: of one example's values, None for an open size; None for any number of values (sparse and ragged ones).
        content: what its strings should be.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    content: Content = "words"


@dataclass(frozen=True, kw_only=True)
class TextInput:
    """What a string input should hold.

    Attributes:
        content: what each string should be.
        features: of the tf.Examples, where it should hold such, sorted by name; empty otherwise.
        is_base64: whether the model decodes web-safe base64 first.
    """

    content: Content = "words"
    features: tuple[Feature, ...] = ()
    is_base64: bool = False
