"""Sentences on causes and remedies that several modules say."""

from __future__ import annotations

__all__ = ["AMD64_ONLY", "ENGINE_GONE"]

AMD64_ONLY = (
    "tensorflow/serving is built for linux/amd64 only; on an arm64 machine use --serving-platform=linux/amd64 where the"
    " engine emulates it, or --serving-backend=standin"
)
ENGINE_GONE = "the Docker engine ended or is cut off; start it, and run again"
