"""The pool of links, with links that do as they are told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from harness.load.engines.wire import pool as pool_module
from harness.load.engines.wire.errors import LinkLostError
from harness.load.engines.wire.link import Ticket
from harness.load.engines.wire.pool import Pool

_NUMBERS = itertools.count(1)


class FakeLink:
    """A link without a socket."""

    def __init__(self, target: int) -> None:
        """Be connected at once."""
        self.target = target
        self.number = next(_NUMBERS)
        self.is_open, self.takes_more, self.wants_write, self.is_awaited = True, True, False, False
        self.began_ns = pool_module.time.perf_counter_ns()
        self.heard_ns = 0
        self.why = ""
        self.returned: list[Ticket] = []
        self.sent: list[Ticket] = []
        self.flushes = 0
        self.closed = False
        self.breaks = False

    @property
    def in_flight(self) -> int:
        """What was sent."""
        return len(self.sent)

    def send(self, ticket: Ticket) -> None:
        """Keep it."""
        assert not self.closed
        self.sent.append(ticket)

    def flush(self) -> None:
        """Count, or break."""
        if self.breaks:
            raise LinkLostError("broken")
        self.flushes += 1

    def tickets(self) -> list[Ticket]:
        """Give back what was sent."""
        sent, self.sent = self.sent, []
        return sent

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def answers(self) -> None:
        """Answer everything."""
        self.sent.clear()
        self.heard_ns = pool_module.time.perf_counter_ns()


class FakeWaiter:
    """Knows which links are watched."""

    def __init__(self) -> None:
        """Watch nothing."""
        self.watched: set[FakeLink] = set()

    def watch(self, link: FakeLink) -> None:
        """Watch it."""
        self.watched.add(link)

    def forget(self, link: FakeLink) -> None:
        """It must be watched, and not closed yet."""
        self.watched.remove(link)
        assert not link.closed

    def update(self, link: FakeLink) -> None:
        """It must be watched."""
        assert link in self.watched


class Scene:
    """A pool, its links in the order they were opened, and which targets were said to be gone."""

    def __init__(self) -> None:
        """Begin with a server that accepts."""
        self.links: list[FakeLink] = []
        self.gone: list[tuple[int, str, int]] = []
        self.refuses = False
        self.pool = Pool(FakeWaiter(), self._open, on_gone=lambda *words: self.gone.append(words))  # type: ignore[arg-type]

    def _open(self, target: int) -> Any:
        if self.refuses:
            raise LinkLostError("refused")
        self.links.append(FakeLink(target))
        return self.links[-1]

    def later(self) -> None:
        """Let the time for the next try come."""
        self.pool.fill(pool_module.time.perf_counter_ns() + pool_module._BETWEEN_TRIES_NS + 1)


@pytest.fixture
def scene() -> Scene:
    """A pool with fake links."""
    return Scene()


def _ticket(number: int) -> Ticket:
    return Ticket(number, 0, 0)


def test_a_link_that_takes_no_more_leaves_its_slot_and_ends_when_answered(scene: Scene) -> None:
    """Its successor takes what comes and what it gave back; the old one is closed once nothing is in flight there."""
    slot = scene.pool.add(0)
    old: Any = slot.link
    scene.pool.send(slot, _ticket(1))
    old.heard_ns = 5
    old.takes_more, old.returned = False, [_ticket(2)]
    scene.pool.retire(old)
    new: Any = slot.link
    assert new is not old
    assert ([one.number for one in new.sent], old.closed, scene.pool.outstanding) == ([2], False, 2)
    old.answers()
    scene.pool.retire(old)
    assert (old.closed, scene.pool.links()) == (True, [new])


def test_a_successor_may_end_before_its_predecessor(scene: Scene) -> None:
    """Where one link after the other takes no more, all of them go on to be answered, and the last takes what comes."""
    slot = scene.pool.add(0)
    for number in range(3):
        link: Any = slot.link
        scene.pool.send(slot, _ticket(number))
        link.heard_ns, link.takes_more = 5, False
        scene.pool.retire(link)
    first, second, third, _ = scene.links
    assert scene.pool.lose(second, "closed") == [_ticket(1)]  # type: ignore[arg-type]
    assert slot.link is scene.links[3]  # type: ignore[comparison-overlap]
    first.answers()
    scene.pool.retire(first)  # type: ignore[arg-type]
    assert [one.closed for one in scene.links] == [True, True, False, False]
    assert (scene.pool.outstanding, third.in_flight) == (1, 1)


def test_a_lost_link_that_had_answered_is_replaced_at_once(scene: Scene) -> None:
    """What it had in flight is lost; the next link is there without waiting."""
    slot = scene.pool.add(0)
    link: Any = slot.link
    scene.pool.send(slot, _ticket(1))
    link.heard_ns = 5
    assert scene.pool.lose(link, "closed") == [_ticket(1)]
    assert (link.closed, len(scene.links), slot.link is not None) == (True, 2, True)


def test_what_was_never_sent_waits_for_the_next_link(scene: Scene) -> None:
    """A connection that was never made loses no request: they go out on the next one."""
    slot = scene.pool.add(0)
    link: Any = slot.link
    link.is_open = False
    scene.pool.send(slot, _ticket(1))
    assert scene.pool.lose(link, "refused") == []
    scene.pool.send(slot, _ticket(2))
    assert (slot.link, [one.number for one in slot.waiting], scene.pool.outstanding) == (None, [1, 2], 2)
    scene.later()
    assert [one.number for one in scene.links[1].sent] == [1, 2]
    assert scene.pool.outstanding == 2


def test_three_failures_in_a_row_are_a_target_that_is_gone(scene: Scene) -> None:
    """A server that refuses is asked again after a moment, and counts as gone at the third failure, since the first."""
    slot = scene.pool.add(0)
    link: Any = slot.link
    link.heard_ns = 5
    scene.refuses = True
    scene.pool.lose(link, "closed")
    since_ns = slot.failing_since_ns
    scene.pool.fill(pool_module.time.perf_counter_ns())
    assert (slot.failures, scene.gone) == (1, [])
    scene.later()
    assert (slot.failures, scene.gone) == (2, [])
    scene.later()
    assert scene.gone == [(0, "refused", since_ns)]


def test_a_target_that_answers_elsewhere_is_not_gone(scene: Scene) -> None:
    """One slot whose connections are closed again and again is no sign of the end while another slot's is answered."""
    bad, good, other = scene.pool.add(0), scene.pool.add(0), scene.pool.add(1)
    for _ in range(10):
        good.link.answers()  # type: ignore[union-attr]
        link: Any = bad.link
        scene.pool.send(bad, _ticket(1))
        scene.pool.lose(link, "closed")
        assert bad.link is None
        good.link.answers()  # type: ignore[union-attr]
        scene.later()
    assert scene.gone == []
    other.link.answers()  # type: ignore[union-attr]
    for _ in range(3):
        link = bad.link
        scene.pool.send(bad, _ticket(1))
        scene.pool.lose(link, "closed")
        scene.later()
    assert [target for target, *_ in scene.gone] == [0]


def test_idle_connections_that_are_closed_are_opened_again_without_a_verdict(scene: Scene) -> None:
    """A server may close what nobody uses as often as it likes."""
    slot = scene.pool.add(0)
    for _ in range(10):
        link: Any = slot.link
        assert scene.pool.lose(link, "idle") == []
        assert slot.link is None
        scene.later()
    assert (scene.gone, slot.failures) == ([], 0)


def test_a_link_that_breaks_while_it_is_flushed_is_told(scene: Scene) -> None:
    """Each link with something to send is flushed once; a broken one is yielded, also one of many."""
    slots = [scene.pool.add(0) for _ in range(4)]
    scene.links[1].breaks = True
    for slot in slots:
        scene.pool.send(slot, _ticket(1))
    lost = [link for link, _ in scene.pool.flush()]
    assert lost == [scene.links[1]]  # type: ignore[comparison-overlap]
    assert [link.flushes for link in scene.links] == [1, 0, 1, 1]
    assert list(scene.pool.flush()) == []


def test_what_is_left_at_the_end_is_sent_or_waiting(scene: Scene) -> None:
    """Both are given back once, and the pool holds nothing after that."""
    slot = scene.pool.add(0)
    scene.pool.send(slot, _ticket(1))
    slot.waiting.append(_ticket(2))
    assert scene.pool.leftover() == ([_ticket(1)], [_ticket(2)])
    assert (scene.pool.outstanding, scene.pool.leftover()) == (0, ([], []))
    scene.pool.close()
    assert scene.links[0].closed
