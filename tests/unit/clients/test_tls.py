"""Both clients over TLS, with certificates made for the test."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import trustme

from harness import Endpoint, GrpcClient, RestClient, Tls
from harness.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ONES = np.ones(2, np.float32)


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
def client_files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A client's certificate and key as files."""
    folder = tmp_path_factory.mktemp("client")
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return {"certificate": folder / "cert.pem", "key": folder / "key.pem"}


@pytest.fixture
def grpcs(start_grpc: Callable[..., str], fake_grpc: Any, authority: trustme.CA) -> Callable[..., Endpoint]:
    """Start a gRPC server with TLS under a host name; with ``verify`` it asks for client certificates."""

    def start(host: str = "localhost", *, verify: bool = False) -> Endpoint:
        issued = authority.issue_cert(host)
        pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
        root = authority.cert_pem.bytes() if verify else None
        credentials = grpc.ssl_server_credentials([pair], root_certificates=root, require_client_auth=verify)
        return Endpoint(grpc=start_grpc(fake_grpc, credentials=credentials), rest=None, model="m")

    return start


@pytest.fixture
def https(start_rest: Callable[..., Any], authority: trustme.CA, make: Any) -> Callable[..., Endpoint]:
    """Start an HTTPS server that knows model m; with ``verify`` it asks for client certificates."""

    def start(host: str = "localhost", *, verify: bool = False) -> Endpoint:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        if verify:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        answers = {
            "/v1/models/m/metadata": (200, make.metadata_json({"x": "float32"}, {"y": "float32"})),
            "/v1/models/m:predict": (200, {"outputs": [1.5]}),
        }
        return Endpoint(grpc=None, rest=start_rest(answers, tls=context).url, model="m")

    return start


def test_grpc_trusts_the_authority_it_is_given(grpcs: Callable[..., Endpoint], ca: Path) -> None:
    """A channel with the CA's file reaches the server."""
    with GrpcClient(grpcs(), tls=Tls(ca=ca), timeout_s=10) as client:
        assert client.predict({"x": _ONES})["y"].tolist() == [1.0, 1.0]


def test_grpc_shows_a_client_certificate(
    grpcs: Callable[..., Endpoint], ca: Path, client_files: dict[str, Any]
) -> None:
    """A server that asks for a client certificate gets it, and drops a client without."""
    endpoint = grpcs(verify=True)
    with GrpcClient(endpoint, tls=Tls(ca=ca, **client_files), timeout_s=10) as client:
        assert client.predict({"x": _ONES})["y"].tolist() == [1.0, 1.0]
    with GrpcClient(endpoint, tls=Tls(ca=ca), timeout_s=10) as client, pytest.raises(ConnectionFailedError):
        client.predict({"x": _ONES})


def test_grpc_may_expect_another_name(grpcs: Callable[..., Endpoint], ca: Path) -> None:
    """A certificate for another name is refused, unless that name is the one expected."""
    endpoint = grpcs("model.example")
    with (
        GrpcClient(endpoint, tls=Tls(ca=ca), timeout_s=10) as client,
        pytest.raises(ConnectionFailedError, match=r"the TLS handshake failed .*the server's name"),
    ):
        client.predict({"x": _ONES})
    with GrpcClient(endpoint, tls=Tls(ca=ca, server_name="model.example"), timeout_s=10) as client:
        assert client.predict({"x": _ONES})["y"].tolist() == [1.0, 1.0]


def test_grpc_distrusts_an_unknown_authority(grpcs: Callable[..., Endpoint]) -> None:
    """Without the CA's file the certificate is not trusted, and the error says it is about TLS."""
    with (
        GrpcClient(grpcs(), tls=Tls(), timeout_s=10) as client,
        pytest.raises(ConnectionFailedError, match="the TLS handshake failed"),
    ):
        client.predict({"x": _ONES})


def test_tls_to_a_plain_grpc_server_is_told(start_grpc: Callable[..., str], fake_grpc: Any, ca: Path) -> None:
    """A TLS client of a plain-text server is told that the handshake failed."""
    endpoint = Endpoint(grpc=start_grpc(fake_grpc), rest=None, model="m")
    with (
        GrpcClient(endpoint, tls=Tls(ca=ca), timeout_s=10) as client,
        pytest.raises(ConnectionFailedError, match=r"the TLS handshake failed .*both sides use TLS"),
    ):
        client.predict({"x": _ONES})


def test_plain_text_to_a_tls_grpc_server_fails(grpcs: Callable[..., Endpoint]) -> None:
    """A plain-text client of a TLS server gets no connection, and is told what to give if TLS is spoken there."""
    with GrpcClient(grpcs(), timeout_s=10) as client, pytest.raises(ConnectionFailedError, match="if it speaks TLS"):
        client.predict({"x": _ONES})


def test_rest_trusts_the_authority_it_is_given(https: Callable[..., Endpoint], ca: Path) -> None:
    """A session with the CA's file reaches the gateway, whatever REQUESTS_CA_BUNDLE says."""
    with RestClient(https(), tls=Tls(ca=ca), timeout_s=10) as client:
        assert client.predict({"x": _ONES})["y"].tolist() == [1.5]


def test_rest_shows_a_client_certificate(
    https: Callable[..., Endpoint], ca: Path, client_files: dict[str, Any]
) -> None:
    """A gateway that asks for a client certificate gets it, and drops a client without."""
    endpoint = https(verify=True)
    with RestClient(endpoint, tls=Tls(ca=ca, **client_files), timeout_s=10) as client:
        assert client.predict({"x": _ONES})["y"].tolist() == [1.5]
    with RestClient(endpoint, tls=Tls(ca=ca), timeout_s=10) as client, pytest.raises(ConnectionFailedError):
        client.predict({"x": _ONES})


@pytest.mark.parametrize("host", ["localhost", "model.example"])
def test_rest_distrusts_what_it_cannot_check(https: Callable[..., Endpoint], ca: Path, host: str) -> None:
    """An unknown authority, or a certificate for another name, is refused with words about TLS."""
    tls = Tls() if host == "localhost" else Tls(ca=ca)
    with (
        RestClient(https(host), tls=tls, timeout_s=10) as client,
        pytest.raises(ConnectionFailedError, match=r"the TLS handshake failed .*plain HTTP only"),
    ):
        client.predict({"x": _ONES})


def test_rest_may_expect_another_name(https: Callable[..., Endpoint], ca: Path) -> None:
    """A certificate for another name is trusted if that name is the one expected."""
    endpoint = https("model.example")
    with RestClient(endpoint, tls=Tls(ca=ca, server_name="model.example"), timeout_s=10) as client:
        assert client.predict({"x": _ONES})["y"].tolist() == [1.5]


@pytest.mark.parametrize(("kind", "api"), [(GrpcClient, "grpc"), (RestClient, "rest")])
def test_the_endpoints_files_are_used(
    kind: Any, api: str, grpcs: Callable[..., Endpoint], https: Callable[..., Endpoint], ca: Path
) -> None:
    """An endpoint that carries TLS files is called with them."""
    endpoint = replace(grpcs() if api == "grpc" else https(), tls=Tls(ca=ca))
    with kind(endpoint, timeout_s=10) as client:
        assert len(client.predict({"x": _ONES})["y"])


def test_https_to_a_plain_server_is_told(fake_rest: Any, ca: Path) -> None:
    """https:// to a plain-HTTP port, as TensorFlow Serving's own, says that it speaks plain HTTP."""
    endpoint = Endpoint(grpc=None, rest=fake_rest.url.replace("http:", "https:"), model="m")
    with (
        RestClient(endpoint, tls=Tls(ca=ca), timeout_s=10) as client,
        pytest.raises(ConnectionFailedError, match=r"the TLS handshake failed .*plain HTTP only"),
    ):
        client.predict({"x": _ONES})


@pytest.mark.parametrize(("kind", "api"), [(GrpcClient, "grpc"), (RestClient, "rest")])
@pytest.mark.parametrize("missing", ["ca", "certificate"])
def test_missing_files_are_named_when_the_client_is_made(
    kind: Any, api: str, missing: str, ca: Path, client_files: dict[str, Any], tmp_path: Path
) -> None:
    """A TLS file that cannot be read is a usage error at once, not at the first call."""
    files: dict[str, Any] = {"ca": ca, **client_files, missing: tmp_path / "none.pem"}
    addresses: dict[str, Any] = {"grpc": None, "rest": None, api: "http://h:1" if api == "rest" else "h:1"}
    endpoint = Endpoint(**addresses, model="m")
    with pytest.raises(UsageError, match=r"none.pem cannot be read"):
        kind(endpoint, tls=Tls(**files))
