"""Limits: how much of this machine the page's visitors may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is taken at most, and how long is waited.

    Attributes:
        most_bytes: of an image file.
        most_connections: at a time; further ones are closed at once.
        most_images: read, waiting and worked on at a time; further ones are refused. One at a time is worked on, for
            client code need not be made for several threads, and times would not be those of one image.
        read_s: in which a whole request has to arrive.
        write_s: in which an answer has to be taken.
        turn_s: how long an image waits until it is worked on.
        linger_s: how long the rest of a refused request is read, for the answer to it not to be lost.
        close_s: how long the end waits for the image that is worked on.
    """

    most_bytes: int = 20 * 2**20
    most_connections: int = 32
    most_images: int = 4
    read_s: float = 15.0
    write_s: float = 15.0
    turn_s: float = 60.0
    linger_s: float = 2.0
    close_s: float = 5.0
