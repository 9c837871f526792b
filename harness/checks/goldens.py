"""Goldens: recorded requests with the answers they must bring, one JSON file for each.

A file holds inputs and outputs as dtype, shape and flat values, the tolerance, and where the answer came from. Text
keeps diffs readable; floats are written so that they come back exactly.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checks.compare import compare
from harness.dtypes import dtype_of_array
from harness.errors import CallError, CheckError, TensorError
from harness.findings import Finding
from harness.signatures import DEFAULT_SIGNATURE
from harness.tensors_json import from_json_value, to_json_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.clients import GrpcClient, RestClient

__all__ = ["Golden", "check_golden", "read_goldens", "record_golden", "write_golden"]

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A request and the answer it must bring.

    Attributes:
        name: the case's name, also the file's.
        inputs: array by input name.
        outputs: array by output name; no NaN, which equals nothing.
        signature_name: the signature the case is for.
        rtol: relative tolerance of float outputs.
        atol: absolute tolerance of float outputs.
        provenance: where the answer came from, e.g. backend, model version, tool versions.
    """

    name: str
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    signature_name: str = DEFAULT_SIGNATURE
    rtol: float = 1e-5
    atol: float = 1e-6
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an expectation that nothing could meet."""
        for name, array in self.outputs.items():
            if array.dtype.kind in "fc" and np.isnan(array).any():
                place = [int(i) for i in np.argwhere(np.isnan(array))[0]]
                raise CheckError(
                    f"golden {self.name!r}: output {name!r} holds NaN at {place}; NaN equals nothing, so no answer"
                    " could ever match. Record the case anew with inputs that bring numbers, or leave that output out"
                )


def read_goldens(directory: Path) -> list[Golden]:
    """Return the cases of a directory, sorted by name; none if it does not exist.

    Raises:
        CheckError: a file is not a golden, or holds NaN.
    """
    if not directory.is_dir():
        return []
    return [_read(path) for path in sorted(directory.glob("*.json"))]


def _read(path: Path) -> Golden:
    try:
        document = json.loads(path.read_text())
        if document["format"] != _FORMAT:
            raise CheckError(f"{path} has format {document['format']!r}; this harness reads format {_FORMAT}")
        return Golden(
            name=path.stem,
            inputs=_read_tensors(document["inputs"]),
            outputs=_read_tensors(document["outputs"]),
            signature_name=document["signature_name"],
            rtol=document["rtol"],
            atol=document["atol"],
            provenance=document["provenance"],
        )
    except OSError as exc:
        raise CheckError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, TensorError) as exc:
        raise CheckError(f"{path} is not a golden ({exc!r}); record it anew with --update-goldens") from exc


def _read_tensors(document: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {
        name: from_json_value(form["values"], form["dtype"], name=name).reshape(form["shape"])
        for name, form in document.items()
    }


def _write_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    forms = {}
    for name, array in arrays.items():
        dtype = dtype_of_array(array)
        values = to_json_value(array.reshape(-1), name=name)
        forms[name] = {
            "dtype": dtype.name,
            "shape": list(array.shape),
            "values": values.tolist() if isinstance(values, np.ndarray) else values,
        }
    return forms


def write_golden(golden: Golden, directory: Path) -> Path:
    """Write a case to ``<directory>/<name>.json`` and return that path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{golden.name}.json"
    document = {
        "format": _FORMAT,
        "signature_name": golden.signature_name,
        "inputs": _write_tensors(golden.inputs),
        "outputs": _write_tensors(golden.outputs),
        "rtol": golden.rtol,
        "atol": golden.atol,
        "provenance": dict(sorted(golden.provenance.items())),
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    temporary.replace(path)
    return path


def record_golden(
    client: GrpcClient | RestClient,
    name: str,
    inputs: Mapping[str, np.ndarray],
    *,
    signature_name: str = DEFAULT_SIGNATURE,
    provenance: Mapping[str, str] | None = None,
) -> Golden:
    """Return a case with the answer that the server gives now.

    Raises:
        CallError: the server gave no answer.
        CheckError: the answer holds NaN.
    """
    answer = client.predict(inputs, signature_name=signature_name)
    origin = {"model_version": str(answer.model_version), **(provenance or {})}
    return Golden(name=name, inputs=inputs, outputs=answer.outputs, signature_name=signature_name, provenance=origin)


def check_golden(client: GrpcClient | RestClient, golden: Golden) -> Finding:
    """Send a case's inputs and compare the answer with the recorded one."""
    began = time.perf_counter_ns()
    try:
        answer = client.predict(golden.inputs, signature_name=golden.signature_name)
        seen = {name: array for name, array in answer.outputs.items() if name in golden.outputs}
        mismatches = compare(seen, golden.outputs, rtol=golden.rtol, atol=golden.atol)
        text = "; ".join(str(mismatch) for mismatch in mismatches)
    except CallError as exc:
        text = str(exc)
    return Finding(
        check="goldens",
        model=client.endpoint.model,
        subject=f"{golden.name} over {'gRPC' if client.api == 'grpc' else 'REST'}",
        passed=not text,
        tried=f"predict the recorded inputs of golden {golden.name!r}",
        expected=f"the recorded outputs within {golden.rtol:g} relative and {golden.atol:g} absolute",
        seen=text or "the recorded outputs",
        duration_ns=time.perf_counter_ns() - began,
    )
