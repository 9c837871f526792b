"""Sources: where the requests of a pool come from: the best one that has any, in the order that the checks have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.example_files import read_examples
from harness.checks.goldens import read_goldens
from harness.checks.warmup_requests import requests_of_logs
from harness.errors import HarnessError
from harness.measure.made_up_requests import make_up_many
from harness.measure.material import Material, Recorded
from harness.savedmodel import read_warmup

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient

__all__ = ["find_material"]


def find_material(
    subject: Subject,
    client: GrpcClient | RestClient,
    *,
    signature: str | None = None,
    batch_size: int | None = None,
    count: int = 16,
    seed: int = 0,
) -> Material:
    """Return the requests of the best source that has any for the model, or for one of its signatures.

    In this order: the user's examples, what the user's code asks, recorded goldens, the model's warm-up records, and
    made-up values. Sources that were passed over since they hold nothing for this model are told in the notes.

    Args:
        subject: the model, its signatures and files, and what the user gave in its options.
        client: over the API of the load.
        signature: one of its signatures, None for any.
        batch_size: see `make_up_many`; the other sources give examples as they have them.
        count: how many requests are made up.
        seed: of what is made up.

    Raises:
        CheckError: examples or goldens that cannot be read.
        SignatureError: the model has no such signature.
        UsageError: nothing that the model takes can be made up.
    """
    passed: list[str] = []
    for read in _SOURCES:
        material = read(subject)
        passed += material.notes
        fit = [one for one in material.asked if _is_for(one, subject, signature)]
        if fit:
            return Material(asked=tuple(fit), source=material.source, notes=(*passed, *_less(material, fit)))
        passed += [f"not used, as none is for this signature: {material.source}"] if material.asked else []
    made_up = make_up_many(subject, client, signature=signature, batch_size=batch_size, count=count, seed=seed)
    return Material(asked=made_up.asked, source=made_up.source, notes=(*passed, *made_up.notes))


def _is_for(one: Recorded, subject: Subject, signature: str | None) -> bool:
    name = one.request.signature_name
    return name in subject.signatures and signature in {None, name}


def _less(material: Material, fit: list[Recorded]) -> list[str]:
    missing = len(material.asked) - len(fit)
    return [f"{missing} of {len(material.asked)} left out, as they are for other signatures"] if missing else []


def _examples(subject: Subject) -> Material:
    path = subject.options.examples
    if path is None:
        return _NOTHING
    requests = read_examples(path, subject.signatures)
    return Material(asked=tuple(Recorded(request=one) for one in requests), source=f"examples in {path.name}")


def _of_user_code(subject: Subject) -> Material:
    asked = tuple(Recorded(request=one) for one in subject.options.requests)
    return Material(asked=asked, source="the requests that the test code gives")


def _goldens(subject: Subject) -> Material:
    directory = subject.options.goldens
    if directory is None:
        return _NOTHING
    asked = tuple(
        Recorded(request=one.request, answer=one.outputs, tolerances=one.tolerances) for one in read_goldens(directory)
    )
    return Material(asked=asked, source=f"goldens in {directory.name}")


def _warmup(subject: Subject) -> Material:
    """Return the model's warm-up records; ones that cannot be used are no reason to give up."""
    source = "the model's warm-up records"
    if subject.version_dir is None:
        return _NOTHING
    try:
        logs = read_warmup(subject.version_dir)
    except HarnessError as exc:
        return Material(asked=(), source=source, notes=(f"{source} could not be used: {exc}",))
    requests, faults = requests_of_logs(logs, source=source)
    notes = (f"{len(faults)} of {len(logs)} warm-up records could not be used: {faults[0]}",) if faults else ()
    return Material(asked=tuple(Recorded(request=one) for one in requests), source=source, notes=notes)


_NOTHING = Material(asked=(), source="")
_SOURCES: tuple[Callable[[Subject], Material], ...] = (_examples, _of_user_code, _goldens, _warmup)
