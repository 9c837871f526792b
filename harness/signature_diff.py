"""What changed between two signatures of a model, and whether it breaks callers.

The judge is a caller written against the first signature and pointed at the second, over gRPC or REST.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypeVar

from harness.signatures import shape_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.signatures import Signature, TensorSpec

__all__ = ["Change", "diff"]

_T = TypeVar("_T")
_MOST_CANDIDATES = 3


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        subject: what changed, e.g. ``serving_default input image``.
        before: how it was, e.g. ``float32 [?, 8]``; empty if it did not exist.
        after: how it is now; empty if it is gone.
        breaking: whether a caller written against the first can fail, or misread, on the second.
        why: the consequence in a sentence.
    """

    subject: str
    before: str
    after: str
    breaking: bool
    why: str

    def __str__(self) -> str:
        """Return one line for people."""
        kind = "breaking" if self.breaking else "compatible"
        return f"{kind}: {self.subject}: {self.step} ({self.why})"

    @property
    def step(self) -> str:
        """How it was and how it is, e.g. ``float32 [?, 8] -> absent``."""
        return f"{self.before or 'absent'} -> {self.after or 'absent'}"


def diff(before: Mapping[str, Signature], after: Mapping[str, Signature]) -> list[Change]:
    """Return every difference that callers can notice, breaking ones first.

    Names of graph tensors and signatures of TensorFlow's loader are no part of the agreement and are left out. What is
    gone while something new is just like it may have been renamed: both changes then say so.
    """
    olds, news = _callable(before), _callable(after)
    changes: list[Change] = []
    for name in sorted(olds.keys() | news.keys()):
        hint = _rename_hint(name, olds, news, lambda one: (one.method_name, one.inputs, one.outputs))
        changes += [_hinted(change, hint) for change in _signature_changes(name, olds.get(name), news.get(name))]
    return sorted(changes, key=lambda change: not change.breaking)


def _callable(signatures: Mapping[str, Signature]) -> dict[str, Signature]:
    return {name: signature for name, signature in signatures.items() if not signature.is_internal}


def _rename_hint(name: str, olds: Mapping[str, _T], news: Mapping[str, _T], nature: Callable[[_T], object]) -> str:
    """Return which new names something that is gone may have, or the reverse; empty if there is none just like it."""
    if name in olds and name in news:
        return ""
    word, one, those, others = ("to", olds[name], news, olds) if name in olds else ("from", news[name], olds, news)
    alike = [other for other, it in those.items() if other not in others and nature(it) == nature(one)]
    alike.sort(key=lambda other: SequenceMatcher(None, name, other).ratio(), reverse=True)
    return f"; renamed {word} {' or '.join(alike[:_MOST_CANDIDATES])}?" if alike else ""


def _hinted(change: Change, hint: str) -> Change:
    return replace(change, why=change.why + hint) if hint else change


def _signature_changes(name: str, old: Signature | None, new: Signature | None) -> Iterator[Change]:
    if new is None:
        yield _change(f"signature {name}", "present", "", True, "calls of it are refused")
        return
    if old is None:
        yield _change(f"signature {name}", "", "present", False, "nobody calls it yet")
        return
    if old.method_name != new.method_name:
        why = "Classify, Regress and MultiInference depend on the method name"
        yield _change(f"{name} method name", old.method_name, new.method_name, True, why)
    yield from _side_changes(f"{name} input", old.inputs, new.inputs, _input_change)
    yield from _side_changes(f"{name} output", old.outputs, new.outputs, _output_change)
    yield from _rest_layout_changes(name, old, new)


def _side_changes(
    side: str,
    old: tuple[TensorSpec, ...],
    new: tuple[TensorSpec, ...],
    judge: Callable[[str, TensorSpec | None, TensorSpec | None], Iterator[Change]],
) -> Iterator[Change]:
    olds, news = {spec.name: spec for spec in old}, {spec.name: spec for spec in new}
    for name in sorted(olds.keys() | news.keys()):
        hint = _rename_hint(name, olds, news, lambda spec: (spec.dtype, spec.shape))
        for change in judge(f"{side} {name}", olds.get(name), news.get(name)):
            yield _hinted(change, hint)


def _input_change(subject: str, old: TensorSpec | None, new: TensorSpec | None) -> Iterator[Change]:
    if old is None and new is not None:
        why = "gRPC requests without it use the default" if new.has_default else "requests without it are refused"
        yield _change(subject, "", _form(new), not new.has_default, why)
    elif new is None and old is not None:
        yield _change(subject, _form(old), "", True, "requests that hold it are refused")
    elif old is not None and new is not None:
        yield from _dtype_change(subject, old, new)
        if old.shape != new.shape:
            narrower = not _accepts(new.shape, old.shape)
            why = "requests of the former shape may fail" if narrower else "every former shape is still taken"
            yield _change(subject, shape_text(old.shape), shape_text(new.shape), narrower, why)
        if old.has_default != new.has_default:
            why = "requests may leave it out now" if new.has_default else "requests that leave it out are refused"
            yield _change(subject, _default(old), _default(new), old.has_default, why)


def _output_change(subject: str, old: TensorSpec | None, new: TensorSpec | None) -> Iterator[Change]:
    if old is None and new is not None:
        yield _change(subject, "", _form(new), False, "callers that do not know it ignore it")
    elif new is None and old is not None:
        yield _change(subject, _form(old), "", True, "callers that read it find nothing")
    elif old is not None and new is not None:
        yield from _dtype_change(subject, old, new)
        if old.shape != new.shape:
            wider = not _accepts(old.shape, new.shape)
            why = "callers may meet a shape they do not expect" if wider else "callers already expect such shapes"
            yield _change(subject, shape_text(old.shape), shape_text(new.shape), wider, why)


def _rest_layout_changes(name: str, old: Signature, new: Signature) -> Iterator[Change]:
    """REST drops the names when there is just one output, and demands every input's name when there are several.

    Behaviour items 147, 149, 152 and 155.
    """
    if len(old.outputs) == 1 < len(new.outputs):
        why = "REST answers with objects by output name, where it gave bare values"
        yield _change(f"{name} REST answer", "bare values", "objects", True, why)
    if len(new.outputs) == 1 < len(old.outputs):
        why = "REST answers with bare values, where it gave objects by output name"
        yield _change(f"{name} REST answer", "objects", "bare values", True, why)
    if len(old.inputs) == 1 < len(new.inputs):
        why = "REST demands objects by input name, where bare values would do; defaults are not used over REST"
        yield _change(f"{name} REST request", "bare values", "objects", True, why)
    elif old.inputs:
        known = {spec.name for spec in old.inputs}
        for spec in new.inputs:
            if spec.has_default and spec.name not in known:
                why = "REST does not use defaults: requests without it are refused"
                yield _change(f"{name} REST request", f"without {spec.name}", f"with {spec.name}", True, why)


def _dtype_change(subject: str, old: TensorSpec, new: TensorSpec) -> Iterator[Change]:
    if old.dtype != new.dtype:
        yield _change(subject, old.dtype, new.dtype, True, "the server casts nothing: the dtype must match exactly")


def _accepts(wide: tuple[int | None, ...] | None, narrow: tuple[int | None, ...] | None) -> bool:
    """Whether every shape that fits ``narrow`` also fits ``wide``."""
    if wide is None:
        return True
    if narrow is None or len(wide) != len(narrow):
        return False
    return all(w is None or w == n for w, n in zip(wide, narrow, strict=True))


def _form(spec: TensorSpec) -> str:
    return f"{spec.dtype} {shape_text(spec.shape)}"


def _default(spec: TensorSpec) -> str:
    return "has a default" if spec.has_default else "no default"


def _change(subject: str, before: str, after: str, breaking: bool, why: str) -> Change:  # noqa: FBT001 - a table's column
    return Change(subject=subject, before=before, after=after, breaking=breaking, why=why)
