"""The gRPC engine against an HTTP/2 server on a real socket that goes away, resets, refuses and lies, under load."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any

import h2.errors
import h2.settings
import pytest

from fixtures.http2_peer import Conversation, http2_peer
from harness.load.engines.http2 import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load.session import Session

    Run = Callable[..., Session]


def _goaway(last_stream: int, code: int = 0) -> bytes:
    return frames.frame(frames.GOAWAY, 0, 0, struct.pack(">II", last_stream, code) + b"max age")


def _errors(session: Session) -> dict[str, int]:
    return session.samples().errors


@pytest.mark.parametrize("options", [{}, {"most": 1}], ids=["many at a time", "one at a time"])
def test_goaway_costs_no_request(run_here: Run, options: dict[str, int]) -> None:
    """A server that takes 20 requests a connection is followed from one connection to the next, without an error."""

    def behave(talk: Conversation, stream: int) -> None:
        if talk.requests <= 20:
            talk.answer(stream)
        if talk.requests == 20:
            talk.say(_goaway(stream))

    values = {"MAX_CONCURRENT_STREAMS": options["most"]} if options else {}
    with http2_peer(behave, **values) as (address, conversations):
        session = run_here("grpc", address, duration_s=30, most_requests=150, concurrency=8)
    assert (session.ended, _errors(session), len(session.samples())) == ("completed", {}, 150)
    assert len(conversations) >= 7


def test_a_first_goaway_that_names_no_last_stream_ends_the_connection_softly(run_here: Run) -> None:
    """As gRPC servers do: first "no more", then, later, which was the last; what was sent meanwhile is answered."""

    def behave(talk: Conversation, stream: int) -> None:
        if talk.requests == 10:
            talk.say(_goaway(2**31 - 1))
        talk.answer(stream)

    with http2_peer(behave) as (address, conversations):
        session = run_here("grpc", address, duration_s=30, most_requests=100)
    assert (session.ended, _errors(session)) == ("completed", {})
    assert len(conversations) >= 8


def test_a_server_that_only_says_goaway_ends_the_run(run_here: Run) -> None:
    """Connections that are given up before any answer are not opened without end: the run ends and says what came."""
    with http2_peer(lambda talk, _stream: talk.say(_goaway(0, 11))) as (address, conversations):
        session = run_here("grpc", address, duration_s=30)
    assert session.ended == "server gone"
    assert "GOAWAY (ENHANCE_YOUR_CALM, max age)" in session.reason
    assert address in session.reason
    assert len(conversations) <= 5


def test_resets_are_errors_and_refusals_are_not(run_here: Run) -> None:
    """A reset call is an error of its kind; one that was refused is sent again, and counts once."""
    codes = {3: h2.errors.ErrorCodes.INTERNAL_ERROR, 5: h2.errors.ErrorCodes.REFUSED_STREAM}

    def behave(talk: Conversation, stream: int) -> None:
        code = codes.get(talk.requests % 10)
        if code is None:
            talk.answer(stream)
        else:
            talk.h2.reset_stream(stream, code)

    with http2_peer(behave) as (address, (*_,)):
        session = run_here("grpc", address, duration_s=30, most_requests=180)
    errors = _errors(session)
    assert list(errors) == ["INTERNAL"]
    assert errors["INTERNAL"] == pytest.approx(20, abs=2)
    assert "error code 2" in session.messages["INTERNAL"]


def test_a_server_that_refuses_everything_is_told(run_here: Run) -> None:
    """A call that is refused again and again is UNAVAILABLE, not tried for ever."""
    refuse = h2.errors.ErrorCodes.REFUSED_STREAM
    with http2_peer(lambda talk, stream: talk.h2.reset_stream(stream, refuse)) as (address, _):
        session = run_here("grpc", address, duration_s=0.1)
    assert list(_errors(session)) == ["UNAVAILABLE"]
    assert "refused" in session.messages["UNAVAILABLE"]


def test_one_request_at_a_time_is_kept_to(run_here: Run) -> None:
    """Where the server takes one stream at a time, eight lanes take turns; h2 would hang up on a second one."""
    with http2_peer(MAX_CONCURRENT_STREAMS=1) as (address, conversations):
        session = run_here("grpc", address, duration_s=30, most_requests=100, concurrency=8)
    assert (_errors(session), len(conversations)) == ({}, 1)


@pytest.mark.parametrize("window", [1, 16, 1000])
def test_tiny_windows_are_kept_to(run_here: Run, window: int) -> None:
    """Bodies larger than the server's window arrive whole, piece by piece; h2 would hang up on a byte too many."""
    bodies = [bytes(300), b"y" * 700]
    with http2_peer(INITIAL_WINDOW_SIZE=window) as (address, conversations):
        session = run_here("grpc", address, bodies=bodies, duration_s=30, most_requests=12)
    assert (_errors(session), len(conversations)) == ({}, 1)
    assert set(session.samples().response_bytes.tolist()) == {300, 700}


def test_settings_may_change_at_any_time(run_here: Run) -> None:
    """Windows, header tables and numbers of streams that change under load cost no request."""
    names = h2.settings.SettingCodes

    def behave(talk: Conversation, stream: int) -> None:
        if talk.requests % 7 == 0:
            turn = talk.requests // 7
            talk.h2.update_settings(
                {
                    names.INITIAL_WINDOW_SIZE: (50, 200_000)[turn % 2],
                    names.HEADER_TABLE_SIZE: (0, 4096, 100)[turn % 3],
                    names.MAX_CONCURRENT_STREAMS: (1, 100)[turn % 2],
                }
            )
            talk.h2.ping(b"are you?")
        talk.answer(stream)

    with http2_peer(behave) as (address, conversations):
        bodies = [b"a" * 30_000, b"b", b"c" * 200]
        session = run_here("grpc", address, bodies=bodies, duration_s=30, most_requests=100, concurrency=6)
    assert (_errors(session), len(conversations)) == ({}, 1)


def test_what_came_before_a_breach_counts(run_here: Run) -> None:
    """Answers beside a broken frame are answers; what was in flight is lost; the next connection goes on."""

    def behave(talk: Conversation, stream: int) -> None:
        talk.answer(stream)
        if talk.requests == 30:
            talk.say(frames.frame(frames.SETTINGS, 0, 0, bytes(5)))

    with http2_peer(behave) as (address, conversations):
        session = run_here("grpc", address, duration_s=30, most_requests=100, concurrency=4)
    assert session.ended == "completed"
    assert len(conversations) >= 3
    assert set(_errors(session)) <= {"UNAVAILABLE"}
    assert sum(_errors(session).values()) <= 4 * len(conversations)
    assert int(session.samples().ok.sum()) >= 80


def test_one_error_in_a_hundred_is_counted_as_one(run_here: Run) -> None:
    """Of 500 answers 5 say INTERNAL: five errors, and 495 latencies."""

    def behave(talk: Conversation, stream: int) -> None:
        talk.answer(stream, status=13 if talk.requests % 100 == 50 else 0)

    with http2_peer(behave) as (address, _):
        session = run_here("grpc", address, duration_s=30, most_requests=500)
    samples = session.samples()
    assert (samples.errors, samples.latency_ns.size) == ({"INTERNAL": 5}, 495)


def test_a_status_that_grpc_does_not_know_is_no_success(run_here: Run) -> None:
    """grpc-status 200 looks like an HTTP success, and is none."""
    with http2_peer(lambda talk, stream: talk.answer(stream, status=200)) as (address, _):
        session = run_here("grpc", address, duration_s=0.1)
    assert list(_errors(session)) == ["UNKNOWN"]
    assert "grpc-status 200" in session.messages["UNKNOWN"]


def test_answers_of_the_wrong_request_are_found_among_those_kept(run_here: Run) -> None:
    """A server that now and then answers what it was asked before gives answers that differ from the expected ones."""
    before = [b""]

    def behave(talk: Conversation, stream: int) -> None:
        body = talk.bodies[stream]
        talk.answer(stream, body=before[0] if talk.requests % 25 == 0 else body)
        before[0] = body

    bodies = [bytes([number]) * 9 for number in range(7)]
    with http2_peer(behave) as (address, _):
        options: dict[str, Any] = {"concurrency": 1, "keep_answers": 500}
        session = run_here("grpc", address, bodies=bodies, duration_s=30, most_requests=200, **options)
    assert _errors(session) == {}
    assert session.keeper is not None
    kept = session.keeper.kept
    assert len(kept) >= 200
    wrong = sum(answer.body != bodies[answer.request] for answer in kept)
    assert wrong == len(kept) // 25


@pytest.mark.parametrize("keep_answers", [0, 10])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\1\0\0\0\5hello", "the answer is compressed, which was not asked for"),
        (b"\0\0\0\0\1a\0\0\0\0\1b", "tells of 1 bytes, and 7 follow"),
        (b"\0\0\0\0\5hell", "tells of 5 bytes, and 4 follow"),
        (b"\7\0\0\0\1a", "is not one message"),
    ],
)
def test_an_answer_that_is_not_one_message_is_an_error(
    run_here: Run, body: bytes, text: str, keep_answers: int
) -> None:
    """Bytes that gRPC would not take for one uncompressed message are told, whether answers are kept or not."""
    with http2_peer(lambda talk, stream: talk.answer(stream, body=body)) as (address, _):
        session = run_here("grpc", address, duration_s=5, most_requests=20, keep_answers=keep_answers)
    assert list(_errors(session)) == ["INTERNAL"]
    assert text in session.messages["INTERNAL"]


def test_the_frame_of_a_message_may_come_in_pieces(run_here: Run) -> None:
    """Its five bytes may be spread over frames of data, empty ones among them."""

    def behave(talk: Conversation, stream: int) -> None:
        talk.h2.send_headers(stream, [(":status", "200")])
        for piece in (b"\0", b"", b"\0\0\0", b"\5hel", b"lo"):
            talk.h2.send_data(stream, piece)
        talk.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)

    with http2_peer(behave) as (address, _):
        session = run_here("grpc", address, duration_s=5, most_requests=20)
    assert (_errors(session), set(session.samples().response_bytes.tolist())) == ({}, {5})


def test_a_server_may_take_no_requests_for_a_while(run_here: Run) -> None:
    """MAX_CONCURRENT_STREAMS of 0 in the middle of a run: requests wait until it is raised again, and none is lost."""

    def behave(talk: Conversation, stream: int) -> None:
        talk.answer(stream)
        if talk.requests == 20:
            talk.say(frames.settings({frames.MAX_CONCURRENT_STREAMS: 0}))
            threading.Event().wait(0.1)
            talk.say(frames.settings({frames.MAX_CONCURRENT_STREAMS: 100}))

    with http2_peer(behave) as (address, conversations):
        session = run_here("grpc", address, duration_s=30, most_requests=100, concurrency=4)
    samples = session.samples()
    assert (session.ended, samples.errors, len(samples), len(conversations)) == ("completed", {}, 100, 1)
    assert samples.latency_ns.max() >= 90_000_000
