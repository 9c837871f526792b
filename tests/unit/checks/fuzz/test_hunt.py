"""The hunt for faults: smallest examples, by the seed alone."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import configuration
from hypothesis import strategies as st

from harness.checks.fuzz.faults import Fault
from harness.checks.fuzz.hunt import hunt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.checks.fuzz.hunt import Hunt

_LISTS = st.lists(st.integers(0, 1000), max_size=6).map(tuple)


def _hunt(judge: Callable[[Any], Any], **options: Any) -> Hunt[Any]:
    chosen = {"key": lambda one: one, "seed": "0", "examples": 100, "limit_s": 60.0, **options}
    return hunt(chosen.pop("strategy", _LISTS), judge, **chosen)


def _fault(kind: str) -> tuple[Fault, ...]:
    return (Fault(kind=kind, text=f"it is {kind}"),)


def test_nothing_wrong_is_no_catch() -> None:
    """Where every example is well, the hunt ends with how many were asked."""
    found = _hunt(lambda _: ())
    assert found.catches == ()
    assert 50 < found.asked <= 100
    assert not found.was_cut_short


def test_the_smallest_example_is_brought() -> None:
    """Of all lists with a number over 500, the one with just 501 is left."""
    (catch,) = _hunt(lambda numbers: _fault("big") if any(n > 500 for n in numbers) else ()).catches
    assert catch.example == (501,)
    assert catch.fault.text == "it is big"


def test_each_kind_of_fault_is_caught() -> None:
    """Faults of several kinds bring an example each, and shrinking does not slip from one to another."""

    def judge(numbers: tuple[int, ...]) -> tuple[Fault, ...]:
        return _fault("long") if len(numbers) > 3 else _fault("big") if sum(numbers) > 300 else ()

    assert {catch.fault.kind: catch.example for catch in _hunt(judge).catches} == {"long": (0,) * 4, "big": (301,)}


def test_an_example_may_have_several_faults() -> None:
    """A kind that stands behind another one is found too."""

    def judge(numbers: tuple[int, ...]) -> tuple[Fault, ...]:
        return (*(_fault("long") if len(numbers) > 1 else ()), *(_fault("odd") if sum(numbers) % 2 else ()))

    assert sorted(catch.fault.kind for catch in _hunt(judge).catches) == ["long", "odd"]


def test_no_more_kinds_than_asked_for() -> None:
    """A hunt for one kind brings one."""
    assert len(_hunt(lambda numbers: _fault(str(len(numbers))), most=1).catches) == 1


def test_no_example_is_asked_twice() -> None:
    """What an answer was judged once counts, though it would be judged otherwise now."""
    asked: list[Any] = []
    found = _hunt(lambda numbers: asked.append(numbers) or (_fault("big") if sum(numbers) > 9 else ()))
    assert len(asked) == len(set(asked)) == found.asked


def _asked(seed: str) -> list[Any]:
    asked: list[Any] = []
    _hunt(lambda numbers: asked.append(numbers) or (), seed=seed)
    return asked


def _load_modules(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    """Load modules of the user's with constants: by itself hypothesis draws those, and keeps them in its folder."""
    for name in names:
        source = folder / f"{name}.py"
        source.write_text(f"NUMBERS_OF_{name.upper()} = {list(range(1, 1000, 7))}")
        module = types.ModuleType(name)
        module.__file__ = str(source)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("constants_of_modules")
def test_the_same_seed_draws_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The seed decides alone, whatever modules are loaded."""
    before = _asked("7")
    _load_modules(monkeypatch, tmp_path, "constants_of_mine")
    assert _asked("7") == before
    assert _asked("8") != before


@pytest.mark.usefixtures("constants_of_modules")
def test_no_files_are_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hunt writes nothing into hypothesis's folder."""
    home = tmp_path / "home"
    monkeypatch.setattr(configuration, "__hypothesis_home_directory", home)
    _load_modules(monkeypatch, tmp_path, "more_of_mine", "and_more_of_mine")  # two: hypothesis counts the modules
    _hunt(lambda numbers: _fault("big") if sum(numbers) > 9 else ())
    assert not home.exists()


def test_the_time_ends_a_hunt() -> None:
    """When the time is up, at least one example was asked, and it is said that others were not."""
    found = _hunt(lambda _: (), limit_s=0.0)
    assert (found.asked, found.was_cut_short, found.catches) == (1, True, ())


def test_what_was_caught_when_the_time_ends_is_brought() -> None:
    """A fault in the very first example is brought, time or not."""
    (catch,) = _hunt(lambda _: _fault("any"), limit_s=0.0, most=1).catches
    assert catch.fault.kind == "any"


def test_a_mishap_of_the_judge_is_no_fault() -> None:
    """An exception of the judge ends the hunt as itself."""

    def judge(_: Any) -> tuple[Fault, ...]:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        _hunt(judge)
