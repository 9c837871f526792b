"""Templating: how pages are made of templates and foreign text, and how a page's policy names what may run in it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from harness.report import text

__all__ = ["environment", "source_hash"]


@cache
def environment(*packages: str) -> jinja2.Environment:
    """Return the environment of the templates in these packages' ``templates``, the first one first.

    Every text that is put in is escaped, and made visible.
    """
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package, "templates") for package in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )


def source_hash(source: str) -> str:
    """Return how a Content-Security-Policy names a script or style, without its quotes."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")


def _visible(value: Any) -> Any:
    return text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
