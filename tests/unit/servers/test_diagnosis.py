"""From a server's log and a model's layout to the likely cause."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.model_config import ModelConfig
from harness.servers.diagnosis import hopeless_cause, last_word, likely_cause, unknown_flags_cause

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parents[2] / "conformance" / "corpus" / "startup.json"


@pytest.fixture
def models(tmp_path: Path) -> tuple[ModelConfig, ...]:
    """A model whose version 1 looks whole."""
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "saved_model.pb").touch()
    return (ModelConfig(name="m", base_path=str(tmp_path / "m")),)


@pytest.fixture(scope="module")
def recorded() -> Callable[[str], str]:
    """A function that returns what the genuine server wrote in a recorded start."""
    starts = {case["name"]: case for case in json.loads(CORPUS.read_text())}

    def log(name: str) -> str:
        answers = [step["response"] for step in starts[f"startup/{name}"]["steps"] if step["transport"] == "process"]
        return "\n".join(part for one in answers for part in (*(one.get("stderr_contains") or ()), one["stdout"]))

    return log


@pytest.mark.parametrize(
    ("start", "cause"),
    [
        ("garbage-model", "damaged or half copied"),
        ("garbage-model-long", "damaged or half copied"),
        ("file-version", "is a file, but a server takes every number for a version directory"),
        ("wrong-tags", "exported with other tags"),
        ("two-models-bad", "damaged or half copied"),
        ("batching-file-without-batching", "--batching_parameters_file needs --enable_batching"),
        ("batching-file-missing", "is missing or empty where the server runs"),
        ("batching-file-bad", "a config file is not the text proto its flag wants"),
        ("session-file-missing", "is missing or empty where the server runs"),
        ("config-garbage", "a config file is not the text proto its flag wants"),
        ("config-twice", "the model config lists m twice"),
        ("config-labels-refused", "a label of the start-up config is on a version that is not loaded"),
        ("config-label-missing-version", "a label of the start-up config is on a version that is not loaded"),
        ("config-bad-model-n-of-two", "exported with other tags"),
        ("unknown-flag", "the server does not know --no_such_flag=1"),
        ("stray-argument", "the server does not know stray; check the spelling of --serving-arg; flags are given as"),
        ("running", ""),
    ],
)
def test_the_genuine_servers_texts_are_explained(
    start: str, cause: str, recorded: Callable[[str], str], models: tuple[ModelConfig, ...]
) -> None:
    """What the genuine server was recorded to write leads to its cause, and a good start to none."""
    found = likely_cause("the container exited with code 255", recorded(start), models)
    assert cause in found
    assert bool(found) == bool(cause)


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("Op type not registered 'MyOp' in binary running on c0ffee.", "uses the op MyOp"),
        ("No versions of servable m found under base path /m.", "no numeric version directory"),
        ("FileSystemStoragePathSource: Could not find base path /m for servable m", "does not exist"),
        ("ModuleNotFoundError: No module named 'harness'\n", "does not have the harness"),
        ("line 3: 7 Illegal instruction (core dumped) tensorflow_model_server", "lacks instructions (AVX)"),
        ("/models/m/1/saved_model.pb; Permission denied", "may not read /models/m/1/saved_model.pb; chmod"),
        ("bash: tensorflow_model_server: command not found", "the image has no tensorflow_model_server"),
        ("NOT_FOUND: /models/m/1/variables/variables.data-00000-of-00001; No such file or directory", "half copied"),
    ],
)
def test_known_texts_are_explained(log: str, cause: str, models: tuple[ModelConfig, ...]) -> None:
    """Texts that no recording holds lead to their causes as well."""
    assert cause in likely_cause("", log, models)


NO_VARIABLES = (
    "loader.cc] The specified SavedModel has no variables; no checkpoints were restored. File does not exist:"
    " /models/m/1/variables/variables.index\n"
)
REFUSED = (
    "Failed to start server. Error: FAILED_PRECONDITION: Request to assign label to version 1 of model m, which is not"
    " currently available for inference\n"
)


def test_a_flag_parted_from_its_value_is_told(
    recorded: Callable[[str], str], models: tuple[ModelConfig, ...], documented: Callable[[str], Any]
) -> None:
    """The genuine server takes a value after a space for a flag that it does not know."""
    cause = likely_cause("", recorded("flag-with-space"), models)
    assert documented("a flag's value apart from the flag").fullmatch(cause)


def test_what_was_no_trouble_is_not_blamed(models: tuple[ModelConfig, ...]) -> None:
    """A healthy model without variables brings a line on a missing file, which explains nothing."""
    assert likely_cause("not ready within 120 s", NO_VARIABLES, models) == ""
    assert "a label of the start-up config" in likely_cause("exit code 255", NO_VARIABLES + REFUSED, models)


def test_what_was_seen_last_counts_most(models: tuple[ModelConfig, ...]) -> None:
    """An earlier line of the log does not outdo the server's last word, nor that the status of a version."""
    log = "No versions of servable m found under base path /models/m.\n"
    assert "a label of" in likely_cause("exit code 255", log + REFUSED, models)
    assert "uses the op X" in likely_cause("m version 1 failed to load: Op type not registered 'X'", log, models)


def test_a_graph_that_only_the_server_lacks_is_not_called_half_copied(
    models: tuple[ModelConfig, ...], documented: Callable[[str], Any]
) -> None:
    """Where saved_model.pb lies on this machine, links and rights are named; where it does not, the copying."""
    log = "Could not find SavedModel .pb or .pbtxt at supplied export directory path: /models/m/1."
    assert documented("a model that the server may not read").fullmatch(likely_cause("", log, models))
    (Path(models[0].base_path) / "1" / "saved_model.pb").unlink()
    assert documented("a version without its graph").fullmatch(likely_cause("", log, models))


def test_the_layout_is_blamed_when_the_log_says_nothing(tmp_path: Path) -> None:
    """A version directory given as base path is recognised."""
    (tmp_path / "saved_model.pb").touch()
    assert "is a version directory itself" in likely_cause("", "", (ModelConfig(name="m", base_path=str(tmp_path)),))


def test_nothing_known_brings_no_cause(models: tuple[ModelConfig, ...]) -> None:
    """An unknown text and a good layout lead to no guess, and to no early end of the wait."""
    assert likely_cause("", "some text", models) == ""
    assert hopeless_cause("some text", "UNAVAILABLE: connection refused", models) == ""


def test_one_port_for_both_apis_is_hopeless(models: tuple[ModelConfig, ...]) -> None:
    """The server leaves REST out, and would be waited for in vain."""
    log = "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST API."
    assert "give two" in hopeless_cause(log, "", models)


def test_the_servers_last_word_is_found(recorded: Callable[[str], str]) -> None:
    """Why the server itself says it could not start goes into the first line of the error."""
    assert last_word(recorded("config-twice")).startswith("INVALID_ARGUMENT: Illegal to list model m multiple times")
    assert last_word("nothing") == ""


def test_unknown_flags_are_listed() -> None:
    """Every flag the server complained of is found."""
    log = "x\nunknown argument: --a\nunknown argument: --b=1\nusage:"
    assert unknown_flags_cause(log).startswith("the server does not know --a, --b=1; ")
    assert unknown_flags_cause("usage:") == ""


def test_every_documented_case_is_tested(cases: dict[str, str]) -> None:
    """Each case in docs/diagnosis.md is named by a test, which compares the text with what is printed."""
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert len(cases) > 40
    assert [case for case in cases if not re.search(f"[\"']{re.escape(case)}[\"']", sources)] == []
