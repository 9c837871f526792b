"""The JSON text of a model's metadata (behaviour items 174 to 176)."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format

from harness.standin.json_status import proto_string

__all__ = ["metadata_body"]


def metadata_body(name: str, version: int, signatures: Any) -> bytes:
    """Return the body: model spec, and all signatures of a SignatureDefMap below a doubled ``signature_def``."""
    spec = f'{{\n "name": {proto_string(name)},\n "version": "{version}",\n "signature_name": ""\n}}\n'
    printed = json_format.MessageToDict(
        signatures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    text = json.dumps(printed, ensure_ascii=False, indent=1)
    return f'{{\n"model_spec":{spec},\n"metadata": {{"signature_def": {text}\n}}\n}}\n'.encode("utf-8", "replace")
