"""Load over TLS, with certificates made for the test."""

from __future__ import annotations

import ssl
import threading
from concurrent import futures
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme

from harness.endpoint import Endpoint
from harness.errors import ConnectionFailedError, UsageError
from harness.load import run_load
from harness.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., Endpoint]

APIS: list[Any] = ["grpc", "rest"]
BRIEFLY: dict[str, Any] = {"duration_s": 0.2, "warmup_s": 0.0, "concurrency": 3, "timeout_s": 20.0}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of this module's own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate as a file."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def client_files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A client's certificate and key as files."""
    folder = tmp_path_factory.mktemp("client")
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return {"certificate": folder / "cert.pem", "key": folder / "key.pem"}


class _AnyMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    def service(self, _details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda body, _context: body)


@pytest.fixture
def secure(authority: trustme.CA, http_handler: Callable[..., Any], request: pytest.FixtureRequest) -> Start:
    """Start an echo server of an API with TLS under a host name; with ``verify`` it asks for client certificates."""

    def start_grpc(host: str, *, verify: bool) -> Endpoint:
        issued = authority.issue_cert(host)
        pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
        root = authority.cert_pem.bytes() if verify else None
        server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
        server.add_generic_rpc_handlers((_AnyMethod(),))
        credentials = grpc.ssl_server_credentials([pair], root_certificates=root, require_client_auth=verify)
        port = server.add_secure_port("localhost:0", credentials)
        server.start()
        request.addfinalizer(lambda: server.stop(None).wait())
        return Endpoint(grpc=f"localhost:{port}", rest=None, model="m")

    def start_rest(host: str, *, verify: bool) -> Endpoint:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        if verify:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        server = _Quiet(("localhost", 0), http_handler())
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        request.addfinalizer(thread.join)
        request.addfinalizer(server.server_close)
        request.addfinalizer(server.shutdown)
        return Endpoint(grpc=None, rest=f"https://localhost:{server.server_address[1]}", model="m")

    def start(api: str, host: str = "localhost", *, verify: bool = False) -> Endpoint:
        return {"grpc": start_grpc, "rest": start_rest}[api](host, verify=verify)

    return start


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: tests break handshakes on purpose."""


@pytest.mark.parametrize("api", APIS)
def test_requests_and_answers_pass_whole_over_tls(api: Any, secure: Start, ca: Path) -> None:
    """Small and large bodies, larger than TLS's records and any buffer, are answered and come back as they were."""
    bodies = [b"x", b"y" * 3_000_000]
    result = run_load(secure(api), bodies, api=api, tls=Tls(ca=ca), keep_answers=10, **BRIEFLY)
    assert (result.ended, result.errors) == ("completed", {})
    assert result.n > 0
    assert len(result.answers) > 1
    assert all(answer.body == bodies[answer.request] for answer in result.answers)


@pytest.mark.parametrize("api", APIS)
def test_a_client_certificate_is_shown(
    api: Any, secure: Start, ca: Path, client_files: dict[str, Path], run_here: Any
) -> None:
    """A server that asks for a certificate answers with one, and without one the run ends and says what happened."""
    endpoint = secure(api, verify=True)
    address = str(endpoint.grpc or endpoint.rest).removeprefix("https://")
    shown = run_here(api, address, tls=Tls(ca=ca, **client_files), duration_s=0.1)
    assert (shown.ended, shown.samples().errors) == ("completed", {})
    assert shown.samples().ok.any()
    hidden = run_here(api, address, tls=Tls(ca=ca), duration_s=60)
    assert hidden.ended == "server gone"
    assert not hidden.samples().ok.any()


@pytest.mark.parametrize("api", APIS)
def test_a_server_that_is_not_trusted_is_no_connection(api: Any, secure: Start) -> None:
    """Without the authority there is no run, but an error that says what to give."""
    with pytest.raises(ConnectionFailedError, match=r"(?s)CERTIFICATE_VERIFY_FAILED.*give the certificate .* tls\.ca"):
        run_load(secure(api), [b"x"], api=api, tls=Tls(), **BRIEFLY)


@pytest.mark.parametrize("api", APIS)
def test_the_name_in_the_certificate_counts(api: Any, secure: Start, ca: Path, run_here: Any) -> None:
    """A certificate of another host is refused, unless that name is the one to expect."""
    endpoint = secure(api, "model.example")
    address = str(endpoint.grpc or endpoint.rest).removeprefix("https://")
    other = run_here(api, address, tls=Tls(ca=ca), duration_s=60)
    assert (other.ended, other.began_ns) == ("server gone", 0)
    assert "Hostname mismatch" in other.reason
    expected = run_here(api, address, tls=Tls(ca=ca, server_name="model.example"), duration_s=0.1)
    assert (expected.ended, expected.samples().errors) == ("completed", {})


def test_a_grpc_server_without_tls_is_no_connection(grpc_server: Any, run_here: Any, ca: Path) -> None:
    """A handshake that is answered in plain text ends before the run begins."""
    session = run_here("grpc", str(grpc_server().grpc), tls=Tls(ca=ca), duration_s=60)
    assert (session.ended, session.began_ns) == ("server gone", 0)
    assert "TLS handshake failed" in session.reason


def test_grpc_needs_a_server_that_chooses_http2(secure: Start, ca: Path, run_here: Any) -> None:
    """A TLS server that knows nothing of HTTP/2 is told apart."""
    address = str(secure("rest").rest).removeprefix("https://")
    session = run_here("grpc", address, tls=Tls(ca=ca), duration_s=60)
    assert session.ended == "server gone"
    assert "did not choose 'h2'" in session.reason


def test_files_that_cannot_be_used_are_refused(tmp_path: Path, ca: Path) -> None:
    """A missing file, one that is no PEM file, and TLS for a plain URL are errors before anything starts."""
    grpc_endpoint = Endpoint(grpc="127.0.0.1:1", rest=None, model="m")
    with pytest.raises(UsageError, match=r"TLS files cannot be used: .*No such file"):
        run_load(grpc_endpoint, [b"x"], tls=Tls(ca=tmp_path / "none.pem"))
    (tmp_path / "bad.pem").write_text("this is no certificate")
    with pytest.raises(UsageError, match=r"TLS files cannot be used: .*bad\.pem"):
        run_load(grpc_endpoint, [b"x"], tls=Tls(ca=tmp_path / "bad.pem"))
    with pytest.raises(UsageError, match=r"http://h:1 is no https:// address"):
        run_load(Endpoint(grpc=None, rest="http://h:1", model="m"), [b"x"], api="rest", tls=Tls(ca=ca))
