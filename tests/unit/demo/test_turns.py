"""Images wait for each other: one is worked on at a time, few may wait, and none for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from tests.unit.demo.visitor import Visitor, Worker, ask, png_of, request, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.demo import DemoServer

IMAGE = png_of(Image.new("RGB", (6, 4), "blue"))


def test_one_image_is_worked_on_at_a_time(demo: Callable[..., DemoServer]) -> None:
    """Some wait for their turn, further ones are refused; all that were taken are answered."""
    worker = Worker()
    server = demo(worker, most_images=3)
    taken = [Visitor(server.port) for _ in range(3)]
    for visitor in taken:
        visitor.send(request(server.port, body=IMAGE))
    assert worker.begun.acquire(timeout=30)
    until(lambda: server._room._value == 0)
    refused = ask(server, request(server.port, body=IMAGE))
    assert (refused.status, refused.json["error"][:19]) == (503, "3 images are waitin")
    worker.let.set()
    assert [visitor.answer().status for visitor in taken] == [200, 200, 200]
    assert (worker.most, worker.done) == (1, 3)


def test_an_image_whose_turn_does_not_come_is_refused(demo: Callable[..., DemoServer]) -> None:
    """Waiting has an end."""
    worker = Worker()
    server = demo(worker, turn_s=0.1)
    first = Visitor(server.port)
    first.send(request(server.port, body=IMAGE))
    assert worker.begun.acquire(timeout=30)
    late = ask(server, request(server.port, body=IMAGE))
    worker.let.set()
    assert (late.status, late.json["error"]) == (
        503,
        "the images before this one took more than 0.1 s; try again later",
    )
    assert first.answer().status == 200


def test_an_image_that_nobody_waits_for_gives_its_room_back(demo: Callable[..., DemoServer]) -> None:
    """A sender who leaves while others are served is not worked for."""
    worker = Worker()
    server = demo(worker, most_images=2)
    first, gone = Visitor(server.port), Visitor(server.port)
    first.send(request(server.port, body=IMAGE))
    assert worker.begun.acquire(timeout=30)
    gone.send(request(server.port, body=IMAGE))
    until(lambda: server._room._value == 0)
    gone.socket.close()
    until(lambda: server._room._value == 1)
    worker.let.set()
    assert first.answer().status == 200
    assert worker.done == 1
