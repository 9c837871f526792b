"""From a running server to the subject of the checks."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.example_models import exported
from fixtures.odd_models import odd_model
from harness import GrpcClient, RestClient
from harness.checks.opening import open_subject
from harness.errors import LayoutError, UsageError
from harness.model_config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Server
    from harness.checks.subject import Subject


@pytest.fixture
def clients(served_examples: Server) -> Iterator[tuple[GrpcClient, RestClient]]:
    """Clients of half_plus_two."""
    endpoint = served_examples.endpoint_of("half_plus_two")
    with GrpcClient(endpoint) as grpc, RestClient(endpoint) as rest:
        yield grpc, rest


@pytest.fixture
def open_beside(served_examples: Server, clients: tuple[GrpcClient, RestClient]) -> Callable[..., Subject]:
    """A function that opens half_plus_two as if its files were at another path, or at none."""

    def run(base_path: Path | str) -> Subject:
        model = ModelConfig(name="half_plus_two", base_path=str(base_path))
        server: Any = _Server(served_examples, model)
        return open_subject(server, "half_plus_two", grpc=clients[0], rest=clients[1])

    return run


class _Server:
    """A server that is said to have its model elsewhere."""

    def __init__(self, server: Server, model: ModelConfig) -> None:
        """Be like the server, but for the model."""
        self._server = server
        self.spec = replace(server.spec, models=(model,), backend="external")

    def __getattr__(self, name: str) -> Any:
        """Everything else is the server's own."""
        return getattr(self._server, name)


def test_a_subject_knows_its_model(opened: Callable[..., Subject]) -> None:
    """Signatures, files of the version that answers, requests, and who answers."""
    subject = opened("half_plus_two")
    assert list(subject.signatures) == ["classify_x_to_y", "regress_x_to_y", "serving_default"]
    assert subject.on_disk is not None
    assert list(subject.on_disk) == list(subject.signatures)
    assert subject.version_dir == exported("half_plus_two") / "3"
    assert [request.signature_name for request in subject.requests] == list(subject.signatures)
    assert subject.notes == ()
    assert subject.provenance["backend"] == "standin"


def test_without_a_path_there_are_no_files(open_beside: Callable[..., Subject]) -> None:
    """Beside an external server only what it says itself is known."""
    subject = open_beside("")
    assert (subject.on_disk, subject.version_dir, subject.notes) == (None, None, ())
    assert [request.signature_name for request in subject.requests] == ["serving_default"]
    assert list(subject.unexercised) == ["classify_x_to_y", "regress_x_to_y"]
    assert "x (data type: float) is required" in subject.unexercised["regress_x_to_y"]


def test_a_bare_path_is_looked_at_as_it_is(open_beside: Callable[..., Subject], tmp_path: Path) -> None:
    """Beside a running server a SavedModel without a version directory will do."""
    bare = shutil.copytree(exported("half_plus_two") / "3", tmp_path / "mine")
    subject = open_beside(bare)
    assert subject.version_dir == bare
    assert subject.on_disk is not None
    assert subject.notes == ()


def test_another_version_than_the_one_on_disk_is_told(open_beside: Callable[..., Subject], tmp_path: Path) -> None:
    """Where the version that answers is not at hand, the latest one is looked at, and that is said."""
    for version in (1, 2):
        shutil.copytree(exported("half_plus_two") / str(version), tmp_path / "mine" / str(version))
    subject = open_beside(tmp_path / "mine")
    assert subject.version_dir == tmp_path / "mine" / "2"
    assert subject.notes == (f"version 3 answers, but {tmp_path / 'mine'} has 1, 2: its files are those of 2",)


def test_a_path_that_is_no_model_is_an_error(open_beside: Callable[..., Subject], tmp_path: Path) -> None:
    """A wrong path is not passed over."""
    with pytest.raises(LayoutError, match="holds no numbered version directory"):
        open_beside(tmp_path)


def test_faults_of_the_files_are_notes(open_beside: Callable[..., Subject]) -> None:
    """What will fail although it can be loaded is known from the files alone."""
    (_, note) = open_beside(odd_model("keras_saved")).notes
    assert note.startswith("the SavedModel on disk: signature 'serving_default' reads variables that nothing restores")


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_one_api_is_enough(served_examples: Server, clients: tuple[GrpcClient, RestClient], api: str) -> None:
    """Requests are found over whichever there is."""
    given: dict[str, Any] = {"grpc": None, "rest": None, api: clients[api == "rest"]}
    subject = open_subject(served_examples, "half_plus_two", **given)
    assert len(subject.requests) == 3
    assert len(subject.clients) == 1


def test_no_api_is_an_error(served_examples: Server) -> None:
    """Nothing can be asked then."""
    with pytest.raises(UsageError, match="neither a gRPC nor a REST address"):
        open_subject(served_examples, "half_plus_two", grpc=None, rest=None)
