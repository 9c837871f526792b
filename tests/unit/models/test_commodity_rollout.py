"""commodity's first detector is replaced by the better one while clients go on asking."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import GrpcClient, RestClient, serve
from models import commodity
from models.commodity.model import FIRST_WEIGHTS_FILE, WEIGHTS_FILE, load_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from harness import Server

SCENES = 40
LONGEST_S = 60.0

Found = tuple[int, list[commodity.Detection]]


@pytest.fixture(scope="module")
def scenes() -> list[commodity.Scene]:
    """Held-out scenes."""
    return commodity.draw_scenes(commodity.HELD_OUT_SEED, SCENES)


def _rows(scenes: Sequence[commodity.Scene], weights: Mapping[str, np.ndarray]) -> list[tuple[Any, Any, Any]]:
    """Return boxes, scores and place of each scene, from the NumPy network with these weights."""
    squares, places = commodity.preprocess([scene.image for scene in scenes])
    outputs = commodity.forward(squares, weights)
    return list(zip(outputs["boxes"], outputs["scores"], places, strict=True))


def _precision(scenes: Sequence[commodity.Scene], weights: Mapping[str, np.ndarray]) -> float:
    found = [commodity.postprocess(*row, least_score=0.02) for row in _rows(scenes, weights)]
    truths = [(scene.boxes, [commodity.CLASSES[label] for label in scene.classes]) for scene in scenes]
    return float(np.mean(list(commodity.average_precisions(found, truths).values())))


def test_the_new_detector_is_better(scenes: list[commodity.Scene]) -> None:
    """On scenes that neither has seen, the new detector finds more than the one it replaces, which is of some use."""
    first, new = (_precision(scenes, load_weights(file)) for file in (FIRST_WEIGHTS_FILE, WEIGHTS_FILE))
    assert first >= 0.3
    assert new >= first + 0.1


def _images(scenes: Sequence[commodity.Scene], weights: Mapping[str, np.ndarray]) -> list[commodity.GoldenImage]:
    """Return the scenes as image files, with what these weights find in them."""
    images = []
    for scene, row in zip(scenes, _rows(scenes, weights), strict=True):
        file = io.BytesIO()
        scene.image.save(file, "PNG")
        images.append(
            commodity.GoldenImage(name="", data=file.getvalue(), detections=tuple(commodity.postprocess(*row)))
        )
    return images


@dataclass
class _Caller:
    """A client that asks for one image after the other, and notes what is found, until it is told to stop."""

    kind: Any
    server: Server
    files: list[bytes]
    news: threading.Condition
    is_over: bool = False
    found: list[Found] = field(default_factory=list)
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            with self.kind(self.server.endpoint) as client:
                while not self.is_over:
                    number = len(self.found) % len(self.files)
                    self._note((number, commodity.detect(self.files[number], client)))
        except BaseException as exc:  # noqa: BLE001 - told to the test
            self.failure = exc
            with self.news:
                self.news.notify_all()

    def _note(self, found: Found) -> None:
        with self.news:
            self.found.append(found)
            self.news.notify_all()


class _Callers:
    """Several of them at once."""

    def __init__(self, server: Server, files: list[bytes]) -> None:
        self.news = threading.Condition()
        kinds = (GrpcClient, GrpcClient, RestClient)
        self.all = [_Caller(kind=kind, server=server, files=files, news=self.news) for kind in kinds]
        self._threads = [threading.Thread(target=caller.run) for caller in self.all]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for caller in self.all:
            caller.is_over = True
        for thread in self._threads:
            thread.join()

    def until(self, condition: Callable[[_Caller], bool]) -> None:
        """Wait until this is so for each of them, or one has failed."""
        with self.news:
            assert self.news.wait_for(
                lambda: any(one.failure for one in self.all) or all(map(condition, self.all)), timeout=LONGEST_S
            )
        assert [one.failure for one in self.all] == [None] * len(self.all)


def test_a_better_version_takes_over_under_load(tmp_path: Path, scenes: list[commodity.Scene]) -> None:
    """Clients of both APIs ask on, and every call is answered: by the old detector first, then by the new one only."""
    images = {
        version: _images(scenes[:3], load_weights(file))
        for version, file in (("1", FIRST_WEIGHTS_FILE), ("2", WEIGHTS_FILE))
    }

    def who(found: Found) -> str:
        number, detections = found
        return " or ".join(one for one in images if not commodity.difference(detections, images[one][number]))

    base_path = commodity.export_first(tmp_path / "commodity")
    with serve(base_path, backend="standin") as server, _Callers(server, [one.data for one in images["1"]]) as callers:
        callers.until(lambda one: len(one.found) >= 5)
        commodity.export(base_path)
        callers.until(lambda one: who(one.found[-1]) == "2")
        at_turn = {id(one): len(one.found) for one in callers.all}
        callers.until(lambda one: len(one.found) >= at_turn[id(one)] + 5)
    for one in callers.all:
        told = [who(found) for found in one.found]
        assert set(told) == {"1", "2"}
        assert told == sorted(told)
