"""Picture: a PNG with a caption, for a report."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.errors import ReportError

__all__ = ["PNG_SIGNATURE", "Picture"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An input, what the model made of it, or how two answers differ, as a picture.

    Attributes:
        caption: what one sees, e.g. ``predicted 7 (0.98)``.
        png: the PNG file's bytes.
        model: the servable's name; empty if it belongs to none.
    """

    caption: str
    png: bytes = field(repr=False)
    model: str = ""

    def __post_init__(self) -> None:
        """Refuse what a browser would show as a broken picture."""
        if not self.png.startswith(PNG_SIGNATURE) or len(self.png) < 24:
            raise ReportError(
                f"picture {self.caption!r}: png must be the bytes of a PNG file, got {self.png[:8]!r}; "
                "encode it with PIL.Image.save(buffer, format='PNG')"
            )

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height, read from the PNG's header (IHDR is always the first chunk)."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")
