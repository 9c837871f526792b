"""serve: paths become running servers, and nothing is left of what that needed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.example_models import exported
from harness import GrpcClient, serve
from harness.errors import LayoutError, UsageError
from harness.serving import prepared_models

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def half_plus_two() -> Path:
    """The base path of half_plus_two, with versions 1, 2 and 3."""
    return exported("half_plus_two")


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary directories are made; empty again at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_bare_and_base_path_on_one_server(half_plus_two: Path, tmp_path: Path, staging: Path) -> None:
    """A bare SavedModel is staged as version 1 beside a base path with its own versions; both answer."""
    bare = tmp_path / "bare"
    bare.symlink_to(half_plus_two / "2")
    with serve({"base": half_plus_two, "bare": bare}, backend="standin") as server:
        assert server.is_running
        assert list(staging.iterdir()) != []
        for name, version, answer in (("base", 3, 4.5), ("bare", 1, 3.5)):
            with GrpcClient(server.endpoint_of(name)) as client:
                prediction = client.predict({"x": [1.0]})
                assert (prediction.model_version, prediction["y"].tolist()) == (version, [answer])
    assert not server.is_running


def test_name_is_the_paths_last_component(half_plus_two: Path, staging: Path, corpus_models: Path) -> None:
    """Also of a path that ends in ``..``; the server gets the tags that were asked for."""
    assert list(staging.iterdir()) == []
    roundabout = corpus_models / "other_tags" / "1" / ".."
    with serve(roundabout, backend="standin", tags=("serve", "gpu")) as server:
        assert server.endpoint.model == "other_tags"
        assert "--saved_model_tags=serve,gpu" in server.engine.command
    assert half_plus_two.name == "half_plus_two"


@pytest.mark.usefixtures("staging")
def test_unfit_paths_start_nothing(half_plus_two: Path, tmp_path: Path) -> None:
    """A path that no server could load, and names that no request could carry, are refused first."""
    with pytest.raises(LayoutError, match="does not exist"), serve(tmp_path / "nope", backend="standin"):
        pytest.fail("served")
    with pytest.raises(UsageError, match="goes with one path"), serve({"a": half_plus_two}, name="b"):
        pytest.fail("served")
    with pytest.raises(UsageError, match="cannot be a model's name"), serve(half_plus_two, name="a:b"):
        pytest.fail("served")
    with pytest.raises(UsageError, match="cannot be a model's name"), serve("/"):
        pytest.fail("served")


def test_prepared_models_keep_order_and_make_paths_absolute(
    half_plus_two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server refuses relative base paths, so there are none."""
    monkeypatch.chdir(half_plus_two.parent)
    first, second = prepared_models({"b": Path("half_plus_two"), "a": half_plus_two}, staging=tmp_path)
    assert (first.name, second.name) == ("b", "a")
    assert first.base_path == second.base_path == str(half_plus_two)
