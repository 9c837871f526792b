"""What to ask a model: of each signature the requests of the best source that has any.

In this order: the user's own examples, what the user's code asks, recorded goldens, the model's warm-up records, and
values made up to fit the signature and what the graph tells of its strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.checks.example_files import read_examples
from harness.checks.goldens import read_goldens
from harness.checks.made_up import make_up
from harness.checks.warmup_requests import requests_of_logs
from harness.errors import HarnessError
from harness.savedmodel import read_warmup
from harness.savedmodel.example_features import text_input
from harness.savedmodel.proto import pick_meta_graph, read_saved_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.checks.request import Request
    from harness.checks.subject import CheckOptions
    from harness.clients.client import Client
    from harness.signatures import Signature
    from harness.text_input import TextInput

__all__ = ["Gathered", "Graph", "gather_requests"]

_MOST_OF_A_SOURCE = 20  # warm-up files may hold a thousand records, and every check asks each request many times


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What to ask, and what not.

    Attributes:
        requests: in the signatures' order.
        unexercised: why, by name, for signatures without a request.
        notes: sources that could not be used, or not wholly.
    """

    requests: tuple[Request, ...] = ()
    unexercised: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def gather_requests(
    signatures: Mapping[str, Signature],
    client: Client,
    *,
    options: CheckOptions,
    version_dir: Path | None = None,
    tags: tuple[str, ...] = ("serve",),
) -> Gathered:
    """Return what to ask a served model.

    Args:
        signatures: the served ones that can be called, by name.
        client: asked whether the model takes made-up values.
        options: where the user's examples and goldens are.
        version_dir: the served version's directory, for its warm-up records and its graph; None if it is not at hand.
        tags: of the graph that is served.

    Raises:
        CheckError: the user's examples or goldens cannot be read.
    """
    notes: list[str] = []
    sources: list[list[Request]] = [
        [] if options.examples is None else read_examples(options.examples, signatures),
        list(options.requests),
        [] if options.goldens is None else _goldens(options.goldens),
        [] if version_dir is None else _warmup(version_dir, notes),
    ]
    notes += _strangers(sources, signatures)
    requests: list[Request] = []
    unexercised: dict[str, str] = {}
    graph = Graph(version_dir, tags)
    for signature in signatures.values():
        known = _best(sources, signature.name)
        if len(known) > _MOST_OF_A_SOURCE:
            notes.append(f"{signature.name}: of {len(known)} requests the first {_MOST_OF_A_SOURCE} are used")
        requests += known[:_MOST_OF_A_SOURCE]
        if not known:
            made_up, why_not = make_up(signature, client, texts=graph.texts(signature), seed=options.seed)
            requests += [] if made_up is None else [made_up]
            unexercised |= {signature.name: why_not} if why_not else {}
    return Gathered(requests=tuple(requests), unexercised=unexercised, notes=tuple(notes))


def _goldens(directory: Path) -> list[Request]:
    return [golden.request for golden in read_goldens(directory)]


def _warmup(version_dir: Path, notes: list[str]) -> list[Request]:
    """Return the requests of the model's warm-up records; ones that cannot be used are no reason to give up."""
    try:
        logs = read_warmup(version_dir)
    except HarnessError as exc:
        notes.append(f"the model's warm-up records could not be used: {exc}")
        return []
    requests, faults = requests_of_logs(logs, source="the model's warm-up records")
    if faults:
        notes.append(f"{len(faults)} of the model's {len(logs)} warm-up records could not be used: {faults[0]}")
    return requests


def _strangers(sources: Iterable[Iterable[Request]], signatures: Mapping[str, Signature]) -> list[str]:
    strange = {(request.source, request.signature_name) for source in sources for request in source}
    return [
        f"{source}: the model has no signature {name!r} any more"
        for source, name in sorted(strange)
        if name not in signatures
    ]


def _best(sources: Sequence[list[Request]], name: str) -> list[Request]:
    of_signature = ([request for request in source if request.signature_name == name] for source in sources)
    return next((found for found in of_signature if found), [])


class Graph:
    """The served version's graph, read when a string input asks for it."""

    def __init__(self, version_dir: Path | None, tags: tuple[str, ...]) -> None:
        """Read the graph of these tags in this version's directory, None if it is not at hand."""
        self._version_dir = version_dir
        self._tags = tags

    @cached_property
    def _meta_graph(self) -> Any:
        """The MetaGraphDef, None if it is not at hand."""
        if self._version_dir is None:
            return None
        return pick_meta_graph(read_saved_model(self._version_dir), self._tags, path=self._version_dir)

    def texts(self, signature: Signature) -> dict[str, TextInput]:
        """Return what a signature's string inputs should hold, by name; nothing if the graph is not at hand."""
        names = [spec.name for spec in signature.inputs if spec.dtype == "string"]
        if not names or self._meta_graph is None or signature.name not in self._meta_graph.signature_def:
            return {}
        definition = self._meta_graph.signature_def[signature.name]
        outputs = [info.name for info in definition.outputs.values()]
        return {
            name: text_input(self._meta_graph, definition.inputs[name].name, outputs=outputs)
            for name in names
            if name in definition.inputs
        }
