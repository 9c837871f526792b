"""SavedModels on disk: write them, look them over before a server does, warm them up, keep them in a cache.

Importing this imports no TensorFlow; only ``export`` and ``export_v1`` do, when they are called.
"""

from __future__ import annotations

from harness.savedmodel.bare import as_base_path, is_bare
from harness.savedmodel.cache import cached_export
from harness.savedmodel.copies import publish_copy
from harness.savedmodel.layout import BasePath, ModelLayout, preflight, preflight_bare
from harness.savedmodel.local_calls import LocalAnswer, LocalCall
from harness.savedmodel.local_run import run_locally
from harness.savedmodel.tf1_export import GraphSignature, export_v1
from harness.savedmodel.tf2_export import export
from harness.savedmodel.warmup import read_warmup, write_warmup

__all__ = [
    "BasePath",
    "GraphSignature",
    "LocalAnswer",
    "LocalCall",
    "ModelLayout",
    "as_base_path",
    "cached_export",
    "export",
    "export_v1",
    "is_bare",
    "preflight",
    "preflight_bare",
    "publish_copy",
    "read_warmup",
    "run_locally",
    "write_warmup",
]
