"""The REST API, from a request to a reply; no sockets here.

From the bottom:

    url, pages                        the grammar of the URLs; the pages for what is outside of it
    predict                           predict from arrays to arrays
    calls                             what a URL names: predict, classify, regress, status, metadata
    handler                           every request gets a reply, and is counted
"""

from __future__ import annotations

__all__: list[str] = []
