"""HTTP/2 as a load generator needs it: the client's side of one connection, without any input or output of its own.

``frames`` and ``payloads`` know how frames look, ``headers`` reads and writes header blocks, ``sender`` sends what the
peer's windows allow, and ``connection`` takes what arrives: bytes in, ended requests and bytes to send out.
"""

from harness.load.engines.http2.connection import Connection
from harness.load.engines.http2.ended import Ended
from harness.load.engines.http2.errors import ProtocolError
from harness.load.engines.http2.headers import Head

__all__ = ["Connection", "Ended", "Head", "ProtocolError"]
