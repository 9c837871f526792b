"""The options of the built-in checks, declared and then parsed once into one frozen CheckSettings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.option_values import refuse_idle_update, refuse_update_in_ci, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

__all__ = ["ALL", "CHECK_OPTIONS", "CheckSettings", "declare", "parse"]

ALL = "all"

# (option, destination, help); each may be given once on a command line.
CHECK_OPTIONS = (
    ("--serving-checks", "serving_checks", f"run the built-in checks too: {ALL}, or names with commas between"),
    ("--serving-contracts", "serving_contracts", "directory of agreed signatures, NAME.json (default: contracts)"),
    ("--serving-goldens", "serving_goldens", "directory of recorded cases, NAME/CASE.json (default: goldens)"),
    ("--serving-seed", "serving_seed", "of everything that checks make up (default: 0)"),
    ("--serving-fuzz-examples", "serving_fuzz_examples", "requests the check fuzz draws for a signature (default: 50)"),
)
# (option, destination, the check that does it, help); asked for alone, an update runs its check.
_UPDATES = (
    (
        "--update-contracts",
        "update_contracts",
        "contract",
        "write the served signatures as contracts instead of comparing with them",
    ),
    (
        "--update-goldens",
        "update_goldens",
        "goldens",
        "record the answers of the server as goldens instead of checking them",
    ),
)


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """What the command line said of the built-in checks.

    Attributes:
        names: the checks asked for with ``--serving-checks`` or by an update, empty for all; None if none were.
        contracts: directory of agreed signatures.
        goldens: directory of recorded cases, one folder for each model.
        examples: file of example requests by model name.
        seed: of everything that is made up.
        fuzz_examples: how many requests the check ``fuzz`` draws for each signature and API.
        update_contracts: whether to write contracts instead of comparing with them.
        update_goldens: whether to record goldens instead of checking them.
    """

    names: tuple[str, ...] | None = None
    contracts: Path = Path("contracts")
    goldens: Path = Path("goldens")
    examples: Mapping[str, Path] = field(default_factory=dict)
    seed: int = 0
    fuzz_examples: int = 50
    update_contracts: bool = False
    update_goldens: bool = False

    @property
    def writing(self) -> frozenset[str]:
        """The checks that write what they would otherwise compare with."""
        return frozenset(check for _, destination, check, _ in _UPDATES if getattr(self, destination))


def declare(group: pytest.OptionGroup) -> None:
    """Declare the options."""
    for option, destination, text in CHECK_OPTIONS:
        group.addoption(option, dest=destination, default=None, help=text)
    group.addoption(
        "--serving-examples",
        dest="serving_examples",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="ask the model NAME with the requests in this .npz or .json file; may be repeated",
    )
    for option, destination, _, text in _UPDATES:
        group.addoption(option, dest=destination, action="store_true", help=text)


def parse(options: pytest.Config) -> CheckSettings:
    """Return the parsed options.

    Raises:
        UsageError: a value that cannot be used, or an update in continuous integration.
    """
    get = options.getoption
    updates = {option: check for option, destination, check, _ in _UPDATES if get(destination)}
    refuse_update_in_ci(list(updates))
    seed, fuzz_examples = get("serving_seed"), get("serving_fuzz_examples")
    return CheckSettings(
        names=_with_updates(_names(get("serving_checks")), updates),
        contracts=_contracts(options),
        goldens=_directory(options, "serving_goldens", "goldens"),
        examples=_examples(get("serving_examples")),
        seed=0 if seed is None else whole_number(seed, "--serving-seed"),
        fuzz_examples=50 if fuzz_examples is None else whole_number(fuzz_examples, "--serving-fuzz-examples"),
        update_contracts=get("update_contracts"),
        update_goldens=get("update_goldens"),
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if names == (ALL,):
        return ()
    from harness.checks.catalogue import choose_checks

    return tuple(check.name for check in choose_checks(names, option="--serving-checks"))


def _with_updates(names: tuple[str, ...] | None, updates: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the checks to run, with those that do the updates asked for: no update is silently left undone.

    Raises:
        UsageError: the checks asked for leave one out that an update needs.
    """
    if names is None:
        return tuple(updates.values()) or None
    if names:
        refuse_idle_update(updates, names, option=f"--serving-checks {','.join(names)}")
    return names


def _contracts(options: pytest.Config) -> Path:
    """Return the directory of contracts; one that was named must be there, or nothing would be compared."""
    directory = _directory(options, "serving_contracts", "contracts")
    is_to_be_made = options.getoption("update_contracts") and not directory.exists()
    if options.getoption("serving_contracts") is not None and not (directory.is_dir() or is_to_be_made):
        raise UsageError(f"--serving-contracts {directory}: there is no such directory; --update-contracts makes it")
    return directory


def _directory(options: pytest.Config, destination: str, default: str) -> Path:
    given = options.getoption(destination)
    return options.rootpath / default if given is None else Path(given).expanduser().absolute()


def _examples(texts: Iterable[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        path = Path(file).expanduser().absolute()
        if not (name and equals and file):
            raise UsageError(f"--serving-examples {text!r} should be NAME=FILE, e.g. digits=examples.npz")
        if name in files:
            raise UsageError(f"--serving-examples {name} is given twice: {files[name]} and {path}; give one file")
        if not path.is_file():
            raise UsageError(f"--serving-examples {text}: there is no such file")
        files[name] = path
    return files
