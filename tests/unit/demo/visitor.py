"""A visitor who can say anything to the page's server, and what it is asked to mark images with."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from PIL import Image

from harness.demo import DemoServer, Facts, Limits, Marked, render_page
from harness.demo.timing import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ANSWER_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a visitor got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class Visitor:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def answer(self) -> Answer:
        """Return the whole answer."""
        with self.socket, HTTPResponse(self.socket) as response:
            response.begin()
            return Answer(status=response.status, headers=dict(response.getheaders()), body=response.read())


def png_of(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def turned_red(image: bytes) -> Marked:
    """Return an image of the same size, all red, as if that had taken some time."""
    size = Image.open(io.BytesIO(image)).size
    groups = (
        Group(name="preprocessing", total_ns=2_000_000, stages_ns={"decode": 1_500_000, "not in a stage": 500_000}),
        Group(name="serving", total_ns=7_000_000, stages_ns={"send to reply": 7_000_000}),
        Group(name="postprocessing", total_ns=1_000_000, stages_ns={"<b>draw</b>": 1_000_000}),
    )
    return Marked(png=png_of(Image.new("RGB", size, "red")), groups=groups)


class Worker:
    """Marks when it is let, and notes how many images it had at once."""

    def __init__(self) -> None:
        """Begin held back."""
        self.let = threading.Event()
        self.begun = threading.Semaphore(0)
        self.now = self.most = self.done = 0

    def __call__(self, image: bytes) -> Marked:
        """Mark an image, once it may."""
        self.now += 1
        self.most = max(self.most, self.now)
        self.begun.release()
        assert self.let.wait(30)
        self.now -= 1
        self.done += 1
        return turned_red(image)


def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds."""
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)


def request(port: int, head: str = "", body: bytes = b"", *, to: str = "POST /mark", ours: bool = True) -> bytes:
    """Return a request as the page sends it, with further lines in its head."""
    lines = [f"{to} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"Origin: http://127.0.0.1:{port}", "X-Harness-Demo: 1", "Sec-Fetch-Site: same-origin"] * ours
    lines += [f"Content-Length: {len(body)}"] * (ours and "Content-Length" not in head and "Transfer-E" not in head)
    return "\r\n".join([*lines, *head.splitlines(), "", ""]).encode() + body


def ask(server: DemoServer, data: bytes) -> Answer:
    """Send bytes as they are, and return what comes back."""
    visitor = Visitor(server.port)
    visitor.send(data)
    return visitor.answer()


@contextmanager
def answering(mark: Callable[[bytes], Marked], limits: Limits) -> Iterator[DemoServer]:
    """Show a page and mark images within the block."""
    server = DemoServer(limits=limits)
    facts = Facts(model="shelf", pipeline="mine:mark", backend="standin", api="grpc", most_bytes=limits.most_bytes)
    with server.answering(render_page(facts), mark, name="mine:mark"):
        yield server
