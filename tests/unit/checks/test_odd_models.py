"""The checks on models as other people export them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.odd_models import ODD_MODELS, odd_model
from harness import GrpcClient, RestClient, serve
from harness.checks.catalogue import choose_checks, run_check
from harness.checks.opening import open_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Server
    from harness.checks.subject import Subject
    from harness.findings import Finding

# What the requests of each signature are said to be, after "values made up to fit the signature".
MADE_UP = {
    ("base64_picture", "serving_default"): "2 rows, encoded: PNG pictures in base64",
    (
        "examples",
        "serving_default",
    ): "2 rows, open dimensions of 1, tf.Examples with box, image/encoded, label, tags, weights",
    ("jpeg", "serving_default"): "2 rows, image_bytes: JPEG pictures",
    ("keras_convolution", "serving_default"): "2 rows, open dimensions of 8",
    ("keras_tokens", "serving_default"): "2 rows, open dimensions of 1, integers below 2",
    ("mono", "serving_default"): "1024 rows",
    ("no_default", "add"): "",
    ("no_default", "double"): "2 rows",
    ("one_wave", "serving_default"): "1 row, open dimensions of 16000",
    ("raw_bytes", "serving_default"): "2 rows, open dimensions of 8, data: raw bytes",
    ("single_examples", "serving_default"): "2 rows, open dimensions of 1, tf.Examples with ids, x",
    ("sound_file", "serving_default"): "2 rows, sound: WAV sound",
    ("tf1_builder", "look_up"): "2 rows",
    ("tf1_builder", "serving_default"): "2 rows, open dimensions of 1",
    ("vocabulary", "serving_default"): "2 rows",
}
BROKEN = {"keras_saved", "ragged_output"}
QUICK = ("inputs", "contract", "goldens", "parity")  # those that start no server of their own


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    """A stand-in with all odd models."""
    with serve({name: odd_model(name) for name in ODD_MODELS}, backend="standin") as server:
        yield server


@pytest.fixture
def open_odd(served: Server) -> Iterator[Callable[[str], Subject]]:
    """A function that returns the subject of an odd model."""
    opened: list[GrpcClient | RestClient] = []

    def make(name: str) -> Subject:
        endpoint = served.endpoint_of(name)
        grpc, rest = GrpcClient(endpoint), RestClient(endpoint)
        opened.extend((grpc, rest))
        return open_subject(served, name, grpc=grpc, rest=rest)

    yield make
    for client in opened:
        client.close()


def _findings(subject: Subject) -> list[Finding]:
    return [finding for check in choose_checks(QUICK, option="QUICK") for finding in run_check(check, subject)]


def test_every_odd_model_is_looked_at() -> None:
    """No odd model is without an expectation here."""
    assert {name for name, _ in MADE_UP} | BROKEN == set(ODD_MODELS)


@pytest.mark.parametrize(("model", "signature"), MADE_UP)
def test_requests_that_suit_are_made_up(model: str, signature: str, open_odd: Callable[[str], Subject]) -> None:
    """From signature and graph alone comes a request that the model answers, and what was chosen is said."""
    subject = open_odd(model)
    (source,) = {request.source for request in subject.requests if request.signature_name == signature}
    about = MADE_UP[model, signature]
    assert source == "values made up to fit the signature" + (f" ({about})" if about else "")


@pytest.mark.parametrize("model", sorted(set(ODD_MODELS) - BROKEN))
def test_sound_models_bring_no_alarm(model: str, open_odd: Callable[[str], Subject]) -> None:
    """No check finds an error in a model that is merely unusual, and none but the contract's warns of its habits."""
    doubts = [finding for finding in _findings(open_odd(model)) if not finding.passed]
    assert [finding for finding in doubts if finding.fails or finding.check != "contract"] == []


def test_variables_that_no_server_restores_are_an_error(open_odd: Callable[[str], Subject]) -> None:
    """The request that fails is shown, and the files' fault with the remedy beside it."""
    failed, note = [one for one in _findings(open_odd("keras_saved")) if one.check == "inputs" and not one.passed]
    assert failed.fails
    assert "Could not find variable dense" in failed.seen
    assert note.severity == "warning"
    assert "export the Keras model itself" in note.seen


def test_an_output_of_several_tensors_is_an_error(open_odd: Callable[[str], Subject]) -> None:
    """A ragged output makes its signature useless, whatever is asked; the text says which and how to mend it."""
    (finding,) = [one for one in _findings(open_odd("ragged_output")) if not one.passed]
    assert finding.fails
    assert finding.seen.startswith("output 'tokens' consists of several tensors each (ragged or sparse)")
