"""``tfserving-harness demo``: what it refuses, and its page with client code of the working directory."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fixtures.gateway import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CODE = """
import io, numpy as np
from PIL import Image
from harness.errors import UsageError

def make_prediction(image, client):
    if not image:
        raise UsageError("an empty file is no image")
    values = client.predict({"x": np.array([1.0, 2.0], np.float32)})["y"]
    assert client.api == API
    file = io.BytesIO()
    Image.new("RGB", (len(values), 1)).save(file, "PNG")
    return file

nothing = 3
"""
_REFUSED = {
    "no module": ("mine_nowhere", (), "error: no module 'mine_nowhere' can be imported from "),
    "no callable": (
        "mine_marks:nothing",
        (),
        "error: mine_marks has no callable 'nothing': one that takes a file's byte",
    ),
    "nothing to serve": ("mine_marks", (), "error: nothing to serve: give the PATH of a SavedModel, or --endpoint and"),
    "no size": ("mine_marks", ("--most-bytes", "much"), "error: --most-bytes 'much' should be a size of a byte or mor"),
    "no port": ("mine_marks", ("--port", "65536"), "argument --port: 65536 is no port; ports end at 65535"),
    "a port that is taken": ("mine_marks", ("--port", "{port}"), "error: --port {port} cannot be used for the page: A"),
    "an unknown API": ("mine_marks", ("--api", "both"), "argument --api: invalid choice: 'both'"),
    "ports of the server": ("mine_marks", ("--rest-port", "1"), "unrecognized arguments: --rest-port 1"),
}


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_marks.py").write_text(f"API = 'rest'\n{_CODE}")
    monkeypatch.delitem(sys.modules, "mine_marks", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("module", "words", "error"), _REFUSED.values(), ids=_REFUSED.keys())
def test_what_cannot_be_shown_is_refused_before_a_server_starts(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, module: str, words: tuple[str, ...], error: str
) -> None:
    """The client code, the page's port and its limits are looked at first; each error says what is wrong."""
    monkeypatch.setattr("harness.serving.start", lambda *_, **__: pytest.fail("a server was started"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = cli("demo", module, *(word.format(port=port) for word in words))
    assert ended.code == 3
    assert error.format(port=port) in ended.err


def test_an_api_that_is_not_served_is_refused(cli: Callable[..., Any], addresses: dict[str, str]) -> None:
    """``--api`` has to be one of the endpoint's."""
    words = ("--endpoint", addresses["rest"], "--name", "half_plus_two", "--api", "grpc")
    ended = cli("demo", "mine_marks", *words)
    assert (ended.code, "--api grpc: --endpoint names no grpc address" in ended.err) == (3, True)


def test_the_page_works_until_ctrl_c(there: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Client code without a clock marks an image through a gateway; Ctrl-C ends with 0 and frees the port."""
    monkeypatch.setenv("GATEWAY_TOKEN", SECRET)
    code = "import sys; from harness.cli import main; sys.exit(main())"
    words = ["demo", "mine_marks", *there, "--header", "authorization=env:GATEWAY_TOKEN", "--api", "rest"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C ends it."):
                break
        assert process.poll() is None, lines
        (url,) = re.findall(r"the page: (http://127\.0\.0\.1:\d+/)", "".join(lines))
        page = requests.get(url, timeout=30)
        marked, refused = (
            requests.post(f"{url}mark", data=data, headers={"X-Harness-Demo": "1"}, timeout=30) for data in (b"x", b"")
        )
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "stopping\n", "")
    assert "asked over REST" in page.text
    assert [group["name"] for group in marked.json()["groups"]] == ["preprocessing", "serving", "postprocessing"]
    assert (refused.status_code, refused.json()) == (415, {"error": "an empty file is no image"})
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=30)
