"""A server that is ready in no time: it says of its model's highest version that it is available, and nothing else.

For tests of how servers and containers are started and ended, where it does not matter what is served. It has
tensorflow_model_server's command line as far as the harness uses it, and needs no TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc

from harness.protos import get_model_status_pb2, model_service_pb2_grpc

AVAILABLE = 30


class Status(model_service_pb2_grpc.ModelServiceServicer):
    """The gRPC status API."""

    def __init__(self, base_path: Path) -> None:
        """Keep where the versions are."""
        self._base_path = base_path

    def version(self) -> int:
        """Return the highest version of the model, or of any if that is where several lie."""
        children = (*self._base_path.iterdir(), *self._base_path.glob("*/*"))
        return max(int(child.name) for child in children if child.name.isdigit())

    def GetModelStatus(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - the service's own name
        """Say that the highest version is available."""
        reply = get_model_status_pb2.GetModelStatusResponse()
        reply.model_version_status.add(version=self.version(), state=AVAILABLE)
        return reply


def rest_handler(status: Status) -> type[BaseHTTPRequestHandler]:
    """Return the REST status API."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            row = {"version": str(status.version()), "state": "AVAILABLE", "status": {"error_message": ""}}
            body = json.dumps({"model_version_status": [row]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    for name in ("port", "rest_api_port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--model_base_path", type=Path, required=True)
    parser.add_argument("--no_rest", action="store_true")
    options, _ = parser.parse_known_args()
    status = Status(options.model_base_path)
    server = grpc.server(ThreadPoolExecutor(4))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(status, server)
    if not options.no_rest:
        rest = ThreadingHTTPServer(("0.0.0.0", options.rest_api_port), rest_handler(status))  # noqa: S104 - in a container
        threading.Thread(target=rest.serve_forever, daemon=True).start()
    server.add_insecure_port(f"0.0.0.0:{options.port}")
    server.start()
    print("quick server runs", flush=True)  # noqa: T201 - its log
    server.wait_for_termination()


if __name__ == "__main__":
    main()
