"""How a running server is reached behind a gateway: TLS files and headers, by the same options on every command line.

The texts name pytest's options; the other command line leaves ``serving-`` out of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.option_values import FROM_ENVIRONMENT
from harness.servers.spec import ExternalAddress
from harness.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GATEWAY_OPTIONS", "HEADER_HELP", "external_address"]

# (option without its prefix, field, help); each may be given once on a command line.
GATEWAY_OPTIONS = (
    ("tls-ca", "tls_ca", "PEM file of the certificates to trust at the endpoint (default: the system's)"),
    ("tls-cert", "tls_cert", "PEM file of the client's certificate for the endpoint; needs the key as well"),
    ("tls-key", "tls_key", "PEM file of that certificate's key"),
    ("tls-server-name", "tls_server_name", "the name in the endpoint's certificate, if it is not the host called"),
)
HEADER_HELP = (
    "send this header (over gRPC: metadata) to the endpoint with every call; env:VARIABLE as its value takes it from"
    " the environment, where no log shows it; may be repeated"
)
_TLS_FIELDS = {"tls_ca": "ca", "tls_cert": "certificate", "tls_key": "key", "tls_server_name": "server_name"}


def external_address(
    endpoint: str | None, given: Mapping[str, str | None], headers: Iterable[str]
) -> ExternalAddress | None:
    """Return where the running server answers and how it is reached; None if no endpoint is named.

    Args:
        endpoint: what ``--endpoint`` says.
        given: value by field of `GATEWAY_OPTIONS`; a field may be missing, or None or empty if it was not given.
        headers: ``NAME=VALUE`` texts.

    Raises:
        UsageError: an address that is none, options without an endpoint that has a use for them, a file that is not
            there, half a client certificate, a header that cannot be sent, or a variable that is not set.
    """
    headers = tuple(headers)
    options = {f"--serving-{name}": given.get(field) or None for name, field, _ in GATEWAY_OPTIONS}
    named = [option for option, value in options.items() if value is not None] + ["--serving-header"] * bool(headers)
    if endpoint is None:
        if named:
            raise UsageError(
                f"{named[0]} says how a running server is reached, but none is named; add --serving-endpoint, or"
                " leave it out"
            )
        return None
    return ExternalAddress.parse(endpoint, tls=_tls(given), headers=tuple(map(_header, headers)))


def _tls(given: Mapping[str, str | None]) -> Tls | None:
    values = {field: given.get(option) or None for option, field in _TLS_FIELDS.items()}
    if not any(values.values()):
        return None
    if (values["certificate"] is None) != (values["key"] is None):
        raise UsageError(
            "a client certificate is two files: give both --serving-tls-cert and --serving-tls-key, or neither"
        )
    tls = Tls(**values)
    for path in (tls.ca, tls.certificate, tls.key):
        tls.read(path)
    tls.context()
    return tls


def _header(text: str) -> tuple[str, str]:
    """Return name and value; what was typed may be a secret, so no message shows it."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(
            "--serving-header should be NAME=VALUE, e.g. --serving-header authorization=env:TOKEN (what was given is"
            " not shown, for it may be a secret)"
        )
    if not value.startswith(FROM_ENVIRONMENT):
        return name, value
    variable = value.removeprefix(FROM_ENVIRONMENT)
    found = os.environ.get(variable)
    if not found:
        raise UsageError(
            f"--serving-header {name}={value}: the environment has no variable {variable!r}, or it is empty; set it,"
            f" e.g. export {variable or 'TOKEN'}='Bearer ...'"
        )
    return name, found
