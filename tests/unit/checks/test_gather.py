"""Where requests come from: the best source that has any, for each signature."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.example_models import exported
from harness.checks import Golden, write_golden
from harness.checks.gather import Gathered, gather_requests
from harness.checks.request import Request
from harness.checks.subject import CheckOptions
from harness.errors import CheckError, StatusError
from harness.prediction import Classification, Prediction, Regression
from harness.protos import prediction_log_pb2
from harness.savedmodel import preflight, write_warmup
from harness.savedmodel.tfrecord import encode_records
from harness.savedmodel.warmup import WARMUP_FILE
from harness.tensors import to_proto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MADE_UP = "values made up to fit the signature"


class Taker:
    """A client whose model takes everything."""

    def predict(self, _: Any, **__: Any) -> Prediction:
        """Answer nothing."""
        return Prediction(model="m", model_version=1, signature_name="s", outputs={})

    def classify(self, _: Any, **__: Any) -> Classification:
        """Answer nothing."""
        return Classification(model="m", model_version=1, signature_name="s", classes=())

    def regress(self, _: Any, **__: Any) -> Regression:
        """Answer nothing."""
        return Regression(model="m", model_version=1, signature_name="s", values=np.zeros(0, np.float32))


class Refuser(Taker):
    """A client whose model takes nothing."""

    def predict(self, _: Any, **__: Any) -> Prediction:
        """Refuse."""
        raise StatusError("not these", code="INVALID_ARGUMENT", target="h:1", api="grpc", request="predict")


@pytest.fixture
def version_dir(tmp_path: Path) -> Path:
    """A version of half_plus_two with its three signatures, to be changed as a test likes."""
    copied: Path = shutil.copytree(exported("half_plus_two") / "3", tmp_path / "half_plus_two" / "3")
    return copied


@pytest.fixture
def gather(version_dir: Path) -> Callable[..., Gathered]:
    """A function that gathers the requests of half_plus_two with these options."""
    signatures = preflight(version_dir.parent).latest.signatures

    def run(client: Any = None, *, directory: Path | None = version_dir, **options: Any) -> Gathered:
        return gather_requests(
            signatures, client or Taker(), options=CheckOptions(**options), version_dir=directory, tags=("serve",)
        )

    return run


def _sources(gathered: Gathered) -> dict[str, list[str]]:
    sources: dict[str, list[str]] = {}
    for request in gathered.requests:
        sources.setdefault(request.signature_name, []).append(request.source)
    return sources


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A file with one request to the default signature."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"instances": [1.0]}))
    return path


@pytest.fixture
def goldens(tmp_path: Path) -> Path:
    """A directory with one case of the default signature, and one of a signature that is gone."""
    one = {"x": np.ones(1, np.float32)}
    for name, signature in (("case", "serving_default"), ("old", "gone")):
        golden = Golden(name=name, request=Request(signature_name=signature, inputs=one), outputs=one)
        write_golden(golden, tmp_path / "goldens")
    return tmp_path / "goldens"


def test_without_any_source_all_is_made_up(gather: Callable[..., Gathered]) -> None:
    """Every signature gets one request, those for tf.Examples from what the graph parses."""
    gathered = gather()
    assert _sources(gathered) == {
        "classify_x_to_y": [f"{MADE_UP} (2 rows, tf.Examples with x)"],
        "regress_x_to_y": [f"{MADE_UP} (2 rows, tf.Examples with x)"],
        "serving_default": [f"{MADE_UP} (2 rows, open dimensions of 1)"],
    }
    assert (gathered.unexercised, gathered.notes) == ({}, ())


def test_the_users_examples_come_first(gather: Callable[..., Gathered], examples: Path, goldens: Path) -> None:
    """Examples win over goldens for the signature they are for; the others are made up."""
    sources = _sources(gather(examples=examples, goldens=goldens))
    assert sources["serving_default"] == ["examples in mine.json"]
    assert sources["regress_x_to_y"][0].startswith(MADE_UP)


def test_goldens_come_before_warm_up_records(gather: Callable[..., Gathered], goldens: Path, version_dir: Path) -> None:
    """A recorded case is the next best; one of a signature that is gone is told, not passed over."""
    write_warmup(version_dir, [{"x": [1.0]}])
    gathered = gather(goldens=goldens)
    assert _sources(gathered)["serving_default"] == ["golden case"]
    assert gathered.notes == ("golden old: the model has no signature 'gone' any more",)


def test_warm_up_records_come_before_made_up_values(gather: Callable[..., Gathered], version_dir: Path) -> None:
    """What the model's makers ask it is a better question than any guess."""
    write_warmup(version_dir, [{"x": [1.0, 2.0]}, {"x": [3.0]}])
    gathered = gather()
    assert _sources(gathered)["serving_default"] == ["the model's warm-up records"] * 2
    assert [one.inputs["x"].tolist() for one in gathered.requests if one.inputs] == [[1.0, 2.0], [3.0]]


def test_of_many_requests_the_first_are_used(gather: Callable[..., Gathered], version_dir: Path) -> None:
    """Twenty are enough, and that there were more is said."""
    write_warmup(version_dir, [{"x": [float(number)]} for number in range(25)])
    gathered = gather()
    assert len(_sources(gathered)["serving_default"]) == 20
    assert gathered.notes == ("serving_default: of 25 requests the first 20 are used",)


def test_warm_up_records_that_cannot_be_used_are_told(gather: Callable[..., Gathered], version_dir: Path) -> None:
    """The others are used all the same."""
    session = prediction_log_pb2.PredictionLog()
    session.session_run_log.SetInParent()
    write_warmup(version_dir, [{"x": [1.0]}])
    good = (version_dir / WARMUP_FILE).read_bytes()
    (version_dir / WARMUP_FILE).write_bytes(good + encode_records([session.SerializeToString()]))
    gathered = gather()
    assert len(_sources(gathered)["serving_default"]) == 1
    (note,) = gathered.notes
    assert note.startswith("1 of the model's 2 warm-up records could not be used: a record of kind session_run_log")


def test_a_damaged_warm_up_file_is_told(gather: Callable[..., Gathered], version_dir: Path) -> None:
    """It is no reason to give up: values are made up instead."""
    (version_dir / WARMUP_FILE).parent.mkdir(exist_ok=True)
    (version_dir / WARMUP_FILE).write_bytes(b"no record")
    gathered = gather()
    assert _sources(gathered)["serving_default"][0].startswith(MADE_UP)
    assert gathered.notes[0].startswith("the model's warm-up records could not be used: ")


def test_without_files_the_graph_tells_nothing(gather: Callable[..., Gathered]) -> None:
    """Beside an external server tf.Examples are made up without knowing their features."""
    gathered = gather(directory=None)
    (request,) = [one for one in gathered.requests if one.signature_name == "regress_x_to_y"]
    assert request.examples == ({"text": [b"the"]}, {"text": [b"served"]})
    assert "tf.Examples" not in request.source


def test_what_the_model_refuses_is_unexercised(gather: Callable[..., Gathered]) -> None:
    """A signature without a request has a reason, and no request."""
    gathered = gather(Refuser())
    assert "serving_default" not in _sources(gathered)
    assert list(gathered.unexercised) == ["serving_default"]
    assert "not these; give requests it takes with --examples" in gathered.unexercised["serving_default"]


def test_examples_that_do_not_fit_end_it(gather: Callable[..., Gathered], tmp_path: Path) -> None:
    """What the user gave is not replaced by something else in silence."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"inputs": {"z": 1}}))
    with pytest.raises(CheckError, match=r"mine\.json cannot be used as examples"):
        gather(examples=path)


def test_a_seed_changes_what_is_made_up(gather: Callable[..., Gathered]) -> None:
    """The same seed makes up the same, another something else."""
    values = [next(one.inputs["x"].tolist() for one in gather(seed=seed).requests if one.inputs) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_warm_up_records_of_dtypes_are_kept(gather: Callable[..., Gathered], version_dir: Path) -> None:
    """A record is sent as it was written, even where it does not fit: a server would have taken it so."""
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.inputs["x"].CopyFrom(to_proto(np.zeros((1, 2), np.float32)))
    write_warmup(version_dir, [log])
    (request,) = [one for one in gather().requests if one.inputs]
    assert (request.inputs["x"].dtype, request.inputs["x"].shape) == (np.float32, (1, 2))
