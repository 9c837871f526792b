"""What the command line says is read as the genuine server reads it."""

from __future__ import annotations

import pytest

from harness.standin.core import CoreOptions
from harness.standin.flags import parse
from harness.standin.loading import make_loader
from harness.standin.monitoring import Metrics
from harness.standin.server import rest_timeout_s


@pytest.mark.parametrize(("text", "seconds"), [("250", 0.25), ("0", None), ("-1", None)])
def test_only_a_positive_timeout_limits_runs(text: str, seconds: float | None) -> None:
    """RunOptions takes 0 and less for no limit."""
    assert rest_timeout_s(parse([f"--rest_api_timeout_in_ms={text}"])) == seconds


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        ([], ("serve",)),
        (["--saved_model_tags=serve,gpu"], ("serve", "gpu")),
        (["--saved_model_tags="], ("serve",)),
    ],
)
def test_tags_are_separated_by_commas(arguments: list[str], tags: tuple[str, ...]) -> None:
    """An empty list of tags is the tag of serving."""
    assert make_loader(parse(arguments), CoreOptions(), Metrics()).tags == tags
