"""Tls: the files that a TLS connection is made with. Clients and load take it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

__all__ = ["Tls"]


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files for a TLS connection. TensorFlow Serving itself offers TLS on gRPC only; gateways offer it on both.

    Attributes:
        ca: certificates to trust, None for the system's own.
        certificate: the client's certificate chain, for servers that ask for one.
        key: the client's private key.
        server_name: the name the server's certificate must carry, if it is not the host that is called.

    Raises:
        UsageError: a client certificate without its key, or the reverse.
    """

    ca: Path | str | None = None
    certificate: Path | str | None = None
    key: Path | str | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        """Refuse half a client certificate."""
        if (self.certificate is None) != (self.key is None):
            raise UsageError("a client certificate needs both its certificate file and its key file")

    def read(self, path: Path | str | None) -> bytes | None:
        """Return a PEM file's bytes, None for no file.

        Raises:
            UsageError: the file cannot be read.
        """
        if path is None:
            return None
        try:
            return Path(path).read_bytes()
        except OSError as exc:
            raise UsageError(
                f"TLS file {path} cannot be read: {exc.strerror}; check the path and its permissions"
            ) from exc

    def context(self, protocol: str = "") -> ssl.SSLContext:
        """Return what a handshake needs.

        Args:
            protocol: the one to agree on in the handshake (ALPN), empty for none.

        Raises:
            UsageError: a file cannot be read, or is not what it should be.
        """
        ca, certificate, key = (None if each is None else str(each) for each in (self.ca, self.certificate, self.key))
        try:
            context = ssl.create_default_context(cafile=ca)
            if certificate is not None:
                context.load_cert_chain(certificate, key)
        except OSError as exc:  # ssl.SSLError is one
            files = f"ca={ca}, certificate={certificate}, key={key}"
            raise UsageError(f"the TLS files cannot be used: {exc}; PEM files are needed; {files}") from exc
        if protocol:
            context.set_alpn_protocols([protocol])
        return context
