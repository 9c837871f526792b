"""What the wire-level engines share: sockets that never block, precise waiting, and the loop that sends and reads.

These engines speak the wire themselves: a request is encoded once, and what is done for each is little more than
sending and reading its bytes. That a client library costs more processor time than a small model's whole service is
why they exist; ``grpc.aio`` and ``h11`` stay beside them as the reference.
"""

from harness.load.engines.wire.driver import drive
from harness.load.engines.wire.errors import LinkLostError
from harness.load.engines.wire.link import Link, Row, Ticket
from harness.load.engines.wire.peer import Peer, reach

__all__ = ["Link", "LinkLostError", "Peer", "Row", "Ticket", "drive", "reach"]
