"""Finding: what one check of a served model tried, expected and saw."""

from dataclasses import dataclass
from typing import Literal

from harness.pictures import Picture

__all__ = ["Finding", "Severity"]

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact a check established. The same findings feed pytest, the command line and the report.

    Attributes:
        check: which check, e.g. ``contract``, ``goldens``, ``parity``.
        model: the served model's name.
        subject: what exactly was looked at, e.g. ``serving_default over REST``.
        passed: whether it was as expected.
        severity: how bad it is if it did not pass: an ``error`` fails the run, a ``warning`` is shown and fails
            nothing, ``info`` informs.
        tried: what was done.
        expected: what should have been seen.
        seen: what was seen.
        pictures: what words cannot show, e.g. two images and their difference.
        reproduce: shell or Python lines that show the same again.
        duration_ns: how long the check took.
    """

    check: str
    model: str
    subject: str
    passed: bool
    severity: Severity = "error"
    tried: str = ""
    expected: str = ""
    seen: str = ""
    pictures: tuple[Picture, ...] = ()
    reproduce: tuple[str, ...] = ()
    duration_ns: int = 0

    @property
    def fails(self) -> bool:
        """Whether this finding makes the run fail."""
        return not self.passed and self.severity == "error"
