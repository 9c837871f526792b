"""Sentences on causes and remedies that several modules say."""

from __future__ import annotations

from harness.errors import StartupError

__all__ = ["AMD64_ONLY", "ENGINE_GONE", "engine_gone"]

AMD64_ONLY = (
    "tensorflow/serving is built for linux/amd64 only; on an arm64 machine use --serving-platform=linux/amd64 where the"
    " engine emulates it, or --serving-backend=standin"
)
ENGINE_GONE = "the Docker engine ended or is cut off; start it, and run again"


def engine_gone(image: str, error: Exception) -> StartupError:
    """Return the error to raise if an engine stops answering while it starts a container."""
    what = f"the Docker engine did not answer while it was to start {image}: {error}"
    return StartupError(f"{what}\n  likely cause: {ENGINE_GONE}")
