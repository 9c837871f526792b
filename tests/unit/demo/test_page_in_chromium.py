"""The page as a browser shows it and a visitor uses it: dropping, choosing, looking, reading what went wrong."""

from __future__ import annotations

import base64
import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from fixtures.chromium import Browser
from harness.demo import DemoServer, Limits, Marked, Page
from harness.errors import UsageError
from tests.unit.demo.visitor import answering, png_of, turned_red

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.chromium import Tab

_MOST_BYTES = 20_000
_IMAGE_SIZE = (60, 40)
_TEXT = "document.getElementById('{}').textContent"
_STATE = "document.body.dataset.state"
# The colour in the middle of the marked image, as the browser shows it.
_MIDDLE = """(() => {
  const shown = document.getElementById("picture");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [shown.naturalWidth, shown.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(shown, 0, 0);
  return [shown.naturalWidth, shown.naturalHeight,
          ...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data];
})()"""
_LAYOUT = """(() => {
  const seen = [...document.querySelectorAll("body *")].filter(each => each.getClientRects().length);
  const wide = seen.filter(each => !each.closest(".skip") && each.getBoundingClientRect().right > innerWidth + 1);
  return [document.documentElement.scrollWidth - innerWidth, wide.map(each => each.outerHTML.slice(0, 80))];
})()"""
_AXE = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => [each.id, each.nodes.length, each.nodes[0].html.slice(0, 120)]))"""


class _Mark:
    """What marks images in these tests: red, unless they are none; held back where a test says so."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.let.set()
        self.begun = threading.Semaphore(0)

    def __call__(self, image: bytes) -> Marked:
        self.begun.release()
        assert self.let.wait(30)
        if not image.startswith(b"\x89PNG"):
            raise UsageError(f"{len(image)} bytes are <b>no image</b>; give a PNG file")
        return turned_red(image)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def mark() -> _Mark:
    """What the server marks images with."""
    return _Mark()


@pytest.fixture(scope="module")
def server(mark: _Mark) -> Iterator[DemoServer]:
    """A page that takes small files."""
    with answering(mark, Limits(most_bytes=_MOST_BYTES)) as running:
        yield running


@pytest.fixture
def tab(browser: Browser, server: DemoServer) -> Iterator[Tab]:
    """The page, just opened."""
    opened = browser.open(server.url)
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Files to drop: an image, another one, a text, and one too large."""
    contents = {
        "shelf.png": png_of(Image.new("RGB", _IMAGE_SIZE, "blue")),
        "other.png": png_of(Image.new("RGB", (10, 20), "blue")),
        "<i>notes.txt": b"no image",
        "large.png": bytes(2 * _MOST_BYTES),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def _is_shown(tab: Tab, part: str) -> bool:
    return bool(tab.value(f"document.getElementById('{part}').getClientRects().length > 0"))


@pytest.mark.parametrize("way", ["drop", "choose", "paste"])
def test_an_image_is_shown_marked_with_its_times(
    tab: Tab, server: DemoServer, files: dict[str, Path], way: str
) -> None:
    """Dropped, chosen or pasted, the image comes back red, with its size, its stages and a link to keep it."""
    assert tab.value(_STATE) == "waiting"
    assert not _is_shown(tab, "result")
    _give(tab, files["shelf.png"], way)
    tab.until(f"{_STATE} === 'done'")
    assert tab.value(_MIDDLE) == [*_IMAGE_SIZE, 255, 0, 0, 255]
    took = tab.value(_TEXT.format("status")).replace("\u00a0", " ")
    assert took == "Took 10.0 ms: preprocessing 2.00 ms, serving 7.00 ms, postprocessing 1.00 ms."
    size = files["shelf.png"].stat().st_size
    assert tab.value(_TEXT.format("about")) == f"shelf.png, 60 \u00d7 40 pixels, {size} B"
    assert tab.value(
        "[...document.querySelectorAll('#stages tr')].map(row => [...row.cells].map(c => c.textContent))"
    ) == [
        ["preprocessing", "2.00 ms", "20.0 %"],
        ["decode", "1.50 ms", "15.0 %"],
        ["not in a stage", "500 µs", "5.0 %"],
        ["serving", "7.00 ms", "70.0 %"],
        ["send to reply", "7.00 ms", "70.0 %"],
        ["postprocessing", "1.00 ms", "10.0 %"],
        ["<b>draw</b>", "1.00 ms", "10.0 %"],
        ["all", "10.0 ms", "100 %"],
    ]
    widths = tab.value("[...document.getElementById('bar').children].map(part => part.getBoundingClientRect().width)")
    assert [round(20 * width / sum(widths)) for width in widths] == [3, 1, 14, 2]
    assert tab.value("document.getElementById('picture').alt") == "shelf.png, marked"
    assert tab.value("document.getElementById('download').download") == "shelf-marked.png"
    assert tab.value("document.getElementById('download').href === document.getElementById('picture').src")
    assert {url.removeprefix(server.url) for url in tab.requested()} == {"", "mark"}


def _give(tab: Tab, file: Path, way: str) -> None:
    """Give the page a file."""
    if way == "drop":
        tab.drop(file)
    elif way == "choose":
        tab.choose("#file", file)
    else:
        content = base64.b64encode(file.read_bytes()).decode()
        tab.value(f"""(() => {{
            const bytes = Uint8Array.from(atob("{content}"), letter => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "{file.name}", {{type: "image/png"}}));
            document.dispatchEvent(new ClipboardEvent("paste", {{clipboardData: data, bubbles: true}}));
        }})()""")


def test_the_console_has_no_complaints(tab: Tab, files: dict[str, Path]) -> None:
    """From opening to the marked image nothing breaks the page's policy, fails or is logged."""
    tab.drop(files["shelf.png"])
    tab.until(f"{_STATE} === 'done'")
    assert tab.complaints() == []


def test_what_went_wrong_is_told_in_place(tab: Tab, files: dict[str, Path]) -> None:
    """A text file is told with the server's words, as text; the earlier result is gone, and the next image is shown."""
    tab.drop(files["shelf.png"])
    tab.until(f"{_STATE} === 'done'")
    tab.choose("#file", files["<i>notes.txt"])
    tab.until(f"{_STATE} === 'failed'")
    told = tab.value(_TEXT.format("failure"))
    assert told == "<i>notes.txt was not marked\n8 bytes are <b>no image</b>; give a PNG file"
    assert tab.value("document.querySelector('#failure').children.length") == 0
    assert tab.value("document.querySelector('#failure').getAttribute('role')") == "alert"
    assert _is_shown(tab, "failure")
    assert not _is_shown(tab, "result")
    tab.choose("#file", files["shelf.png"])
    tab.until(f"{_STATE} === 'done'")
    assert _is_shown(tab, "result")
    assert not _is_shown(tab, "failure")


def test_a_file_too_large_is_not_sent(tab: Tab, server: DemoServer, files: dict[str, Path]) -> None:
    """The page itself says how large it is, and what is taken."""
    tab.drop(files["large.png"])
    tab.until(f"{_STATE} === 'failed'")
    assert tab.value(_TEXT.format("failure")) == "large.png is too large\nIt has 39.1 KiB; at most 19.5 KiB are taken."
    assert tab.requested() == [server.url]


def test_what_is_no_file_is_told(tab: Tab, tmp_path: Path) -> None:
    """A dropped folder, and a drop of something that is no file at all, have texts of their own."""
    tab.drop(tmp_path)
    tab.until(f"{_STATE} === 'failed'")
    assert "cannot be read" in tab.value(_TEXT.format("failure"))
    tab.value("dispatchEvent(new DragEvent('drop', {dataTransfer: new DataTransfer(), cancelable: true}))")
    assert "That was no file" in tab.value(_TEXT.format("failure"))


def test_the_last_image_counts(
    tab: Tab, server: DemoServer, mark: _Mark, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one image is worked on others may be dropped: the last alone is shown, one between is never worked on."""
    taken: list[bool] = []
    acquire = server._room.acquire

    def count(*, blocking: bool) -> bool:
        taken.append(acquire(blocking=blocking))
        return taken[-1]

    monkeypatch.setattr(server._room, "acquire", count)
    mark.let.clear()
    try:
        while mark.begun.acquire(blocking=False):
            pass
        tab.drop(files["shelf.png"])
        tab.until(f"{_STATE} === 'working'")
        assert mark.begun.acquire(timeout=30)
        assert tab.value(_TEXT.format("status")) == "Working on shelf.png …"
        tab.drop(files["other.png"], files["shelf.png"])
        tab.until(f"{_TEXT.format('status')} === 'Working on other.png …'")
        tab.until("true", also=lambda: server._room._value == server.limits.most_images - 2)
        tab.drop(files["other.png"], files["shelf.png"])
        tab.until("true", also=lambda: len(taken) == 3 and server._room._value == server.limits.most_images - 2)
    finally:
        mark.let.set()
    tab.until(f"{_STATE} === 'done'")
    assert tab.value(_MIDDLE)[:2] == [10, 20]
    assert mark.begun.acquire(blocking=False)
    assert not mark.begun.acquire(blocking=False), "an image that was given up was worked on"
    assert tab.value(_TEXT.format("status")).endswith("Of 2 files this is the first.")
    assert tab.complaints() == []


def test_a_demo_that_has_ended_is_told(browser: Browser, files: dict[str, Path]) -> None:
    """When nobody answers any more the page asks whether the demo still runs."""
    with answering(turned_red, Limits()) as server:
        tab = browser.open(server.url)
    tab.drop(files["shelf.png"])
    tab.until(f"{_STATE} === 'failed'")
    assert tab.value(_TEXT.format("failure")) == "No answer came\nDoes the demo still run in its terminal?"
    tab.close()


def test_the_keyboard_is_enough(tab: Tab) -> None:
    """The first stop of the tabulator is the theme's button, the second the file's field, with a visible frame."""
    for _ in range(2):
        tab.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        tab.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert tab.value("document.activeElement.id") == "file"
    assert (
        tab.value("document.activeElement.labels[0].textContent.trim()")
        == "Drop an image here, paste one, or choose a file"
    )
    assert tab.value("getComputedStyle(document.querySelector('.drop')).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_light_and_dark(tab: Tab, files: dict[str, Path], scheme: str) -> None:
    """In every state nothing is wider than a phone, and the ground is as light or dark as the reader prefers."""
    tab.resize(390)
    tab.prefer(scheme)
    for name, state in ((None, "waiting"), ("shelf.png", "done"), ("<i>notes.txt", "failed")):
        if name is not None:
            tab.drop(files[name])
        tab.until(f"{_STATE} === '{state}'")
        assert tab.value(_LAYOUT) == [0, []]
    pixel: Any = Image.open(io.BytesIO(tab.picture())).convert("L").getpixel((2, 2))
    assert pixel > 200 if scheme == "light" else pixel < 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(tab: Tab, files: dict[str, Path], scheme: str) -> None:
    """axe-core, where HARNESS_AXE names its axe.min.js, finds nothing serious or critical in a result or an error."""
    source = os.environ.get("HARNESS_AXE", "")
    if not source:
        pytest.skip("HARNESS_AXE names no axe.min.js; get one with: npm pack axe-core")
    tab.prefer(scheme)
    tab.call("Runtime.evaluate", expression=Path(source).read_text())
    for name, state in (("shelf.png", "done"), ("<i>notes.txt", "failed")):
        tab.drop(files[name])
        tab.until(f"{_STATE} === '{state}'")
        assert tab.value(_AXE) == []


def _statuses(tab: Tab) -> set[int]:
    return {event["statusCode"] for event in tab.events("Network.responseReceivedExtraInfo")}


def test_another_page_cannot_use_it(browser: Browser, server: DemoServer, mark: _Mark) -> None:
    """What a page of another origin sends is refused, with the header before it is sent, without it when it comes."""
    while mark.begun.acquire(blocking=False):
        pass
    with DemoServer() as other, other.answering(Page(html=b"<p>other</p>", policy=""), turned_red, name="other"):
        tab = browser.open(other.url)
        for options in ("headers: {'X-Harness-Demo': '1'}", "mode: 'no-cors'"):
            sent = f"fetch('{server.url}mark', {{method: 'POST', body: 'x', {options}}})"
            assert tab.value(f"{sent}.then(answer => answer.type, () => 'refused')") in ("refused", "opaque")
        tab.until("true", also=lambda: {403, 501} <= _statuses(tab))
        tab.close()
    assert not mark.begun.acquire(blocking=False)
