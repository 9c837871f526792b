"""The layers of the harness: each module imports only downwards.

Judged by the imports that run, wherever in a module they stand; imports for type checkers alone bind nothing.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_HARNESS = _ROOT / "harness"

# Pure: values, formats, arithmetic, rendering. No sockets, no processes.
_PURE = {
    "casting",
    "dtypes",
    "endpoint",
    "errors",
    "findings",
    "headers",
    "model_config",
    "option_values",
    "pictures",
    "prediction",
    "protos",
    "report",
    "results",
    "signature_diff",
    "signatures",
    "stages",
    "stats",
    "tensors",
    "tensors_json",
    "text_input",
    "text_values",
    "tls",
    "versions",
}
# Ground: what of this machine every edge may stand on.
_GROUND = {"processes", "scratch", "secured"}
# Edges: each touches one part of the world and knows none of the others.
_EDGES = {"clients", "load", "savedmodel", "servers", "standin", "surroundings"}
# Wiring: what brings the edges together.
_WIRING = {"checks", "cli", "demo", "gate", "measure", "pytest_plugin", "serving", "stage", "swarm"}

_PURE_MAY_USE = {"google", "jinja2", "markupsafe", "ml_dtypes", "numpy", "orjson", "plotly", "rich", "scipy"}
_OURS = {"benchmarks", "fixtures", "models", "tests", "conftest"}


def _python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def _unit(path: Path) -> str:
    """Return the part of the harness a file belongs to: a module's or package's name right under it."""
    return path.relative_to(_HARNESS).parts[0].removesuffix(".py")


_UNITS = sorted({_unit(path) for path in _python_files(_HARNESS)} - {"__init__"})


def _is_for_type_checkers(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(node: ast.AST, *, in_functions: bool = True) -> Iterator[str]:
    """Yield the dotted names that running this code imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"relative import in line {node.lineno}"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        parts = node.orelse if isinstance(node, ast.If) and _is_for_type_checkers(node) else ast.iter_child_nodes(node)
        for part in parts:
            yield from _imports(part, in_functions=in_functions)


def _imports_of(path: Path, *, in_functions: bool = True) -> set[str]:
    return set(_imports(ast.parse(path.read_text(encoding="utf-8")), in_functions=in_functions))


def _of_unit(unit: str) -> set[str]:
    return {name for path in _python_files(_HARNESS) if _unit(path) == unit for name in _imports_of(path)}


def _units_used(unit: str) -> set[str]:
    names = {name.split(".")[1] for name in _of_unit(unit) if name.startswith("harness.")}
    return names - {unit, "__version__"}


def _packages_used(unit: str) -> set[str]:
    return {name.split(".")[0] for name in _of_unit(unit)} - set(sys.stdlib_module_names) - {"harness"}


def test_every_part_stands_on_a_layer() -> None:
    """Each module and package of the harness is named on exactly one layer above."""
    assert set(_UNITS) - (_PURE | _GROUND | _EDGES | _WIRING) == set()
    layers = (_PURE, _GROUND, _EDGES, _WIRING)
    assert len(set().union(*layers)) == sum(map(len, layers))


@pytest.mark.parametrize("unit", [unit for unit in _UNITS if unit in _PURE])
def test_pure_parts_use_pure_parts(unit: str) -> None:
    """A pure part imports pure parts, and of other libraries only those for arrays, text and messages."""
    assert _units_used(unit) - _PURE == set()
    assert _packages_used(unit) - _PURE_MAY_USE == set()


@pytest.mark.parametrize("unit", [unit for unit in _UNITS if unit in _EDGES])
def test_edges_do_not_know_each_other(unit: str) -> None:
    """An edge imports pure parts and the ground, and no other edge: a server yields an Endpoint, a client takes one."""
    assert _units_used(unit) - _PURE - _GROUND == set()


@pytest.mark.parametrize("unit", sorted(_GROUND))
def test_the_ground_knows_nothing_above_it(unit: str) -> None:
    """What edges stand on imports none of them."""
    assert _units_used(unit) - _PURE - _GROUND == set()


@pytest.mark.parametrize("unit", _UNITS)
def test_the_harness_knows_no_user(unit: str) -> None:
    """The harness imports nothing of this repository outside itself, and pytest in its plugin alone."""
    used = _packages_used(unit)
    assert used & _OURS == set()
    assert unit == "pytest_plugin" or "pytest" not in used


@pytest.mark.parametrize("folder", ["harness", "fixtures", "benchmarks", "tests"])
def test_tensorflow_is_imported_where_it_is_needed(folder: str) -> None:
    """Outside the stand-in and the models, what takes seconds to import is imported inside functions only."""
    at_start_up = {
        str(path.relative_to(_ROOT)): heavy
        for path in _python_files(_ROOT / folder)
        if path.relative_to(_ROOT).parts[:2] != ("harness", "standin")
        and (heavy := {name.split(".")[0] for name in _imports_of(path, in_functions=False)} & {"tensorflow", "keras"})
    }
    assert at_start_up == {}


def test_messages_come_from_one_place() -> None:
    """tensorflow_serving's and tensorflow.core's generated modules are imported through harness.protos alone."""
    direct = [
        str(path.relative_to(_ROOT))
        for path in _python_files(_HARNESS)
        if any(name.startswith(("tensorflow_serving", "tensorflow.core")) for name in _imports_of(path))
    ]
    assert direct == []


def test_the_judge_sees_imports_where_they_hide() -> None:
    """Imports in functions, branches and try blocks are seen; those for type checkers and in strings are not."""
    code = """
import a
from b import c
if TYPE_CHECKING:
    import hidden
else:
    import d
try:
    import e
except ImportError:
    pass
def f():
    import g
    class H:
        from i import j
text = "import k"
"""
    tree = ast.parse(code)
    assert set(_imports(tree)) == {"a", "b.c", "d", "e", "g", "i.j"}
    assert set(_imports(tree, in_functions=False)) == {"a", "b.c", "d", "e"}
