"""testcontainers' reaper: used where its image is at hand, never pulled, and no reason for a test to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import Reaper

from harness.servers.reaper import start_reaper_if_at_hand

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    """The answer is kept for a process; these tests want one each."""
    start_reaper_if_at_hand.cache_clear()
    yield
    start_reaper_if_at_hand.cache_clear()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each start of a reaper, instead of starting one."""
    starts: list[str] = []
    monkeypatch.setattr(Reaper, "get_instance", lambda: starts.append("reaper"))
    monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", False)
    return starts


@pytest.mark.usefixtures("engine")
def test_a_reaper_whose_image_is_absent_is_not_pulled(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its image on the engine no reaper is asked for, so no registry is either; the guards remain."""
    monkeypatch.setattr(testcontainers_config, "ryuk_image", "127.0.0.1:9/testcontainers/ryuk:none")
    assert not start_reaper_if_at_hand()
    assert started == []


def test_a_reaper_whose_image_is_at_hand_is_started_once(
    image: str, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its image on the engine it runs in addition; one serves the whole process."""
    monkeypatch.setattr(testcontainers_config, "ryuk_image", image)
    assert start_reaper_if_at_hand()
    assert start_reaper_if_at_hand()
    assert started == ["reaper"]


def test_a_disabled_reaper_is_not_looked_for(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With TESTCONTAINERS_RYUK_DISABLED not even the engine is asked."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", None)
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    assert not start_reaper_if_at_hand()
    assert started == []


def test_a_reaper_that_cannot_start_is_a_warning(
    image: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever keeps it from starting is said once, and the servers start all the same."""

    def fail() -> None:
        raise TimeoutError("no answer on port 8080")

    monkeypatch.setattr(Reaper, "get_instance", fail)
    monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", False)
    monkeypatch.setattr(testcontainers_config, "ryuk_image", image)
    assert not start_reaper_if_at_hand()
    assert "testcontainers' reaper could not be started: no answer on port 8080" in caplog.text
