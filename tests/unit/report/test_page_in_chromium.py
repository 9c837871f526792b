"""The page as a browser lays it out: nothing too wide for a phone, nothing too faint to read, nothing refused."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from fixtures.chromium import CHROMIUM_SWITCHES, find_chromium
from harness.report import write_report
from harness.results import Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.results import Results

# These scripts are put into a copy of the page, without the policy that would refuse them.
_PROBE = """
<script>
addEventListener("load", () => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const rgba = text => { const v = text.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 1) return color;
    }
    return [255, 255, 255, 1];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    if (element.closest("script, title")) continue;
    const style = getComputedStyle(element);
    const ink = rgba(element.closest("svg") ? style.fill : style.color);
    const [low, high] = [light(ink), light(ground(element))].sort((a, b) => a - b);
    const ratio = (high + .05) / (low + .05);
    if (ratio < 4.5) faint.push([walker.currentNode.data.trim().slice(0, 40), ratio]);
  }
  const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest("pre, .skip, thead")
    && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80));
  const found = {width: innerWidth, overflow: document.documentElement.scrollWidth - innerWidth, faint, wide,
    dark: matchMedia("(prefers-color-scheme: dark)").matches};
  parent.postMessage(found, "*");
});
</script>
"""
# Clicks heads of the longest table and the button of the theme, and tells what became of them.
_CLICKS = """
<script>
addEventListener("load", () => {
  const rated = table => [...table.tHead.rows[0].cells].some(cell => cell.textContent.startsWith("Rate"));
  const table = [...document.querySelectorAll("table")].filter(rated).sort((a, b) => b.rows.length - a.rows.length)[0];
  const column = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent.startsWith("Rate"));
  const head = table.tHead.rows[0].cells[column];
  const cells = () => [...table.tBodies[0].rows].map(row => row.cells[column].querySelector("b").textContent);
  const click = () => { head.querySelector("button").click(); return [head.getAttribute("aria-sort"), cells()]; };
  const ground = () => getComputedStyle(document.body).backgroundColor;
  const theme = document.querySelector(".theme");
  const before = [ground(), theme.textContent];
  const found = {sorted: [click(), click()], before};
  theme.click();
  found.after = [ground(), theme.textContent];
  theme.click();
  found.again = [ground(), theme.textContent];
  found.marks = document.querySelectorAll("svg circle.estimate, svg .curve, svg .part").length;
  parent.postMessage(found, "*");
});
</script>
"""
# What axe-core finds at its two upper levels of impact.
_AXE = """
<script>AXE</script>
<script>
addEventListener("load", async () => {
  const {violations} = await axe.run(document, {resultTypes: ["violations"]});
  parent.postMessage({violations: violations.filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => [each.id, each.nodes.length, each.nodes[0].html.slice(0, 120)])}, "*");
});
</script>
"""
# A window cannot be as narrow as a phone, a frame can.
_FRAME = """<!doctype html><script>
addEventListener("message", ({data}) =>
  document.body.append("FOUND" + encodeURIComponent(JSON.stringify(data)) + "DNUOF"));
</script><body><iframe src="probed.html" style="border: 0; height: 2000px; width: WIDTHpx"></iframe>"""


@pytest.fixture
def chromium(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run chromium on a file; skip without one, unless HARNESS_REQUIRE_CHROMIUM=1 promises it."""
    program = find_chromium()

    def run(page: Path, *switches: str) -> subprocess.CompletedProcess[str]:
        command = [
            program,
            *CHROMIUM_SWITCHES,
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            *switches,
            page.as_uri(),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    return run


def _probe(
    page: Path, width_px: int, chromium: Callable[..., Any], *switches: str, probe: str = _PROBE
) -> dict[str, Any]:
    content = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text())
    page.with_name("probed.html").write_text(content.replace("</body>", probe + "</body>"))
    frame = page.with_name("frame.html")
    frame.write_text(_FRAME.replace("WIDTH", str(width_px)))
    dumped = chromium(frame, "--dump-dom", "--virtual-time-budget=10000", *switches).stdout
    found = re.search("FOUND(%7B.*?)DNUOF", dumped)
    assert found, dumped[-2_000:]
    return dict(json.loads(unquote(found[1])))


@pytest.mark.parametrize("width_px", [390, 720, 850, 1000, 1060, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_and_is_legible(results: Results, tmp_path: Path, chromium: Any, width_px: int, scheme: str) -> None:
    """In a window of any width, light and dark, nothing overflows and all text has a contrast of at least 4.5."""
    page = write_report(results, directory=tmp_path).html
    dark = ("--blink-settings=preferredColorScheme=0",) if scheme == "dark" else ()
    found = _probe(page, width_px, chromium, *dark)
    assert found["dark"] is (scheme == "dark")
    assert (found["width"], found["overflow"], found["wide"]) == (width_px, 0, [])
    assert found["faint"] == []


def test_endless_names_do_not_widen_a_phone(results: Results, tmp_path: Path, chromium: Any) -> None:
    """Names without a place to break, everywhere, still fit a phone."""
    name = "x" * 300
    odd = dataclasses.replace(
        results,
        machine=dataclasses.replace(results.machine, cpu_model=name),
        models=(dataclasses.replace(results.models[0], name=name),),
        tests=Outcome(failed=1, failures=(Failure(node_id=name, error=name),)),
        findings=tuple(
            dataclasses.replace(each, check=name, seen=name, reproduce=(name,)) for each in results.findings
        ),
        latency=tuple(dataclasses.replace(row, model=name, name=name) for row in results.latency),
        throughput=tuple(dataclasses.replace(row, model=name, errors={name: 1}) for row in results.throughput),
    )
    found = _probe(write_report(odd, directory=tmp_path).html, 390, chromium)
    assert (found["overflow"], found["wide"]) == (0, [])


def test_browser_refuses_nothing_of_the_page(results: Results, tmp_path: Path, chromium: Any) -> None:
    """The page as written breaks none of its own policy, and its pictures load from within it."""
    page = write_report(results, directory=tmp_path).html
    done = chromium(page, "--dump-dom")
    assert "predicted 7 (0.98)" in done.stdout
    assert "CONSOLE" not in done.stderr


def test_tables_sort_and_the_theme_changes(results: Results, tmp_path: Path, chromium: Any) -> None:
    """A click on a head sorts its table by number, a second one the other way; the button changes light and dark."""
    found = _probe(write_report(results, directory=tmp_path).html, 1200, chromium, probe=_CLICKS)
    rates = [float(cell.removesuffix("/s").replace(",", "")) for cell in found["sorted"][0][1]]
    assert found["sorted"][0][0] == "ascending"
    assert rates == sorted(rates)
    assert len(set(rates)) > 5
    assert found["sorted"][1] == ["descending", found["sorted"][0][1][::-1]]
    assert found["before"][1] == "Dark"
    assert found["after"][1] == "Light"
    assert found["after"][0] != found["before"][0]
    assert found["again"] == found["before"]
    assert found["marks"] > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(results: Results, tmp_path: Path, chromium: Any, scheme: str) -> None:
    """axe-core, where HARNESS_AXE names its axe.min.js, finds no serious or critical fault of accessibility."""
    source = os.environ.get("HARNESS_AXE", "")
    if not source:
        pytest.skip("HARNESS_AXE names no axe.min.js; get one with: npm pack axe-core")
    page = write_report(results, directory=tmp_path).html
    dark = ("--blink-settings=preferredColorScheme=0",) if scheme == "dark" else ()
    probe = _AXE.replace("AXE", Path(source).read_text(), 1)
    assert _probe(page, 1200, chromium, *dark, probe=probe)["violations"] == []
