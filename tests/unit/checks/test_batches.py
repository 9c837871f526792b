"""Batches of every kind, on sound models and on ones that are not, with and without faults on the way."""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.altering_proxy import altered
from fixtures.mutations import Exchange, on_grpc, on_rest, swapped_rows
from harness.checks.batches import check
from harness.checks.batches.crowd import check_crowd
from harness.checks.request import Request
from harness.checks.rows import Batched, ask_rows
from harness.errors import ConnectionFailedError, StartupError, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Server
    from harness.checks.subject import Subject
    from harness.findings import Finding

_FIVE = np.linspace(-2, 3, 15, dtype=np.float32).reshape(5, 3)


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried must not depend on how busy the machine is."""
    for module in ("sizes", "crowd", "merging"):
        monkeypatch.setattr(f"harness.checks.batches.{module}._MOST_S", 1e6)


def _asked(subject: Subject, name: str, *requests: Request, stage: Any = None) -> Subject:
    """Return the subject with requests for one signature only, its own if none are given."""
    own = tuple(one for one in subject.requests if one.signature_name == name)
    return replace(subject, requests=requests or own, stage=stage)


def _five(name: str) -> Request:
    return Request(signature_name=name, inputs={"x": _FIVE}, source="five rows")


def _by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject.partition(": ")[2] or finding.subject: finding for finding in findings}


def test_a_sound_model_answers_rows_alike_in_every_batch(
    opened: Callable[..., Subject], served_examples: Server
) -> None:
    """All batches of a sound signature pass, over both APIs."""
    stage = _with_own_files(opened("odd"), served_examples)
    found = _by_subject(check(_asked(opened("odd"), "serving_default", _five("serving_default"), stage=stage)))
    assert all(finding.passed for finding in found.values())
    assert list(found) == [
        "rows together, in any order",
        "a batch of no rows",
        "batches of 64 and 256",
        "8 clients at once over gRPC",
        "8 clients at once over REST",
        "requests merged by the server",
    ]
    assert found["a batch of no rows"].seen == "no rows come back"
    assert found["8 clients at once over gRPC"].seen == "64 requests to serving_default: each got its own answer"


@pytest.mark.parametrize(
    ("signature", "place", "text"),
    [
        ("batch_mean", "rows together", "a row's answer depends on the rows that come with it"),
        (
            "squeezed",
            "rows together and alone",
            "output 'y' loses its first dimension in a batch of one: [3] instead of",
        ),
        (
            "no_two_rows",
            "rows together and alone",
            "one row alone is answered, but 5 together are not: INVALID_ARGUMENT",
        ),
        ("rows_for_none", "a batch of no rows", "rows come back where none were asked: {'y': [1, 3]}"),
    ],
)
def test_what_no_batch_may_do_fails(
    opened: Callable[..., Subject],
    served_examples: Server,
    failing: Callable[..., Any],
    signature: str,
    place: str,
    text: str,
) -> None:
    """Rows that depend on each other, a lost dimension, refused batches and rows from nowhere fail this check alone."""
    subject = opened("odd")
    subject = _asked(subject, signature, _five(signature), stage=_with_own_files(subject, served_examples))
    found = failing(subject, "contract", "parity", "batches", "large")
    parity = ["parity"] if signature == "no_two_rows" else []  # the request itself is refused there
    assert list(found) == [*parity, "batches"]
    (failed,) = found["batches"]
    assert failed.subject == f"{signature}: {place}"
    assert text in failed.seen


def test_one_refused_row_is_a_warning(opened: Callable[..., Subject]) -> None:
    """A signature that refuses one row alone may not mean its first dimension as a batch: it fails nothing."""
    (finding,) = check(_asked(opened("odd"), "no_single_row"))
    assert (finding.passed, finding.severity) == (False, "warning")
    assert "2 rows are answered, but one row alone is refused (INVALID_ARGUMENT: " in finding.seen


@pytest.mark.parametrize(
    ("signature", "subject", "why"),
    [
        ("one_row", "one_row", "its signature fixes the first dimension of 'x' at 1: there is no other batch"),
        ("total", "total: output total", "it has no row for each row: [] for 2"),
        ("total", "total: requests merged by the server", "a server that batches refuses outputs without rows: total"),
        (
            "padded",
            "padded: output letters",
            "its other sizes depend on the rows of a batch, as if padded to the longest",
        ),
        ("random", "random: output drawn", "two answers to the same request differ: ["),
        (
            "constant",
            "constant: which row an answer is for",
            "the 2 rows known bring the same answer, so a mix-up",
        ),
    ],
)
def test_what_is_no_batch_is_left_out_and_said(
    opened: Callable[..., Subject], signature: str, subject: str, why: str
) -> None:
    """Signatures and outputs without rows, and rows that cannot be told apart, fail nothing; the reason is there."""
    findings = check(_asked(opened("odd"), signature))
    assert all(one.passed for one in findings)
    (left_out,) = [one for one in findings if one.subject == subject]
    assert left_out.severity == "info"
    assert left_out.seen.startswith(f"not looked at: {why}")


def test_inputs_without_a_common_first_dimension_are_no_batch(opened: Callable[..., Subject]) -> None:
    """A request whose inputs share no first dimension, or which holds no row, is left out."""
    request = Request(signature_name="serving_default", inputs={"x": np.zeros((0, 3), np.float32)})
    (finding,) = check(_asked(opened("odd"), "serving_default", request))
    assert (finding.passed, "there is no batch" in finding.seen) == (True, True)


def test_rows_of_several_requests_are_asked_together(opened: Callable[..., Subject]) -> None:
    """The rows of requests of one form are joined, the same one only once."""
    one = _five("serving_default")
    findings = check(_asked(opened("odd"), "serving_default", one.take([0, 1]), one.take([1, 2]), one.take([0])))
    shuffled = json.loads(findings[0].tried.partition("rows ")[2].partition(" of ")[0])
    assert (len(shuffled), set(shuffled)) == (6, {0, 1, 2})


def test_one_row_is_repeated(opened: Callable[..., Subject]) -> None:
    """Where only one row is known, it is asked several times in one request."""
    findings = check(_asked(opened("odd"), "batch_mean", _five("batch_mean").take([0])))
    assert not any(one.fails for one in findings)  # the mean of equal rows is the row
    assert "one row is known, so a mix-up would not show" in findings[0].seen


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_classify_and_regress_have_batches_too(opened: Callable[..., Subject], method: Any) -> None:
    """Examples are rows: alone, together, and from many clients at once."""
    request = Request(
        signature_name=f"{method}_x_to_y", method=method, examples=({"x": 1.0}, {"x": 2.0}, {"x": 7.5}), source="three"
    )
    found = _by_subject(check(_asked(opened("half_plus_two"), request.signature_name, request)))
    assert all(one.passed for one in found.values())
    assert {"rows together, in any order", "8 clients at once over REST"} <= set(found)
    assert "refuses requests without examples by itself" in found["a batch of no rows"].seen


def test_swapped_rows_are_told_as_such(opened: Callable[..., Subject], failing: Callable[..., Any]) -> None:
    """Rows that come back in another order on both APIs fail this check alone, which says whose answer is where."""
    changes = {"grpc_change": on_grpc(swapped_rows), "rest_change": on_rest(swapped_rows)}
    subject = _asked(opened("odd", **changes), "serving_default", _five("serving_default"))
    found = failing(subject, "contract", "parity", "batches", "large")
    assert list(found) == ["batches"]
    text = (
        "the rows are mixed up: place 0 holds the answer to row 1 instead of row 0, place 1 holds the answer to row 0"
    )
    assert text in found["batches"][0].seen


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_answers_that_cross_are_found(opened: Callable[..., Subject], failing: Callable[..., Any], api: str) -> None:
    """Two clients that get each other's answer fail this check alone, over the API where it happens."""
    exchange = Exchange(wait_s=0.02)
    subject = opened("odd", **{f"{api}_change": getattr(exchange, f"on_{api}")})
    found = failing(
        _asked(subject, "serving_default", _five("serving_default")), "contract", "parity", "batches", "large"
    )
    assert list(found) == ["batches"]
    (crowd,) = found["batches"]
    assert crowd.subject == f"8 clients at once over {'gRPC' if api == 'grpc' else 'REST'}"
    assert " answers are wrong; answers crossed: rows [" in crowd.seen


def test_a_busy_server_may_refuse_but_not_all(opened: Callable[..., Subject]) -> None:
    """Refusals of a server without a free thread are counted and fail nothing, unless nobody is answered."""
    subject = _asked(opened("odd"), "serving_default")
    calls = itertools.count()
    for fault, passes, text in (
        (
            lambda _: _busy() if next(calls) % 3 == 0 else None,
            True,
            "more were refused, as the server runs only so many",
        ),
        (lambda _: _busy(), False, "all 64 requests were refused: RESOURCE_EXHAUSTED"),
    ):
        asked = replace(subject, grpc=_Interfering(subject.grpc, fault))
        crowd = _by_subject(_only_crowd(asked))["8 clients at once over gRPC"]
        assert crowd.passed is passes
        assert text in crowd.seen


def _only_crowd(subject: Subject) -> list[Finding]:
    one = ask_rows(subject, subject.rest, subject.signatures["serving_default"])  # type: ignore[arg-type] # it is there
    assert isinstance(one, Batched)
    return check_crowd(subject, [one])


def _busy() -> StatusError:
    where = {"target": "h:1", "api": "grpc", "request": "predict"}
    return StatusError("Server Threadpool Exhausted", code="RESOURCE_EXHAUSTED", **where)


@dataclass
class _Interfering:
    """A client whose calls fail when ``fault`` of the request's rows gives an error."""

    client: Any
    fault: Callable[[int], Exception | None]
    api: str = "grpc"

    def __getattr__(self, name: str) -> Any:
        """Be the client in all else."""
        return getattr(self.client, name)

    def predict(self, inputs: Any, **where: Any) -> Any:
        """Fail or answer."""
        error = self.fault(len(inputs["x"]))
        if error is not None:
            raise error
        return self.client.predict(inputs, **where)


@dataclass
class _Running:
    endpoint_of: Callable[[str], Any]


@dataclass
class _Stage:
    """A stage whose servers a test thinks of: ``server`` is a context manager of the model and the flags."""

    stage: Any
    server: Callable[..., Any]
    args: tuple[str, ...] = ()

    @property
    def spec(self) -> Any:
        return replace(self.stage.spec, args=self.args)

    def base_path(self) -> Any:
        return self.stage.base_path()


def _with_own_files(subject: Subject, served: Server, args: tuple[str, ...] = ()) -> _Stage:
    """Return a stage whose server is one that runs already, and does not batch."""
    return _Stage(subject.stage, lambda *_, **__: nullcontext(_Running(served.endpoint_of)), args)


def test_a_server_that_ends_over_no_rows_fails(opened: Callable[..., Subject], served_examples: Server) -> None:
    """A request of no rows that ends the server, or seems to, is an error that says whether it still answers."""
    subject = opened("odd")
    ended = ConnectionFailedError("the connection was lost", target="h:1", api="grpc", request="predict")
    stage = _with_own_files(subject, served_examples)
    for fault, text in (
        (lambda rows: None if rows else ended, "; other requests are still answered"),
        (
            _after(ended),
            "; after that one row alone is not answered either (ConnectionFailedError): did the server end?",
        ),
    ):
        asked = replace(_asked(subject, "serving_default", stage=stage), grpc=_Interfering(subject.grpc, fault))
        finding = _by_subject(check(asked))["a batch of no rows"]
        assert finding.fails
        assert "the connection was lost" in finding.seen
        assert finding.seen.endswith(text)


def _after(error: Exception) -> Callable[[int], Exception | None]:
    """Return a fault that begins with a request of no rows, and lasts."""
    has_begun = threading.Event()

    def fault(rows: int) -> Exception | None:
        if not rows:
            has_begun.set()
        return error if has_begun.is_set() else None

    return fault


def test_a_server_that_hangs_over_no_rows_fails(
    opened: Callable[..., Subject], served_examples: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer to a request of no rows within the patience is an error."""
    monkeypatch.setattr("harness.checks.batches.sizes._PATIENCE_S", 0.2)
    over = threading.Event()

    def hang(_method: str, request: bytes, reply: bytes) -> bytes:
        if b"\x12\x00" in request:  # a dimension of size 0 takes no bytes
            over.wait(5)
        return reply

    subject = opened("odd", grpc_change=hang)
    stage = _with_own_files(subject, served_examples)
    finding = _by_subject(check(_asked(subject, "serving_default", stage=stage)))["a batch of no rows"]
    over.set()
    assert finding.fails
    assert "no answer within" in finding.seen


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--enable_batching",), "a server that batches never answers such a request"),
        (("--enable_batching=false",), ""),
    ],
)
def test_no_rows_are_not_sent_where_the_server_batches(
    opened: Callable[..., Subject], served_examples: Server, args: tuple[str, ...], why: str
) -> None:
    """A genuine server that batches would never answer; one whose batching is off would (behaviour item 181)."""
    subject = opened("odd")
    stage = _with_own_files(subject, served_examples, args)
    finding = _by_subject(check(_asked(subject, "serving_default", stage=stage)))["a batch of no rows"]
    assert finding.seen == (f"not looked at: {why}" if why else "no rows come back")


def test_an_external_server_is_asked_what_it_can_be_asked(opened: Callable[..., Subject]) -> None:
    """Without servers of one's own, merging and no rows are left out, and the rest is not."""
    found = _by_subject(check(_asked(opened("odd"), "serving_default")))
    assert "an external server may batch" in found["a batch of no rows"].seen
    assert "an external server is not ours to start" in found["requests merged by the server"].seen
    assert found["batches of 64 and 256"].seen == "each row brings the answer that it brings alone"


def test_rest_alone_is_enough(opened: Callable[..., Subject]) -> None:
    """Without gRPC all but no rows is asked over REST."""
    found = _by_subject(check(replace(_asked(opened("odd"), "serving_default"), grpc=None)))
    assert found["8 clients at once over REST"].passed
    assert "8 clients at once over gRPC" not in found
    assert "JSON's empty list does not show the other dimensions" in found["a batch of no rows"].seen


def test_answers_that_cross_in_a_merged_batch_are_found(opened: Callable[..., Subject]) -> None:
    """A server that mixes up answers where it merges requests fails for the signature where it does, and no other."""
    subject = opened("odd")
    exchange = Exchange(wait_s=0.2)

    def only_of_wide(method: str, request: bytes, reply: bytes) -> bytes:
        return exchange.on_grpc(method, request, reply) if b"wide" in request else reply

    @contextmanager
    def crossing(model: Any, args: tuple[str, ...]) -> Iterator[Any]:
        with (
            subject.stage.server(model, args=args) as server,  # type: ignore[union-attr] # it is there
            altered(server.endpoint_of("odd"), grpc_change=only_of_wide) as endpoint,
        ):
            yield _Running(lambda _: endpoint)

    asked = replace(subject, requests=(_five("wide"), _five("serving_default")), stage=_Stage(subject.stage, crossing))
    merged = {one.subject: one for one in check(asked) if one.subject.endswith("requests merged by the server")}
    assert [one.passed for one in merged.values()] == [True, False]
    assert (
        " surely run as one batch: each got its own answer"
        in merged["serving_default: requests merged by the server"].seen
    )
    assert "answers crossed: rows [" in merged["wide: requests merged by the server"].seen


def test_a_server_that_does_not_batch_is_not_praised(opened: Callable[..., Subject], served_examples: Server) -> None:
    """A server that answers a request alone at once, though told to wait for more, merges nothing: that is said."""
    subject = opened("odd")
    stage = _with_own_files(subject, served_examples)
    found = _by_subject(check(_asked(subject, "serving_default", stage=stage)))["requests merged by the server"]
    assert "took no notice of --enable_per_model_batching_parameters" in found.seen
    assert (found.passed, found.severity) == (True, "info")


def test_a_server_that_does_not_start_with_batching_fails(opened: Callable[..., Subject]) -> None:
    """What keeps a server from batching the model is an error with the server's reason."""
    subject = opened("odd")

    def fail(*_: Any, **__: Any) -> Any:
        raise StartupError("the server exited", log_tail=("bad model",))

    found = _by_subject(check(_asked(subject, "serving_default", stage=_Stage(subject.stage, fail))))
    assert found["requests merged by the server"].fails
    assert "| bad model" in found["requests merged by the server"].seen
