"""The files of a TLS connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path


def test_half_a_client_certificate_is_refused() -> None:
    """A certificate without its key, or the reverse, is a usage error."""
    with pytest.raises(UsageError, match="needs both its certificate file and its key file"):
        Tls(certificate="a.pem")
    with pytest.raises(UsageError, match="needs both"):
        Tls(key="a.pem")


def test_files_are_read(tmp_path: Path) -> None:
    """A PEM file is read whole, no file is None, and a missing one is a usage error that names it."""
    path = tmp_path / "ca.pem"
    path.write_bytes(b"pem")
    tls = Tls(ca=path)
    assert tls.read(tls.ca) == b"pem"
    assert tls.read(None) is None
    with pytest.raises(UsageError, match=r"none.pem cannot be read: No such file or directory; check the path"):
        tls.read(tmp_path / "none.pem")
