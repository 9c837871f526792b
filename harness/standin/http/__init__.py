"""The HTTP server under the REST API, with libevent's habits: requests in, replies out. It knows nothing of models.

From the bottom:

    body                              compressed bodies
    lenient, heads                    request heads by libevent's rules; those that came before
    connection                        one connection
    poller, turns                     waiting for events; whose turn it is to wait
    edge                              the server: threads over connections
"""

from __future__ import annotations

__all__: list[str] = []
