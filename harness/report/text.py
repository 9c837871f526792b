"""Numbers and foreign text as a reader sees them, the same in HTML, Markdown and on the terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.findings import Finding
    from harness.results import (
        Breakdown,
        GateVerdict,
        Latency,
        RateSearch,
        ServedSignature,
        ServerSide,
        TensorInfo,
        Throughput,
    )
    from harness.stats import Percentile

__all__ = [
    "GATE_WORDS",
    "INSUFFICIENT",
    "NOTHING",
    "api_name",
    "clip",
    "command_line",
    "count",
    "duration",
    "load",
    "one_line",
    "percent_name",
    "percentile",
    "plural",
    "rate",
    "request",
    "seconds",
    "seen",
    "server_side",
    "shape",
    "signature",
    "size",
    "visible",
]

INSUFFICIENT = "insufficient samples"
NOTHING = "\N{EN DASH}"
GATE_WORDS: dict[GateVerdict, str] = {
    "pass": "PASS",
    "improved": "PASS, IMPROVED",
    "regressed": "REGRESSED",
    "inconclusive": "INCONCLUSIVE",
}

_API_NAMES = {"grpc": "gRPC", "rest": "REST"}
_TIME_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_SIZE_UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def visible(text: str) -> str:
    r"""Return text with every invisible character but line ends and tabs written out, e.g. ``\x1b`` or ``\u202e``.

    So no name or message can move the cursor, turn the writing direction, or hide.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text)


def one_line(text: str) -> str:
    """Return text without line ends, and visible."""
    return visible(" ".join(text.split()))


def clip(text: str, most: int) -> str:
    """Return at most so many characters, the cut marked."""
    return text if len(text) <= most else text[: most - 1] + "…"


def duration(ns: float | None) -> str:
    """Return nanoseconds with three significant digits in the unit that suits them, a dash for None."""
    if ns is None:
        return NOTHING
    for factor, unit in _TIME_UNITS:
        if abs(ns) >= factor * 0.9995 or factor == 1.0:
            return f"{_three_digits(ns / factor)} {unit}"
    raise AssertionError("the last unit takes everything")


def seconds(value_s: float) -> str:
    """Return a longer duration: ``0.4 s``, ``12.5 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if value_s < 59.95:
        return f"{value_s:.1f} s"
    minutes, rest = divmod(round(value_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def seen(finding: Finding) -> str:
    """Return what a finding saw, with a hint where there is more to see than words can say."""
    return f"(pictures in the HTML report) {finding.seen}" if finding.pictures else finding.seen


def rate(per_s: float) -> str:
    """Return a rate, e.g. ``5,234/s`` or ``12.3/s``."""
    return f"{per_s:,.0f}/s" if per_s >= 99.95 else f"{_three_digits(per_s)}/s"


def count(number: int) -> str:
    """Return a whole number with thousands separated."""
    return f"{number:,}"


def size(size_bytes: int | None) -> str:
    """Return bytes in binary units, a dash for None."""
    if size_bytes is None:
        return NOTHING
    for factor, unit in _SIZE_UNITS:
        if size_bytes >= factor:
            return f"{_three_digits(size_bytes / factor)} {unit}"
    return f"{size_bytes} B"


def plural(number: int, noun: str) -> str:
    """Return ``1 test``, ``2 tests``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def percent_name(percent: float) -> str:
    """Return ``p99.9`` for 99.9."""
    return f"p{percent:g}"


def percentile(found: Percentile) -> str:
    """Return the percentile's value, or that there are too few samples and how many it takes."""
    if found.value_ns is None:
        return f"{INSUFFICIENT} ({found.n:,} of {found.needed:,})"
    return duration(found.value_ns)


def shape(sizes: Sequence[int | None] | None) -> str:
    """Return a shape with ``?`` for each size left open."""
    if sizes is None:
        return "any shape"
    return "[" + ", ".join("?" if each is None else str(each) for each in sizes) + "]"


def api_name(api: str) -> str:
    """Return ``gRPC`` or ``REST``."""
    return _API_NAMES.get(api, api)


def request(row: Latency | Throughput | RateSearch | Breakdown) -> str:
    """Return what a row's requests asked, e.g. ``digits · predict · batch 16``; the same for both APIs."""
    batch = "" if row.batch_size is None else f" · batch {row.batch_size:,}"
    return f"{row.model} · {row.method}{batch}"


def load(row: Throughput) -> str:
    """Return under what load a row was measured: the requests in flight, e.g. ``8``, or in open loop ``at 500/s``."""
    return count(row.concurrency) if row.asked_rate_per_s is None else f"at {rate(row.asked_rate_per_s)}"


def server_side(found: ServerSide) -> str:
    """Return what a server's own metrics say, e.g. ``mean 2.35 ms, model 2.15 ms, queued 394 µs, batches of 1.4``."""
    parts = (
        ("mean", found.request_latency_mean_ns),
        ("model", found.runtime_latency_mean_ns),
        ("queued", found.queue_mean_ns),
    )
    told = [f"{name} {duration(value)}" for name, value in parts if value is not None]
    if found.batch_size_mean is not None:
        told.append(f"batches of {_three_digits(found.batch_size_mean)}")
    if found.padding_mean:
        told.append(f"padding {_three_digits(found.padding_mean)}")
    return ", ".join(told)


def signature(found: ServedSignature) -> str:
    """Return a signature in one line: ``(image float32 [?, 8, 8, 1]) → (scores float32 [?, 10])``."""
    return f"({_tensors(found.inputs)}) → ({_tensors(found.outputs)})"


def command_line(arguments: Sequence[str]) -> str:
    """Return a command as one would type it."""
    return shlex.join(arguments)


def _tensors(tensors: Sequence[TensorInfo]) -> str:
    return ", ".join(f"{each.name} {each.dtype} {shape(each.shape)}" for each in tensors)


def _three_digits(value: float) -> str:
    """Return a number with three significant digits, never in scientific notation."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"
