"""Page: the one HTML file that the demo shows, and the policy under which a browser shows it.

It is self-contained, in the report's style and with the report's own script for light and dark. What a server or a
visitor says gets into it as text alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from harness.demo.refusals import OUR_HEADER
from harness.report import text
from harness.report.templating import environment, source_hash

if TYPE_CHECKING:
    import jinja2

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
        "style-src": f"'{source_hash(style)}'",
        "script-src": f"'{source_hash(script)}'",
        "img-src": "blob: data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return Page(html=html.encode(), policy="; ".join(f"{rule} {value}" for rule, value in rules.items()))


def _joined(*names: str) -> str:
    """Return the text of files of ours, as it will stand in the page."""
    made = _environment()
    return "\n".join(made.loader.get_source(made, name)[0] for name in names)  # type: ignore[union-attr] # it has one


def _environment() -> jinja2.Environment:
    return environment("harness.demo", "harness.report")
