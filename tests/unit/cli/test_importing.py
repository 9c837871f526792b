"""MODULE[:CALLABLE] of the working directory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from harness.cli.importing import find_callable
from harness.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path

_MODULES = {
    "mine_good": "def make():\n    return 'made'\nother = make\nnumber = 3\n",
    "mine_broken": "1 / 0\n",
    "mine_lacking": "import mine_no_such_library\n",
    "mine_short": "import mine_s\n",
}
_REFUSED = {
    "mine_good:number": "mine_good has no callable 'number': one that takes nothing",
    "mine_good:nope": "mine_good has no callable 'nope': one that takes nothing",
    "mine_lacking": "importing 'mine_lacking' failed: No module named 'mine_no_such_library'",
    "mine_short": "importing 'mine_short' failed: No module named 'mine_s'",
    "mine_broken": "importing 'mine_broken' raised ZeroDivisionError: division by zero",
    "mine_good.part": "no module 'mine_good.part' can be imported from ",
    "mine_nowhere": "no module 'mine_nowhere' can be imported from ",
    "./mine_good": "is no importable module; write e.g. models.digits or models.digits:make",
    ":make": "is no importable module",
    ".mine_good": "is no importable module",
}


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, code in _MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", ["mine_good", "mine_good:make", "mine_good:other"])
def test_a_callable_is_found_from_the_working_directory(text: str) -> None:
    """Named or by default it is found, and the search path is as before."""
    before = list(sys.path)
    assert find_callable(text, default="make", wanted="")() == "made"
    assert sys.path == before


@pytest.mark.parametrize(("text", "error"), _REFUSED.items(), ids=_REFUSED.keys())
def test_what_is_none_is_refused(text: str, error: str) -> None:
    """The error tells a module that is missing from one that lacks something, raises, or has no such callable."""
    with pytest.raises(HarnessError, match=error):
        find_callable(text, default="make", wanted="one that takes nothing")
