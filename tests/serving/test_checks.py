"""Every built-in check on every served model."""

from __future__ import annotations

from harness.pytest_plugin.suite.test_served_model import test_served_model

__all__ = ["test_served_model"]
