"""testcontainers' reaper, Ryuk: used where its image is on the engine, for it outlives even this machine's guards.

It is never pulled: the guard does its work as long as this machine runs, and a test run should not need a second image.
"""

from __future__ import annotations

import logging
from functools import cache

from harness.servers.engine import engine_client
from harness.servers.images import with_hub_prefix

__all__ = ["start_reaper_if_at_hand"]


@cache
def start_reaper_if_at_hand() -> bool:
    """Start this process's Ryuk if its image is on the engine and nobody disabled it; return whether it runs."""
    import docker
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import Reaper

    if testcontainers_config.ryuk_disabled:
        return False
    try:
        with engine_client(timeout_s=60) as client:
            client.images.get(with_hub_prefix(testcontainers_config.ryuk_image))
        Reaper.get_instance()
    except docker.errors.ImageNotFound:
        return False
    except Exception as exc:  # noqa: BLE001 - whatever keeps it from starting, the guard remains
        logging.getLogger(__name__).warning("testcontainers' reaper could not be started: %s", exc)
        Reaper.delete_instance()
        return False
    return True
