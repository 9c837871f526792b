"""A small page on this machine: an image dropped on it goes through client code and the served model, and is shown."""

from harness.demo.limits import Limits
from harness.demo.marking import Marked, Marker
from harness.demo.page import Facts, Page, render_page
from harness.demo.server import DemoServer

__all__ = ["DemoServer", "Facts", "Limits", "Marked", "Marker", "Page", "render_page"]
