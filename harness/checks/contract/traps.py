"""Traps: what callers will run into, found without a call; each with its consequence and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.contract import trap_rules as rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.checks.subject import Subject
    from harness.findings import Finding, Severity
    from harness.signatures import Signature

__all__ = ["TRAPS", "Trap", "find_traps"]

_MOST_PLACES = 6


@dataclass(frozen=True, kw_only=True)
class Trap:
    """One kind of trap.

    Attributes:
        name: what findings call it.
        severity: ``error`` if nothing can be called, ``warning`` if callers are bound to be hit, ``info`` if it is a
            limit to know of.
        rule: yields where in the signatures it is.
        consequence: what callers run into.
        remedy: how to get rid of it.
        over_rest: whether it concerns servers with REST alone.
    """

    name: str
    severity: Severity
    rule: Callable[[Mapping[str, Signature]], Iterable[str]]
    consequence: str
    remedy: str
    over_rest: bool = False


TRAPS: tuple[Trap, ...] = (
    Trap(
        name="nothing to call",
        severity="error",
        rule=rules.nothing_to_call,
        consequence="a server loads it, but every request is refused",
        remedy="export it with signatures=..., or decorate a tf.function with its input_signature",
    ),
    Trap(
        name="no serving_default",
        severity="warning",
        rule=rules.no_default,
        consequence="a request that names no signature is refused",
        remedy="export the main signature as serving_default, or see that every caller sends signature_name",
    ),
    Trap(
        name="names that Keras counted",
        severity="warning",
        rule=rules.counted_names,
        consequence="the number depends on what else the exporting process made, so the next export may change the name"
        " and break every caller",
        remedy="name inputs with keras.Input(..., name=...), and outputs by their layer's name or as keys of a dict",
    ),
    Trap(
        name="unfit for Classify or Regress",
        severity="warning",
        rule=rules.unfit_for_examples,
        consequence="every call of that method is refused",
        remedy="export it with the names, dtypes and shapes that the method asks for, or for predict",
    ),
    Trap(
        name="no outputs",
        severity="warning",
        rule=rules.no_outputs,
        consequence="every request is refused",
        remedy="return at least one tensor",
    ),
    Trap(
        name="names by position",
        severity="info",
        rule=rules.numbered_names,
        consequence="they follow the order of arguments or keys: put one in between, and callers mean another tensor by"
        " the same name, with no error where dtypes agree",
        remedy="name inputs with tf.TensorSpec(..., name=...) or keras.Input(..., name=...), and return a dict",
    ),
    Trap(
        name="unknown rank",
        severity="info",
        rule=rules.unknown_rank,
        consequence="callers cannot see which shapes are meant, and a wrong one is found by an op, if at all",
        remedy="export with a shape, None for each size that is open",
    ),
    Trap(
        name="batches of one size",
        severity="info",
        rule=rules.fixed_batch,
        consequence="other batch sizes are outside of the signature, and --enable_batching has nothing to gain",
        remedy="export with None as the first size",
    ),
    Trap(
        name="foreign method name",
        severity="info",
        rule=rules.foreign_method,
        consequence="a server started with --enable_signature_method_name_check refuses every request",
        remedy="export it as tensorflow/serving/predict",
    ),
    Trap(
        name="dtypes that REST cannot carry",
        severity="info",
        rule=rules.rest_dtypes,
        consequence="these signatures answer over gRPC alone",
        remedy="cast inside the model, e.g. float16 to float32, if REST callers are expected",
        over_rest=True,
    ),
    Trap(
        name="defaults that REST does not use",
        severity="info",
        rule=rules.rest_defaults,
        consequence="requests over REST that leave them out are refused, while gRPC takes them",
        remedy="let REST callers send every input",
        over_rest=True,
    ),
    Trap(
        name="no inputs over REST",
        severity="info",
        rule=rules.no_inputs,
        consequence="REST refuses every request of these signatures, while gRPC takes them",
        remedy="give them an input, if REST callers are expected",
        over_rest=True,
    ),
)


def find_traps(subject: Subject) -> list[Finding]:
    """Return one finding for each kind of trap that there is; none for a model without any."""
    has_rest = subject.rest is not None
    found = [(trap, list(trap.rule(subject.signatures))) for trap in TRAPS if has_rest or not trap.over_rest]
    return [_finding(subject, trap, places) for trap, places in found if places]


def _finding(subject: Subject, trap: Trap, places: list[str]) -> Finding:
    more = f"; and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
    text = f"{'; '.join(places[:_MOST_PLACES])}{more} - {trap.consequence}; {trap.remedy}"
    is_limit = trap.severity == "info"
    return subject.finding(
        "contract", trap.name, problem="" if is_limit else text, good=text if is_limit else "", severity=trap.severity
    )
