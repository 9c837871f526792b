"""The page as it is written."""

from __future__ import annotations

import base64
import hashlib
import re

from harness.demo import Facts, render_page

FACTS = Facts(model="</title><script>x", pipeline="a'b\"c:mark\x1b", backend="container", api="rest", most_bytes=2**20)


def test_the_policy_lets_run_what_is_in_the_page_and_no_more() -> None:
    """The page's one style and one script are named by their hashes; nothing else may be loaded or run."""
    page = render_page(FACTS)
    html = page.html.decode()
    for rule, found in (("style", re.findall(r"<style>(.*?)</style>", html, re.DOTALL)), ("script", _scripts(html))):
        assert len(found) == 1
        digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{rule}-src 'sha256-{digest}'" in page.policy
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy
    assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
    assert not re.search(r"(src|href)=\"(?!data:)", html)


def _scripts(html: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", html, re.DOTALL)


def test_names_are_text() -> None:
    """What a model or a module is called cannot become markup, and what is invisible in it is written out."""
    html = render_page(FACTS).html.decode()
    assert "&lt;/title&gt;&lt;script&gt;x" in html
    assert "a&#39;b&#34;c:mark\\x1b" in html
    assert "served by container" in html
    assert "asked over REST" in html
    assert "up to 1.00 MiB" in html


def test_foreign_text_goes_in_as_text() -> None:
    """The script never makes markup of a string."""
    (script,) = _scripts(render_page(FACTS).html.decode())
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)
