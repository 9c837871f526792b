"""Throwaway TLS certificates, made anew for each run: a CA, a server (localhost, 127.0.0.1) and a client."""

from __future__ import annotations

from dataclasses import dataclass

import trustme

__all__ = ["Certificates", "make"]


@dataclass(frozen=True)
class Certificates:
    """PEM texts by name: ca_cert, server_cert, server_key, client_cert, client_key."""

    texts: dict[str, str]

    def pem(self, name: str) -> str:
        """The PEM text of that name; KeyError for an unknown one."""
        return self.texts[name]


def make() -> Certificates:
    """Make the certificates."""
    authority = trustme.CA()
    texts = {"ca_cert": authority.cert_pem.bytes().decode()}
    for name in ("server", "client"):
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        texts[f"{name}_cert"] = "".join(part.bytes().decode() for part in leaf.cert_chain_pems)
        texts[f"{name}_key"] = leaf.private_key_pem.bytes().decode()
    return Certificates(texts)
