"""docs/reference.md names every option, fixture, marker, hook, command and variable that exists, and no other."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import pytest

from harness.cli.main import COMMANDS, make_parser
from harness.pytest_plugin import fixtures, hookspecs
from harness.savedmodel.cache import CACHE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def rows(pytestconfig: pytest.Config) -> Callable[[str], list[list[str]]]:
    """A function that returns the cells of a section's table, without its head."""
    text = (pytestconfig.rootpath / "docs" / "reference.md").read_text()
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}

    def read(title: str) -> list[list[str]]:
        lines = [line for line in sections[title].splitlines() if line.startswith("|")][2:]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]

    return read


def _names(rows: list[list[str]]) -> list[str]:
    """Return the first word of each row's first cell."""
    return [re.split(r"[ (\[]", row[0].strip("`"))[0] for row in rows]


def test_pytest_options(rows: Callable[[str], list[list[str]]], pytestconfig: pytest.Config) -> None:
    """Every option of the plugin's group is in the table, and the other way round."""
    group = pytestconfig._parser.getgroup("tfserving-harness")
    assert sorted(_names(rows("pytest: options"))) == sorted(name for one in group.options for name in one.names())


def test_marker_arguments(rows: Callable[[str], list[list[str]]], pytestconfig: pytest.Config) -> None:
    """Each argument that the marker's own description names has a row."""
    (description,) = [line for line in pytestconfig.getini("markers") if line.startswith("serving(")]
    documented = [re.findall(r"serving\((\w+)=", row[0])[0] for row in rows("pytest: marker")]
    assert documented == re.findall(r"(\w+)=\[?[A-Z]", description.partition(":")[0])


def test_fixtures(rows: Callable[[str], list[list[str]]]) -> None:
    """Every fixture of the plugin is in the table with its scope."""
    documented = {
        name: row[1] for name, row in zip(_names(rows("pytest: fixtures")), rows("pytest: fixtures"), strict=True)
    }
    assert documented == {name: getattr(fixtures, name)._fixture_function_marker.scope for name in fixtures.__all__}


def test_hooks(rows: Callable[[str], list[list[str]]]) -> None:
    """Every hook of the plugin is in the table."""
    assert _names(rows("pytest: hook")) == hookspecs.__all__


def test_commands(rows: Callable[[str], list[list[str]]]) -> None:
    """Every command is in the table."""
    assert _names(rows("tfserving-harness: commands")) == list(COMMANDS)


def _options_of_commands() -> Iterator[tuple[str, str]]:
    parser = make_parser(list(COMMANDS))
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for command, its_parser in [("none", parser), *commands.choices.items()]:
        for action in its_parser._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help") and (command, option) != ("serve", "--endpoint"):  # refused there
                    yield option, command


def test_command_line_options(rows: Callable[[str], list[list[str]]]) -> None:
    """Every option is in the table with exactly the commands that take it."""
    documented = {
        (name, command.strip(" `"))
        for name, row in zip(
            _names(rows("tfserving-harness: options")), rows("tfserving-harness: options"), strict=True
        )
        for command in row[1].split(",")
    }
    assert documented == set(_options_of_commands())


def test_environment_variables(rows: Callable[[str], list[list[str]]]) -> None:
    """The harness's own variable and those of others that it heeds are in the table."""
    assert _names(rows("Environment variables")) == [
        CACHE_VARIABLE,
        "XDG_CACHE_HOME",
        "GITHUB_STEP_SUMMARY",
        "DOCKER_HOST",
    ]


def test_exit_codes(rows: Callable[[str], list[list[str]]]) -> None:
    """The table has every code of pytest's and of the command line's own."""
    from harness.cli.gate import EXIT_CODES
    from harness.cli.main import COULD_NOT_RUN, INTERRUPTED

    codes = {int(row[0]): row for row in rows("Exit codes")}
    documented = {code for code, row in codes.items() if row[1]}
    assert documented == {code.value for code in pytest.ExitCode if code.value <= 5}  # 6 needs an option of pytest 9
    assert {code for code, row in codes.items() if row[2]} == {
        0,
        1,
        COULD_NOT_RUN,
        INTERRUPTED,
        *EXIT_CODES.values(),
    }
