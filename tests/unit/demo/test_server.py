"""The page's server: whom it answers, how much it takes, and what is left of it."""

from __future__ import annotations

import base64
import io
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from harness.demo import DemoServer, Limits, Marked
from harness.errors import ConnectionFailedError, SignatureError, UsageError
from tests.unit.demo.visitor import Answer, Visitor, Worker, answering, ask, png_of, request, turned_red, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = png_of(Image.new("RGB", (6, 4), "blue"))
OTHER = "http://evil.example"

# What is sent after "POST /mark", or instead of it, and how it is refused.
REFUSED = {
    "another page's address": ({"ours": False, "head": f"Origin: {OTHER}\nX-Harness-Demo: 1\nContent-Length: 0"}, 403),
    "another port's page": ({"ours": False, "head": "Origin: http://127.0.0.1:1\nX-Harness-Demo: 1"}, 403),
    "a page without address": ({"ours": False, "head": "Origin: null\nX-Harness-Demo: 1\nContent-Length: 0"}, 403),
    "two pages' addresses": ({"head": f"Origin: {OTHER}"}, 403),
    "another site, by the browser": ({"ours": False, "head": "Sec-Fetch-Site: cross-site\nX-Harness-Demo: 1"}, 403),
    "a form, which has no header": ({"ours": False, "head": "Content-Length: 0"}, 403),
    "no length": ({"ours": False, "head": "X-Harness-Demo: 1"}, 411),
    "no length but pieces": ({"head": "Transfer-Encoding: chunked", "body": b"1\r\na\r\n0\r\n\r\n"}, 411),
    "a length in words": ({"head": "Content-Length: five"}, 400),
    "a length below nothing": ({"head": "Content-Length: -1"}, 400),
    "two lengths": ({"head": "Content-Length: 1\nContent-Length: 2"}, 400),
    "a byte too many": ({"head": "Content-Length: 1001"}, 413),
    "very many bytes": ({"head": "Content-Length: " + "9" * 5000}, 413),
    "another path": ({"to": "POST /other"}, 404),
    "a whole address as path": ({"to": f"POST {OTHER}/mark"}, 404),
    "an image to the page": ({"to": "POST /"}, 405),
    "the page where images go": ({"to": "GET /mark"}, 405),
    "another page asks whether it may": ({"to": "OPTIONS /mark"}, 501),
    "a method that is none": ({"to": "MARK /mark"}, 501),
    "HTTP of another kind": ({"to": "POST /mark HTTP/9.9"}, 400),
}


def _is_guarded(answer: Answer) -> bool:
    wanted = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Connection": "close"}
    return (
        wanted.items() <= answer.headers.items() and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    )


def _is_cut(visitor: Visitor) -> bool:
    """Whether the connection ends with no answer, in either way in which one can end."""
    with visitor.socket:
        try:
            return visitor.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def _never(image: bytes) -> Marked:
    pytest.fail(f"asked to mark {image!r}")


@pytest.fixture(scope="module")
def refusing() -> Iterator[DemoServer]:
    """A server that takes up to 1000 bytes, and fails if there is ever an image to mark."""
    with answering(_never, Limits(most_bytes=1000)) as server:
        yield server


def test_an_image_comes_back_marked(demo: Callable[..., DemoServer]) -> None:
    """The answer holds the marked PNG, and each group's and stage's time as a number and as text."""
    server = demo()
    answer = ask(server, request(server.port, body=IMAGE))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert _is_guarded(answer)
    marked = Image.open(io.BytesIO(base64.b64decode(answer.json["png"])))
    assert (marked.size, marked.getpixel((0, 0))) == ((6, 4), (255, 0, 0))
    assert answer.json["took"] == "10.0 ms"
    assert [(group["name"], group["ns"], group["took"]) for group in answer.json["groups"]] == [
        ("preprocessing", 2_000_000, "2.00 ms"),
        ("serving", 7_000_000, "7.00 ms"),
        ("postprocessing", 1_000_000, "1.00 ms"),
    ]
    assert answer.json["groups"][0]["stages"][0] == {"name": "decode", "ns": 1_500_000, "took": "1.50 ms"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_page_is_shown(demo: Callable[..., DemoServer], host: str) -> None:
    """By either name of this machine the page is there, and its policy lets it reach nothing but this server."""
    server = demo()
    answer = ask(server, f"GET / HTTP/1.1\r\nHost: {host}:{server.port}\r\n\r\n".encode())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert _is_guarded(answer)
    assert b"<title>shelf" in answer.body
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "hosts", [[], ["evil.example:{port}"], ["127.0.0.1"], ["127.0.0.1:1"], ["127.0.0.1:{port}"] * 2]
)
@pytest.mark.parametrize("to", ["GET /", "POST /mark"])
def test_a_name_that_leads_here_is_not_enough(refusing: DemoServer, hosts: list[str], to: str) -> None:
    """A request for another host, no host or two is refused: another site's name may have been turned hither."""
    lines = "".join(f"Host: {host.format(port=refusing.port)}\r\n" for host in hosts)
    answer = ask(refusing, f"{to} HTTP/1.1\r\n{lines}X-Harness-Demo: 1\r\nContent-Length: 0\r\n\r\n".encode())
    assert answer.status == 421
    assert _is_guarded(answer)


@pytest.mark.parametrize(("said", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(refusing: DemoServer, said: dict[str, Any], status: int) -> None:
    """Requests that are not from the page, or have no proper length, are refused with a text and never worked on."""
    answer = ask(refusing, request(refusing.port, **said))
    assert answer.status == status
    assert _is_guarded(answer)
    assert answer.json["error"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_too_large_is_answered_while_the_body_still_comes(refusing: DemoServer) -> None:
    """The refusal is not lost when the sender goes on with megabytes, and says what is taken."""
    visitor = Visitor(refusing.port)
    visitor.send(request(refusing.port, body=bytes(5 * 2**20)))
    answer = visitor.answer()
    assert (answer.status, answer.json["error"]) == (413, "at most 1000 B are taken")


def test_who_asks_before_sending_is_told(demo: Callable[..., DemoServer]) -> None:
    """With ``Expect: 100-continue`` a body that is wanted is asked for, and one that is not is refused unsent."""
    server = demo(most_bytes=len(IMAGE))
    visitor = Visitor(server.port)
    visitor.send(request(server.port, f"Expect: 100-continue\nContent-Length: {len(IMAGE)}"))
    assert visitor.socket.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    visitor.send(IMAGE)
    assert visitor.answer().status == 200
    refused = ask(server, request(server.port, f"Expect: 100-continue\nContent-Length: {len(IMAGE) + 1}"))
    assert refused.status == 413


CALL = {"target": "127.0.0.1:1", "api": "grpc", "request": "predict model=shelf"}
FAILS = {
    "no image": (UsageError("5 bytes are no image\x1b; give one"), 415, "5 bytes are no image\\x1b; give one", False),
    "no server": (ConnectionFailedError("nothing answers", **CALL), 502, "nothing answers\n  request: predict", False),
    "another model": (SignatureError("no input 'image'"), 500, "no input 'image'", True),
    "a fault": (ZeroDivisionError("secret"), 500, "mine:mark raised ZeroDivisionError; the traceback is on", True),
}


@pytest.mark.parametrize(("error", "status", "text", "shown"), FAILS.values(), ids=FAILS.keys())
def test_what_client_code_raises_is_told(
    demo: Callable[..., DemoServer],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
    text: str,
    *,
    shown: bool,
) -> None:
    """The harness's errors have a status by their kind and are told whole; others go to the terminal."""

    def fail(_: bytes) -> Marked:
        raise error

    server = demo(fail)
    answer = ask(server, request(server.port, body=IMAGE))
    assert answer.status == status
    assert answer.json["error"].startswith(text)
    assert "secret" not in answer.json["error"]
    assert ("Traceback" in capsys.readouterr().err) is shown
    server.mark = turned_red
    assert ask(server, request(server.port, body=IMAGE)).status == 200


def test_a_slow_sender_is_not_waited_for(demo: Callable[..., DemoServer]) -> None:
    """A request has to be there in time, if nothing comes or single bytes do: a head is cut off, a body refused."""
    server = demo(_never, read_s=0.3)
    silent = Visitor(server.port)
    silent.socket.settimeout(15)
    silent.send(request(server.port, "Content-Length: 1000000"))
    assert silent.answer().status == 408
    head, body = Visitor(server.port), Visitor(server.port)
    head.send(b"GET / HTTP/1.1\r\nX: ")
    body.send(request(server.port, "Content-Length: 1000000"))
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.02):
            for visitor in (head, body):
                try:
                    visitor.send(b"x")
                except OSError:  # cut off
                    continue

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        answer = body.answer()
        assert (answer.status, answer.json["error"]) == (408, "the image did not arrive within 0.3 s")
        assert _is_cut(head)
    finally:
        stop.set()
        sender.join()


def test_there_are_only_so_many_connections(demo: Callable[..., DemoServer]) -> None:
    """One too many is closed at once; when another ends there is room again."""
    server = demo(most_connections=2)
    idle = [Visitor(server.port) for _ in range(2)]
    until(lambda: len(server._workers) == 2)
    assert _is_cut(Visitor(server.port))
    for visitor in idle:
        visitor.socket.close()
    until(lambda: not server._workers)
    assert ask(server, request(server.port, body=IMAGE)).status == 200


def test_nothing_is_left() -> None:
    """When the block ends, idle and waiting connections are cut, their threads are gone, and nobody answers."""
    before = set(threading.enumerate())
    worker = Worker()
    with answering(worker, Limits(close_s=30.0)) as server:
        visitors = [Visitor(server.port) for _ in range(3)]
        for visitor in visitors[:2]:
            visitor.send(request(server.port, body=IMAGE))
        assert worker.begun.acquire(timeout=30)
        until(lambda: len(server._workers) == 3)

        def let_once_cut() -> None:
            visitors[-1].socket.recv(1)  # ends when the connections, of which this is the last, are cut
            worker.let.set()

        letting = threading.Thread(target=let_once_cut)
        letting.start()
    letting.join()
    assert all(_is_cut(visitor) for visitor in visitors)
    assert worker.done == 1
    until(lambda: set(threading.enumerate()) <= before)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_a_port_that_is_taken_is_refused(demo: Callable[..., DemoServer]) -> None:
    """The error names the option."""
    port = demo().port
    with pytest.raises(UsageError, match=rf"--port {port} cannot be used for the page: Address already in use"):
        DemoServer(port=port)
