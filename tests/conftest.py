"""What pytest-xdist's controller does for the tests: it collects none, and so reads no conftest.py further down."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

_PROPERTY = "conformance"  # as tests/conformance/conftest.py records it


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whether it gets all tests of a file, or only some."""
    node.workerinput["whole_files"] = node.config.option.dist == "loadfile"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many exchanges of each area were answered as recorded, where the corpus was played."""
    entries = [
        tuple(entry)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, recorded in report.user_properties
        if name == _PROPERTY
        for entry in recorded
    ]
    if entries:
        terminalreporter.section("conformance to the recorded traffic")
        terminalreporter.write_line(_table(entries))


def _table(entries: list[tuple[str, str, bool]]) -> str:
    folder = str(Path(__file__).parent / "conformance")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from replay import table
    from replay.player import Result

    return table.plain(Result(area, step, None if good else "differs") for area, step, good in entries)
