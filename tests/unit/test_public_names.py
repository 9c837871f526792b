"""The names the package offers, and what importing them loads."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(harness.__file__).parent
_MODULES = sorted(
    path for path in _ROOT.rglob("*.py") if path.name != "__main__.py" and "__pycache__" not in path.parts
)


def _listed(path: Path) -> list[str] | None:
    """Return a module's ``__all__`` as it is written; None without one."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            names: list[str] = ast.literal_eval(node.value)  # type: ignore[attr-defined] # an assignment has a value
            return names
    return None


def _is_script(path: Path) -> bool:
    return 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_every_module_lists_its_names_sorted(path: Path) -> None:
    """Each module has an explicit __all__: constants, classes, functions, each sorted; a script needs none."""
    names = _listed(path)
    assert names is not None or _is_script(path)
    if names is not None:
        assert len(set(names)) == len(names)
        constants = [name for name in names if name.isupper() and len(name) > 1]
        classes = [name for name in names if name not in constants and name[0].isupper()]
        others = [name for name in names if name not in constants and name not in classes]
        assert names == sorted(constants) + sorted(classes) + sorted(others)


@pytest.mark.parametrize("name", harness.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name of the package is loaded from its home, which lists it as well."""
    value = getattr(harness, name)
    home = importlib.import_module(harness._HOMES[name])
    assert value is getattr(home, name)
    assert name in home.__all__


def test_names_homes_and_listing_agree() -> None:
    """__all__, the table of homes and dir() name the same."""
    assert sorted(harness._HOMES) == sorted(harness.__all__)
    assert set(harness.__all__) <= set(dir(harness))


def test_unknown_names_are_no_attributes() -> None:
    """A name the package lacks is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'Clint'"):
        _ = harness.Clint


@pytest.mark.parametrize(
    "statement",
    [
        "import harness",
        "from harness import GrpcClient, RestClient, Endpoint, Tls",
        "from harness import Signature, diff, assert_close, ModelConfig",
        "from harness import serve, run_load, export, ServerSpec",
        "import harness.pytest_plugin.options, harness.cli.main",
    ],
)
def test_imports_stay_light(statement: str, fresh_python: Callable[[str], str]) -> None:
    """Importing the library loads neither tensorflow, keras, docker nor plotly; and pytest only as a plugin of it."""
    heavy = ["tensorflow", "keras", "docker", "testcontainers", "plotly", "matplotlib", "pandas"]
    heavy += [] if "pytest_plugin" in statement else ["pytest"]
    printed = fresh_python(f"{statement}\nimport sys\nprint(sorted(set({heavy!r}) & set(sys.modules)))")
    assert printed == "[]"
