"""What to ask a model: of each signature the requests of the best source that has any.

In this order: the user's own examples, what the user's code asks, recorded goldens, the model's warm-up records, and,
for tensors only, values made up to fit the signature.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checks.example_files import read_examples
from harness.checks.goldens import read_goldens
from harness.checks.guess import guess_inputs
from harness.checks.request import METHOD_OF_NAME, Request, ask
from harness.checks.warmup_requests import requests_of_logs
from harness.errors import HarnessError, StatusError
from harness.savedmodel import read_warmup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.checks.subject import CheckOptions
    from harness.clients.client import Client
    from harness.signatures import Signature

__all__ = ["MADE_UP", "Gathered", "gather_requests"]

MADE_UP = "values made up to fit the signature"
_REMEDY = "give requests it takes with --examples, record goldens, or add warm-up records to the model"
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
) -> Gathered:
    """Return what to ask a served model.

    Args:
        signatures: the served ones that can be called, by name.
        client: asked whether the model takes made-up values.
        options: where the user's examples and goldens are.
        version_dir: the served version's directory, for its warm-up records; None if it is not at hand.

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
    for signature in signatures.values():
        known = _best(sources, signature.name)
        if len(known) > _MOST_OF_A_SOURCE:
            notes.append(f"{signature.name}: of {len(known)} requests the first {_MOST_OF_A_SOURCE} are used")
        requests += known[:_MOST_OF_A_SOURCE]
        if not known:
            made_up, why_not = _made_up(signature, client, options.seed)
            requests += made_up
            unexercised |= {signature.name: why_not} if why_not else {}
    return Gathered(requests=tuple(requests), unexercised=unexercised, notes=tuple(notes))


def _goldens(directory: Path) -> list[Request]:
    return [golden.request for golden in read_goldens(directory)]


def _warmup(version_dir: Path, notes: list[str]) -> list[Request]:
    """Return the requests of the model's warm-up records; ones that cannot be read are no reason to give up."""
    try:
        return requests_of_logs(read_warmup(version_dir), source="the model's warm-up records")
    except HarnessError as exc:
        notes.append(f"the model's warm-up records could not be used: {exc}")
        return []


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


def _made_up(signature: Signature, client: Client, seed: int) -> tuple[list[Request], str]:
    """Return a request of made-up values, or why the model cannot be asked with one."""
    if METHOD_OF_NAME.get(signature.method_name, "predict") != "predict":
        method = signature.method_name.rpartition("/")[2]
        return [], f"it is for {method} and takes tf.Examples, whose features no signature tells; {_REMEDY}"
    try:
        request = Request(signature_name=signature.name, inputs=guess_inputs(signature, seed=seed), source=MADE_UP)
        ask(client, request)
    except StatusError as exc:
        if exc.code == "INVALID_ARGUMENT":  # dtypes and shapes fit, so it is the made-up values that do not
            return [], f"the model refuses {MADE_UP}: {exc.server_message}; {_REMEDY}"
        return [request], ""  # the checks will tell what is wrong
    except HarnessError as exc:
        return [], f"no values could be made up and sent: {exc}; {_REMEDY}"
    return [request], ""
