"""The gate as a test: one for each model with a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["test_no_regression"]


def test_no_regression(serving_gated_model: str, run_serving_gate: Callable[[str], None]) -> None:
    """The model is no slower, larger or otherwise in its answers than its baseline, beyond what is tolerated."""
    run_serving_gate(serving_gated_model)
