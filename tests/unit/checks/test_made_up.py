"""Made-up requests, and the sizes in which a model takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.checks import made_up
from harness.checks.made_up import make_up
from harness.errors import ConnectionFailedError, DeadlineError, StatusError, TensorError
from harness.prediction import Prediction, Regression
from harness.signatures import Signature, TensorSpec
from harness.text_input import Feature, TextInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WHERE: dict[str, Any] = {"target": "h:1", "api": "grpc", "request": "predict model=m"}


class Model:
    """A client of a model that takes what ``judge`` lets pass; it remembers what it was asked."""

    def __init__(self, judge: Callable[[Mapping[str, np.ndarray]], None]) -> None:
        """Ask ``judge`` about the inputs of each request; what it raises is the answer."""
        self._judge = judge
        self.shapes: list[list[tuple[int, ...]]] = []
        self.timeouts: list[float | None] = []
        self.examples: list[Sequence[Mapping[str, Any]]] = []

    def predict(self, inputs: Mapping[str, np.ndarray], *, timeout_s: float | None, **_: Any) -> Prediction:
        """Answer, or raise what the judge does."""
        self.shapes.append([array.shape for array in inputs.values()])
        self.timeouts.append(timeout_s)
        self._judge(inputs)
        return Prediction(model="m", model_version=1, signature_name="s", outputs={})

    def regress(self, examples: Sequence[Mapping[str, Any]], **_: Any) -> Regression:
        """Answer, or raise what the judge does."""
        self.examples.append(examples)
        self._judge({})
        return Regression(model="m", model_version=1, signature_name="s", values=np.zeros(len(examples), np.float32))


def _refusal(code: str = "INVALID_ARGUMENT", text: str = "no, not these") -> StatusError:
    return StatusError(text, code=code, **WHERE)


def _always(error: Exception) -> Callable[[Any], None]:
    def judge(_: Any) -> None:
        raise error

    return judge


def _signature(shape: Any = (None, None), dtype: str = "float32", method: str = "predict") -> Signature:
    spec = TensorSpec(name="x", dtype=dtype, shape=shape)
    return Signature(name="s", method_name=f"tensorflow/serving/{method}", inputs=(spec,), outputs=())


def _make(model: Model, signature: Signature, texts: Mapping[str, TextInput] | None = None) -> Any:
    client: Any = model
    return make_up(signature, client, texts=texts or {}, seed=0)


def test_the_first_that_is_taken_is_kept() -> None:
    """A model that takes the most ordinary values is asked once."""
    model = Model(lambda _: None)
    request, why_not = _make(model, _signature())
    assert (model.shapes, model.timeouts) == ([[(2, 1)]], [None])
    assert request.source == "values made up to fit the signature (2 rows, open dimensions of 1)"
    assert why_not == ""


def test_sizes_are_tried_until_one_is_taken() -> None:
    """Each try goes on from the last, and what was taken is said."""

    def judge(inputs: Mapping[str, np.ndarray]) -> None:
        if inputs["x"].shape[1] < 100:
            raise _refusal()

    model = Model(judge)
    request, _ = _make(model, _signature())
    assert request.inputs["x"].shape == (2, 128)
    assert request.source.endswith("(2 rows, open dimensions of 128)")
    assert [shape for (shape,) in model.shapes] == [(2, 1), (1, 1), (2, 2), (2, 8), (2, 32), (2, 128)]
    assert all(timeout is not None and timeout <= 5 for timeout in model.timeouts[1:])


def test_a_model_that_refuses_all_is_not_exercised() -> None:
    """The number of tries, the first refusal in one line, and what the user can do are said."""
    model = Model(_always(_refusal(text="no,\n not these\n" + "x" * 1000)))
    request, why_not = _make(model, _signature())
    assert request is None
    assert why_not.startswith(
        "the model refuses values made up to fit the signature, and those of 10 other sizes: no, not these xxx"
    )
    assert why_not.endswith(
        "x…; give requests it takes with --examples, record goldens, or add warm-up records to the model"
    )
    assert len(why_not) < 600
    assert len(model.shapes) == 11


def test_without_a_choice_there_is_one_try() -> None:
    """A signature that leaves nothing open is asked once, and no other size is spoken of."""
    model = Model(_always(_refusal()))
    _, why_not = _make(model, _signature(shape=(3,)))
    assert why_not.startswith("the model refuses values made up to fit the signature: no, not these; give")
    assert len(model.shapes) == 1


@pytest.mark.parametrize("code", ["FAILED_PRECONDITION", "UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_what_no_values_cause_is_left_to_the_checks(code: str) -> None:
    """The request is kept, so that asked again it shows what is wrong; other sizes are not tried."""
    model = Model(_always(_refusal(code)))
    request, why_not = _make(model, _signature())
    assert (request.inputs["x"].shape, why_not, len(model.shapes)) == ((2, 1), "", 1)


def test_an_internal_error_may_be_a_matter_of_size() -> None:
    """Other sizes are tried; if none helps, the first request is kept to show the error."""
    model = Model(_always(_refusal("INTERNAL")))
    request, why_not = _make(model, _signature())
    assert (request.inputs["x"].shape, why_not, len(model.shapes)) == ((2, 1), "", 11)


@pytest.mark.parametrize("error", [ConnectionFailedError("gone", **WHERE), DeadlineError("late", **WHERE)])
def test_no_answer_to_the_first_is_left_to_the_checks(error: Exception) -> None:
    """A server that does not answer is no question of values."""
    request, why_not = _make(Model(_always(error)), _signature())
    assert request is not None
    assert why_not == ""


def test_a_size_that_ends_the_server_is_kept() -> None:
    """The request that killed it is the one to show."""

    def judge(inputs: Mapping[str, np.ndarray]) -> None:
        raise _refusal() if inputs["x"].shape[1] == 1 else ConnectionFailedError("gone", **WHERE)

    request, _ = _make(Model(judge), _signature())
    assert request.inputs["x"].shape == (2, 2)


def test_a_slow_try_is_passed_over() -> None:
    """A try that takes too long counts as refused."""

    def judge(inputs: Mapping[str, np.ndarray]) -> None:
        if inputs["x"].shape[1] < 32:
            raise _refusal() if inputs["x"].shape[1] == 1 else DeadlineError("late", **WHERE)

    request, _ = _make(Model(judge), _signature())
    assert request.inputs["x"].shape == (2, 32)


def test_tries_end_with_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few seconds no further try begins."""
    monkeypatch.setattr(made_up, "_TIME_FOR_MORE_TRIES_S", 0.0)
    model = Model(_always(_refusal()))
    _, why_not = _make(model, _signature())
    assert len(model.shapes) == 1
    assert "other size" not in why_not


def test_small_integers_are_tried() -> None:
    """A table of three rows takes 0 and 1."""

    def judge(inputs: Mapping[str, np.ndarray]) -> None:
        if inputs["x"].max() >= 3:
            raise _refusal()

    request, _ = _make(Model(judge), _signature(shape=(None, 50), dtype="int32"))
    assert set(request.inputs["x"].reshape(-1).tolist()) == {0, 1}
    assert request.source.endswith("(2 rows, integers below 2)")


def test_tf_examples_are_made_of_the_graphs_features() -> None:
    """Regress is asked with examples, and their features are said."""
    features = (Feature(name="age", dtype="int64", shape=()), Feature(name="name", dtype="string", shape=()))
    model = Model(lambda _: None)
    request, _ = _make(
        model, _signature((None,), "string", "regress"), {"x": TextInput(content="example", features=features)}
    )
    assert request.method == "regress"
    assert [sorted(example) for example in request.examples] == [["age", "name"]] * 2
    assert model.examples == [request.examples]
    assert request.source.endswith("(2 rows, tf.Examples with age, name)")


def test_examples_without_known_features_hold_a_text() -> None:
    """Where no graph is at hand, or nothing is parsed, two different examples are tried."""
    model = Model(lambda _: None)
    request, _ = _make(model, _signature((None,), "string", "regress"))
    assert request.examples == ({"text": [b"the"]}, {"text": [b"served"]})


def test_what_strings_hold_is_said() -> None:
    """The text names the input and its content, base64 included."""
    texts = {"x": TextInput(content="jpeg", is_base64=True)}
    request, _ = _make(Model(lambda _: None), _signature((None,), "string"), texts)
    assert request.source.endswith("(2 rows, x: JPEG pictures in base64)")


def test_what_no_array_holds_is_not_exercised() -> None:
    """An input that no client can send is told as such."""
    _, why_not = _make(Model(lambda _: None), _signature((), "resource"))
    assert why_not.startswith("no values could be made up and sent: resource tensors cannot be held")


def test_what_the_api_cannot_carry_is_not_exercised() -> None:
    """A client that refuses to send the values is no fault of the model."""
    _, why_not = _make(Model(_always(TensorError("no JSON form"))), _signature())
    assert why_not.startswith("no values could be made up and sent: no JSON form; give")
