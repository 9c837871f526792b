"""A server whose every answer takes the same time, as a slow model's would: the generator is never what limits it.

``python -m benchmarks.generators.slow_server grpc|rest PORT MICROSECONDS``
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc

_ANSWER = b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'


def serve_grpc(port: int, answer_s: float) -> None:
    """Answer every Predict with its own request."""

    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        time.sleep(answer_s)
        return request

    server = grpc.server(ThreadPoolExecutor(16))
    handlers = {"Predict": grpc.unary_unary_rpc_method_handler(answer)}
    generic = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", handlers)
    server.add_generic_rpc_handlers((generic,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def serve_rest(port: int, answer_s: float) -> None:
    """Answer every POST with a constant."""

    class _Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(answer_s)
            self.send_response(200)
            self.send_header("Content-Length", str(len(_ANSWER)))
            self.end_headers()
            self.wfile.write(_ANSWER)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()


if __name__ == "__main__":
    {"grpc": serve_grpc, "rest": serve_rest}[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]) / 1e6)
