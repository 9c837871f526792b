"""JSON as the genuine server reads and writes it: bytes in, tensors out, and back. No model, no sockets, no TensorFlow.

From the bottom:

    syntax, value, text, number       error texts; a document's values; strings; numbers, as RapidJSON has them
    digits, dense, reader             numbers by the thousand; large arrays; whole documents
    double, debug                     a double as RapidJSON writes it; the echo of a value in an error
    base64, fill, rows, tensor        one tensor; the row form; the body of a predict request
    example                           the body and the reply of classify and regress
    decimal, layout, reply            floats in replies; brackets and commas; the reply to predict
    status, metadata                  errors, version status, signatures
"""

from __future__ import annotations

__all__: list[str] = []
