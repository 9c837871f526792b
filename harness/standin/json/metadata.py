"""The JSON text of a model's metadata (behaviour items 174 to 176)."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
from google.protobuf import json_format

from harness.standin.json.status import escape_for_protobuf, proto_string

__all__ = ["metadata_body"]

# The fields of a TensorProto (in a signature's defaults) that hold floats, with the printer for each width.
_SINGLE, _DOUBLE = ("float_val", "scomplex_val"), ("double_val", "dcomplex_val")
_MARKED = re.compile(r'"\\u0000([^"\\]*)\\u0000"')


def metadata_body(name: str, version: int, signatures: Any) -> bytes:
    """Return the body: model spec, and all signatures of a SignatureDefMap below a doubled ``signature_def``."""
    spec = f'{{\n "name": {proto_string(name)},\n "version": "{version}",\n "signature_name": ""\n}}\n'
    printed = json_format.MessageToDict(
        signatures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    for signature in printed["signature_def"].values():
        for tensor in signature.get("defaults", {}).values():
            _print_floats(tensor)
    text = _MARKED.sub(r"\1", escape_for_protobuf(json.dumps(printed, ensure_ascii=False, indent=1)))
    return f'{{\n"model_spec":{spec},\n"metadata": {{"signature_def": {text}\n}}\n}}\n'.encode("utf-8", "replace")


def _print_floats(tensor: dict[str, Any]) -> None:
    """Put marked texts in place of a tensor's floats: protobuf's C++ printer writes 1 and 1e+06, not 1.0."""
    for field in (*_SINGLE, *_DOUBLE):
        if field in tensor:
            tensor[field] = [_float_text(value, single=field in _SINGLE) for value in tensor[field]]


def _float_text(value: Any, *, single: bool) -> Any:
    """Return the marked text of a finite float; others are strings already."""
    if type(value) is not float or not math.isfinite(value):
        return value
    short, full = ("%.6g", "%.9g") if single else ("%.15g", "%.17g")
    text = short % value
    same = np.float32(text) == np.float32(value) if single else float(text) == value
    return f"\0{text if same else full % value}\0"
