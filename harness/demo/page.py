"""Page: the one HTML file that the demo shows, and the policy under which a browser shows it.

It is self-contained, in the report's style and with the report's own script for light and dark. What a server or a
visitor says gets into it as text alone.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache

import jinja2
from markupsafe import Markup

from harness.demo.refusals import OUR_HEADER
from harness.report import text

__all__ = ["Facts", "Page", "render_page"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the page says of what is behind it.

    Attributes:
        model: the served model's name.
        pipeline: the client code.
        backend: what serves the model.
        api: over which it is asked.
        most_bytes: of an image file.
    """

    model: str
    pipeline: str
    backend: str
    api: str
    most_bytes: int


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page as it goes to a browser.

    Attributes:
        html: the page.
        policy: its Content-Security-Policy.
    """

    html: bytes
    policy: str


def render_page(facts: Facts) -> Page:
    """Return the page for a demo."""
    style, script = _joined("report.css", "demo.css"), _joined("report.js", "demo.js")
    html = (
        _environment()
        .get_template("demo.html.j2")
        .render(
            facts=facts,
            api=text.api_name(facts.api),
            most=text.size(facts.most_bytes),
            header=OUR_HEADER,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
        )
    )
    rules = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "img-src": "blob: data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return Page(html=html.encode(), policy="; ".join(f"{rule} {value}" for rule, value in rules.items()))


@cache
def _loader() -> jinja2.BaseLoader:
    return jinja2.ChoiceLoader(
        [jinja2.PackageLoader(package, "templates") for package in ("harness.demo", "harness.report")]
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=_loader(),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: text.visible(value) if type(value) is str else value,
    )


def _joined(*names: str) -> str:
    """Return the text of files of ours, as it will stand in the page."""
    return "\n".join(_loader().get_source(_environment(), name)[0] for name in names)


def _hash(source: str) -> str:
    """Return how the policy names the one style or script that may be in the page."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii") + "'"
