"""Made-up requests: values that fit a signature and what its graph tells, in an extent that the model takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.checks.extents import Freedom
from harness.checks.guess import examples_of_extent, inputs_of_extent
from harness.checks.request import METHOD_OF_NAME, Request, ask
from harness.errors import CallError, DeadlineError, StatusError, TensorError
from harness.report.text import clip, one_line, plural
from harness.text_input import Feature, TextInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.extents import Extent
    from harness.checks.request import Method
    from harness.clients.client import Client
    from harness.signatures import Signature
    from harness.text_input import Content

__all__ = ["MADE_UP", "REMEDY", "Maker", "find_extent", "make_up"]

MADE_UP = "values made up to fit the signature"
REMEDY = "give requests it takes with --examples, record goldens, or add warm-up records to the model"

_TIME_FOR_MORE_TRIES_S = 5.0
_LONGEST_MESSAGE = 300  # a server's message may hold a whole signature
# Codes by which an operation says that it does not like its input; with the others of _TRY_ON it may be so.
_VALUES_DO_NOT_SUIT = frozenset({"INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE"})
_TRY_ON = _VALUES_DO_NOT_SUIT | {"ABORTED", "INTERNAL", "UNIMPLEMENTED", "UNKNOWN"}

_HELD: Mapping[Content, str] = {
    "bmp": "BMP pictures",
    "gif": "GIF pictures",
    "jpeg": "JPEG pictures",
    "number": "numbers as text",
    "png": "PNG pictures",
    "raw": "raw bytes",
    "wav": "WAV sound",
}

# For models that take tf.Examples and parse none, and where the graph is not at hand.
_ANY_FEATURES = (Feature(name="text", dtype="string", shape=(1,)),)


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes requests for one signature.

    Attributes:
        signature: what they must fit.
        texts: what the graph says of its string inputs, by name.
    """

    signature: Signature
    texts: Mapping[str, TextInput] = field(default_factory=dict)

    @property
    def method(self) -> Method:
        """The API that the requests are for."""
        return METHOD_OF_NAME.get(self.signature.method_name, "predict")

    @property
    def freedom(self) -> Freedom:
        """What there is to choose."""
        takes_examples = self.method != "predict"
        return Freedom.of(self.signature.inputs, self.texts.values(), takes_examples=takes_examples)

    def request(self, extent: Extent, *, seed: int, is_varied: bool = False) -> Request:
        """Return the request of an extent.

        Args:
            extent: how far it goes.
            seed: same seed, same numbers.
            is_varied: whether another seed makes other strings, too.

        Raises:
            TensorError: an input whose dtype no NumPy array can hold.
        """
        source = f"{MADE_UP} ({about})" if (about := self._about(extent)) else MADE_UP
        common = Request(signature_name=self.signature.name, method=self.method, source=source)
        if self.method == "predict":
            inputs = inputs_of_extent(self.signature, extent, seed=seed, texts=self.texts, is_varied=is_varied)
            return replace(common, inputs=inputs)
        examples = examples_of_extent(self._features, extent, seed=seed, is_varied=is_varied)
        return replace(common, examples=examples)

    @property
    def _features(self) -> tuple[Feature, ...]:
        found = tuple(feature for text in self.texts.values() for feature in text.features)
        return found or _ANY_FEATURES

    def _about(self, extent: Extent) -> str:
        held = [f"{name}: {_held(text)}" for name, text in sorted(self.texts.items()) if text.content in _HELD]
        names = ", ".join(feature.name for text in self.texts.values() for feature in text.features)
        held += [f"tf.Examples with {names}"] if names else []
        return ", ".join([*filter(None, [self.freedom.text(extent)]), *held])


def _held(text: TextInput) -> str:
    return _HELD[text.content] + (" in base64" if text.is_base64 else "")


def make_up(
    signature: Signature, client: Client, *, texts: Mapping[str, TextInput], seed: int
) -> tuple[Request | None, str]:
    """Return a request of made-up values that the model takes, or why there is none.

    Several extents are tried in turn: at most ``extents.MOST_TRIES``, and none begins more than a few seconds after the
    first was refused. A model that fails for another reason than the values gets its request all the same: asked again,
    it will show what is wrong.

    Args:
        signature: what to fit.
        client: of the served model.
        texts: what the graph says of string inputs, by name; empty if it is not at hand.
        seed: same seed, same values.
    """
    maker = Maker(signature=signature, texts=texts)
    extent, why_not = find_extent(maker, client, seed=seed)
    return (None, why_not) if extent is None else (maker.request(extent, seed=seed), "")


def find_extent(maker: Maker, client: Client, *, seed: int) -> tuple[Extent | None, str]:
    """Return an extent of made-up values that the model takes, or why there is none; see ``make_up``."""
    try:
        first, *others = [(extent, maker.request(extent, seed=seed)) for extent in maker.freedom.extents()]
        refusal = _refusal(client, first[1])
        if refusal is None or refusal.code not in _TRY_ON:
            return first[0], ""
        taken, tries = _first_taken(client, others)
    except TensorError as exc:
        return None, f"no values could be made up and sent: {exc}; {REMEDY}"
    if taken is not None:
        return taken, ""
    if refusal.code not in _VALUES_DO_NOT_SUIT:
        return first[0], ""
    also = f", and those of {plural(tries, 'other size')}" if tries else ""
    message = clip(one_line(refusal.server_message), _LONGEST_MESSAGE)
    return None, f"the model refuses {MADE_UP}{also}: {message}; {REMEDY}"


def _refusal(client: Client, request: Request) -> StatusError | None:
    """Return the status that a request brings; None for an answer, and for what no values could change."""
    try:
        ask(client, request)
    except StatusError as exc:
        return exc
    except CallError:
        return None
    return None


def _first_taken(client: Client, requests: list[tuple[Extent, Request]]) -> tuple[Extent | None, int]:
    """Return the extent of the first request that brings an answer, or ends the server, and how many were sent."""
    deadline = time.monotonic() + _TIME_FOR_MORE_TRIES_S
    tries = 0
    for extent, request in requests:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        tries += 1
        try:
            ask(client, request, timeout_s=left_s)
        except (StatusError, DeadlineError):
            continue
        except CallError:
            pass
        return extent, tries
    return None, tries
