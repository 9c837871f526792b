"""Advice: the line of Python that gives a model a warm-up record."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from harness.checks.request import Request
    from harness.checks.subject import Subject

__all__ = ["advice"]

_MOST_VALUES = 32


def advice(subject: Subject, request: Request) -> str:
    """Return a shell line that records a request as the warm-up of a subject's version.

    Inputs too long for a line are named by dtype and shape, and so are requests that need a message of their own.
    """
    given, comment = _request_text(request)
    code = f"from harness.savedmodel import write_warmup; write_warmup({str(subject.version_dir)!r}, [{given}])"
    return f"python -c {shlex.quote(code)}{comment}"


def _request_text(request: Request) -> tuple[str, str]:
    """Return the request as Python, and a comment if that is but a name."""
    if request.method != "predict" or request.signature_name != DEFAULT_SIGNATURE:
        kind = {"predict": "PredictRequest", "classify": "ClassificationRequest", "regress": "RegressionRequest"}
        return "REQUEST", f"  # REQUEST: a {kind[request.method]} for {request.signature_name}"
    if sum(array.size for array in request.inputs.values()) <= _MOST_VALUES:
        return repr({name: array.tolist() for name, array in request.inputs.items()}), ""
    shapes = ", ".join(f"{name!r}: {array.dtype} {list(array.shape)}" for name, array in request.inputs.items())
    return "INPUTS", f"  # INPUTS: {{{shapes}}}"
