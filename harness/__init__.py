"""tfserving-harness: integration tests and benchmarks for models served by TensorFlow Serving.

Importing this package loads neither tensorflow nor pytest nor docker: the names below are loaded at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.checks import assert_close
    from harness.clients import GrpcClient, RestClient
    from harness.endpoint import Endpoint
    from harness.errors import HarnessError
    from harness.findings import Finding
    from harness.load import run_load
    from harness.model_config import ModelConfig
    from harness.prediction import Classification, Prediction, Regression, VersionStatus
    from harness.savedmodel import export
    from harness.servers import Server, ServerSpec
    from harness.serving import serve
    from harness.signature_diff import diff
    from harness.signatures import Signature, TensorSpec
    from harness.tls import Tls

__version__ = "0.1.0"

_HOMES = {
    "Classification": "harness.prediction",
    "Endpoint": "harness.endpoint",
    "Finding": "harness.findings",
    "GrpcClient": "harness.clients",
    "HarnessError": "harness.errors",
    "ModelConfig": "harness.model_config",
    "Prediction": "harness.prediction",
    "Regression": "harness.prediction",
    "RestClient": "harness.clients",
    "Server": "harness.servers",
    "ServerSpec": "harness.servers",
    "Signature": "harness.signatures",
    "TensorSpec": "harness.signatures",
    "Tls": "harness.tls",
    "VersionStatus": "harness.prediction",
    "assert_close": "harness.checks",
    "diff": "harness.signature_diff",
    "export": "harness.savedmodel",
    "run_load": "harness.load",
    "serve": "harness.serving",
}

__all__ = [
    "Classification",
    "Endpoint",
    "Finding",
    "GrpcClient",
    "HarnessError",
    "ModelConfig",
    "Prediction",
    "Regression",
    "RestClient",
    "Server",
    "ServerSpec",
    "Signature",
    "TensorSpec",
    "Tls",
    "VersionStatus",
    "assert_close",
    "diff",
    "export",
    "run_load",
    "serve",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
