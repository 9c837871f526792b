"""Pools: what is sent, what is left out, and that nothing is left out in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.errors import SignatureError, UsageError
from harness.measure import make_pool
from harness.measure.material import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

_SERVICE = "/tensorflow.serving.PredictionService/"


@pytest.mark.parametrize(
    ("method", "grpc", "rest"),
    [
        ("predict", "Predict", ":predict"),
        ("classify", "Classify", ":classify"),
        ("regress", "Regress", ":regress"),
    ],
)
def test_each_method_has_its_path_and_its_encoding(
    make: Any, client: Callable[[str], Any], method: str, grpc: str, rest: str
) -> None:
    """Requests of each method go where the clients send them, as the clients encode them, in their order."""
    requests = [
        make.predict(value) if method == "predict" else make.examples(value, method=method) for value in (1, 2, 3)
    ]
    for api, path in (("grpc", _SERVICE + grpc), ("rest", f"/v1/models/m/versions/7{rest}")):
        one = client(api)
        pool = make_pool(one, requests, source="a test")
        encode = getattr(one, f"encode_{method}")
        parts = [request.inputs or request.examples for request in requests]
        name = requests[0].signature_name
        assert [each.body for each in pool.encoded] == [encode(part, signature_name=name) for part in parts]
        assert {each.method for each in pool.encoded} == {path}
        assert (pool.api, pool.method, pool.batch_size) == (api, method, 1)
        assert (pool.source, pool.notes) == ("3 requests: a test", ())
        assert pool.requests == tuple(requests)


def test_what_an_api_cannot_carry_is_left_out_and_told(make: Any, client: Callable[[str], Any]) -> None:
    """float16 goes over gRPC alone; over REST such requests are left out, with the reason and their number."""
    requests = [make.predict(1), make.predict(2, signature="half", dtype="float16"), make.predict(3)]
    assert len(make_pool(client("grpc"), requests, source="a test").encoded) == 3
    pool = make_pool(client("rest"), requests, source="a test")
    assert pool.requests == (requests[0], requests[2])
    assert pool.notes == ("1 of 3 requests left out: REST takes no float16 (input 'x')",)
    with pytest.raises(UsageError, match=r"no request can be sent over rest .*REST takes no float16"):
        make_pool(client("rest"), requests[1:2], source="a test")


def test_a_value_that_cannot_be_encoded_is_left_out_and_told(make: Any, client: Callable[[str], Any]) -> None:
    """A feature that no tf.Example can hold leaves its request out, not the others."""
    spoilt = replace(make.examples(1), examples=({"x": [1e300]},))
    pool = make_pool(client("grpc"), [make.examples(1), spoilt], source="a test")
    assert len(pool.encoded) == 1
    assert "1 of 2 requests left out: feature 'x' holds 1e+300" in pool.notes[0]


def test_a_pool_is_of_one_method(make: Any, client: Callable[[str], Any]) -> None:
    """The commonest is taken, of equals the first of predict, classify and regress, or the one that is named."""
    mixed = [make.examples(1), make.predict(1), make.examples(2), make.examples(3, method="regress")]
    pool = make_pool(client("grpc"), mixed, source="a test")
    assert (pool.method, len(pool.encoded)) == ("classify", 2)
    assert pool.notes == ("2 of 4 requests left out: a pool is of one method, classify",)
    assert make_pool(client("grpc"), mixed[:2], source="a test").method == "predict"
    assert make_pool(client("grpc"), mixed, source="a test", method="regress").requests == (mixed[3],)


def test_signatures_of_one_method_mix_or_one_is_named(make: Any, client: Callable[[str], Any]) -> None:
    """Without a name all stay; with one only its requests do; a name that is none is an error with the names."""
    mixed = [make.predict(1), make.predict(2, signature="fixed")]
    pool = make_pool(client("grpc"), mixed, source="a test")
    assert len(pool.encoded) == 2
    assert pool.batch_size is None, "of the fixed one the first dimension is no batch"
    pool = make_pool(client("grpc"), mixed, source="a test", signature="fixed")
    assert pool.requests == (mixed[1],)
    assert "it is for signature 'serving_default', not for 'fixed'" in pool.notes[0]
    with pytest.raises(SignatureError, match="serving_default"):
        make_pool(client("grpc"), mixed, source="a test", signature="gone")


def test_requests_for_signatures_that_are_gone_are_told(make: Any, client: Callable[[str], Any]) -> None:
    """They are left out; if none is left that is an error, as is a pool of nothing."""
    gone = make.predict(1, signature="gone")
    pool = make_pool(client("grpc"), [gone, make.predict(1)], source="a test")
    assert pool.notes == ("1 of 2 requests left out: the model has no signature 'gone'",)
    with pytest.raises(UsageError, match=r"\(a test\): 1 of 1 request left out: the model has no signature 'gone'"):
        make_pool(client("grpc"), [gone], source="a test")
    with pytest.raises(UsageError, match="there is no request to send"):
        make_pool(client("grpc"), [], source="a test")


def test_a_batch_size_cuts_and_joins_the_examples_there_are(make: Any, client: Callable[[str], Any]) -> None:
    """Each request begins with its own examples and goes on with the next ones', around the end; tf.Examples too."""
    requests = [make.predict(1, 2, 3), make.predict(4), make.predict(5, 6)]
    pool = make_pool(client("grpc"), requests, source="a test", batch_size=2)
    assert [one.inputs["x"][:, 0].tolist() for one in pool.requests] == [[1, 2], [4, 5], [5, 6]]
    assert pool.batch_size == 2
    wide = make_pool(client("rest"), requests, source="a test", batch_size=8)
    assert wide.requests[1].inputs["x"][:, 0].tolist() == [4, 5, 6, 1, 2, 3, 4, 5]
    of_examples = make_pool(client("rest"), [make.examples(1), make.examples(2)], source="a test", batch_size=3)
    assert [[one["x"] for one in each.examples] for each in of_examples.requests] == [
        [[1], [2], [1]],
        [[2], [1], [2]],
    ]


def test_a_batch_size_without_a_batch_is_a_clear_error(make: Any, client: Callable[[str], Any]) -> None:
    """A fixed first dimension, inputs that share none, or a size below 1: each says what is wrong and what to do."""
    with pytest.raises(UsageError, match=r"fixes the first dimension of 'x' at 1.*leave the batch size out"):
        make_pool(client("grpc"), [make.predict(1, signature="fixed")], source="a test", batch_size=4)
    scalar = replace(make.predict(1), inputs={"x": np.float32(1)})
    with pytest.raises(UsageError, match="share no first dimension"):
        make_pool(client("grpc"), [scalar], source="a test", batch_size=4)
    with pytest.raises(UsageError, match="batch_size must be at least 1, got 0"):
        make_pool(client("grpc"), [make.predict(1)], source="a test", batch_size=0)


def test_recorded_answers_and_times_stay_with_their_requests(make: Any, client: Callable[[str], Any]) -> None:
    """What is left out takes its time and answer along; an answer goes where the examples have changed."""
    answer = {"y": np.zeros((1, 2), np.float32)}
    asked = [
        Recorded(request=make.predict(1, signature="half", dtype="float16"), at_s=100.0),
        Recorded(request=make.predict(1), answer=answer, at_s=101.5),
        Recorded(request=make.predict(2, 3), answer=answer, at_s=104.0),
    ]
    pool = make_pool(client("rest"), asked, source="a test", batch_size=1)
    assert pool.at_s == (0.0, 2.5)
    assert [one.answer is None for one in pool.recorded] == [False, True]
    without = [asked[1], Recorded(request=make.predict(2))]
    assert make_pool(client("grpc"), without, source="a test").at_s == ()
