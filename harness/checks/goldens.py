"""Goldens: recorded requests with the answers they must bring, one JSON file for each.

A file holds inputs and outputs as dtype, shape and flat values, the tolerance, and where the answer came from. Text
keeps diffs readable; floats are written so that they come back exactly.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checks.compare import compare
from harness.checks.parity import rest_obstacle
from harness.checks.reproduce import call_line
from harness.dtypes import dtype_of_array, dtype_of_name
from harness.errors import CallError, CheckError, TensorError
from harness.findings import Finding
from harness.signatures import DEFAULT_SIGNATURE
from harness.tensors_json import from_json_value, to_json_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient

__all__ = ["Golden", "check", "check_golden", "read_goldens", "record_golden", "write_golden"]

_FORMAT = 1
_PART_OF_COMPLEX = {"complex64": "float32", "complex128": "float64"}
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """A request and the answer it must bring. An output that is left out is not looked at.

    Attributes:
        name: the case's name, also the file's: letters, digits, ``.``, ``-`` and ``_``.
        inputs: array by input name.
        outputs: array by output name; no NaN, which equals nothing.
        signature_name: the signature the case is for.
        rtol: relative tolerance of float outputs.
        atol: absolute tolerance of float outputs.
        provenance: where the answer came from, e.g. backend, model version, tool versions.

    Raises:
        CheckError: a name that is no file name, tolerances below 0, or NaN among the outputs.
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
        if not _FILE_NAME.fullmatch(self.name):
            raise CheckError(f"{self.name!r} cannot name a golden: give letters, digits, '.', '-' and '_'")
        if not (self.rtol >= 0 and self.atol >= 0):
            raise CheckError(f"golden {self.name!r} has tolerances below 0: rtol={self.rtol}, atol={self.atol}")
        for name, array in self.outputs.items():
            is_nan = _is_nan(array)
            if is_nan.any():
                place = [int(i) for i in np.argwhere(is_nan)[0]]
                raise CheckError(
                    f"golden {self.name!r}: output {name!r} holds NaN at {place}; NaN equals nothing, so no answer"
                    " could ever match. Record the case anew with inputs that bring numbers, or leave that output out"
                )


def check(subject: Subject) -> list[Finding]:
    """Replay the recorded cases over every API that can carry them."""
    directory = subject.options.goldens
    goldens = [] if directory is None else read_goldens(directory)
    return [_over(subject, client, golden) for golden in goldens for client in subject.clients]


def _over(subject: Subject, client: GrpcClient | RestClient, golden: Golden) -> Finding:
    signature = subject.signatures.get(golden.signature_name)
    obstacle = rest_obstacle(signature) if client.api == "rest" and signature is not None else ""
    if obstacle:
        return subject.left_out("goldens", f"{golden.name} over REST", obstacle)
    return check_golden(client, golden)


def _is_nan(array: np.ndarray) -> np.ndarray:
    has_nan = dtype_of_array(array).kind in {"float", "complex"}
    return np.asarray(np.isnan(array) if has_nan else np.zeros(array.shape, dtype=bool))


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
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise CheckError(f"{path} has format {document['format']!r}; this harness reads format {_FORMAT}")
        return Golden(
            name=path.stem,
            inputs=_read_tensors(document["inputs"]),
            outputs=_read_tensors(document["outputs"]),
            signature_name=document["signature_name"],
            rtol=float(document["rtol"]),
            atol=float(document["atol"]),
            provenance=dict(document["provenance"]),
        )
    except OSError as exc:
        raise CheckError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, TensorError) as exc:
        raise CheckError(f"{path} is not a golden ({exc!r}); record it anew with --update-goldens") from exc


def _read_tensors(document: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: _read_tensor(name, form) for name, form in document.items()}


def _read_tensor(name: str, form: Mapping[str, Any]) -> np.ndarray:
    dtype = dtype_of_name(form["dtype"])
    shape = tuple(form["shape"])
    if any(type(size) is not int or size < 0 for size in shape):
        raise TensorError(f"{name}: {list(shape)} is no shape")
    if dtype.kind != "complex":
        return from_json_value(form["values"], dtype, name=name).reshape(shape)
    parts = from_json_value(form["values"], _PART_OF_COMPLEX[dtype.name], name=name)
    return parts.view(dtype.numpy).reshape(shape)


def _write_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {name: _write_tensor(name, array) for name, array in arrays.items()}


def _write_tensor(name: str, array: np.ndarray) -> dict[str, Any]:
    dtype = dtype_of_array(array)
    flat = array.reshape(-1)
    if dtype.kind == "complex":  # JSON has no complex numbers: real and imaginary parts in turn
        flat = flat.view(dtype_of_name(_PART_OF_COMPLEX[dtype.name]).numpy)
    values = to_json_value(flat, name=name)
    return {
        "dtype": dtype.name,
        "shape": list(array.shape),
        "values": values.tolist() if isinstance(values, np.ndarray) else values,
    }


def write_golden(golden: Golden, directory: Path) -> Path:
    """Write a case to ``<directory>/<name>.json`` and return that path; the directory is made if need be.

    Raises:
        CheckError: the file cannot be written.
        TensorError: an array that no tensor can hold.
    """
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
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as exc:
        raise CheckError(f"{path} cannot be written: {exc.strerror}") from exc
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
    """Send a case's inputs and compare the answer with the recorded one.

    A server that refuses the inputs, or an API that cannot carry them, fails the check.
    """
    began = time.perf_counter_ns()
    try:
        answer = client.predict(golden.inputs, signature_name=golden.signature_name)
        seen = {name: array for name, array in answer.outputs.items() if name in golden.outputs}
        mismatches = compare(seen, golden.outputs, rtol=golden.rtol, atol=golden.atol)
        text = "; ".join(str(mismatch) for mismatch in mismatches)
    except (CallError, TensorError) as exc:
        text = str(exc)
    return Finding(
        check="goldens",
        model=client.endpoint.model,
        subject=f"{golden.name} over {'gRPC' if client.api == 'grpc' else 'REST'}",
        passed=not text,
        tried=f"predict the recorded inputs of golden {golden.name!r}",
        expected=f"the recorded outputs within {golden.rtol:g} relative and {golden.atol:g} absolute",
        seen=text or "the recorded outputs",
        reproduce=_reproduce(client, golden) if text else (),
        duration_ns=time.perf_counter_ns() - began,
    )


def _reproduce(client: GrpcClient | RestClient, golden: Golden) -> tuple[str, ...]:
    try:
        return (call_line(client, golden.inputs, signature_name=golden.signature_name),)
    except TensorError:
        return ()  # what cannot be sent cannot be sent again
