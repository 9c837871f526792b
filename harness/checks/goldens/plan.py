"""Plan: which cases to record, under which names, and which recorded ones are out of date. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.checks.goldens.files import request_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.goldens.golden import Golden
    from harness.checks.request import Request

__all__ = ["Case", "Plan", "plan_recording"]

_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A request to record.

    Attributes:
        name: under which name.
        request: what to ask; its source is where the values came from in the first place.
        before: what is recorded under that name, None if nothing is.
    """

    name: str
    request: Request
    before: Golden | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do with a directory of goldens.

    Attributes:
        cases: to record.
        stale: to remove: recorded from a source that no longer has them.
        refused: why, by name, for requests whose name belongs to a case of another source.
    """

    cases: tuple[Case, ...] = ()
    stale: tuple[Golden, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def plan_recording(known: Sequence[Golden], requests: Iterable[Request]) -> Plan:
    """Return what to record: every known case that is not stale, and every request that none of them holds.

    A request is the known case that asks the same, or that has its name and source. A known case is stale if it was
    recorded from the source of one of the requests, and is none of them. What came from elsewhere is never removed.

    Args:
        known: the recorded cases.
        requests: what to ask, known cases among them or not.

    Raises:
        TensorError: a request that cannot be written.
    """
    by_content = {_content(golden.request): golden for golden in known}
    by_name = {golden.name: golden for golden in known}
    wanted = {_content(request): request for request in requests}
    found: dict[str, Request] = {by_content[key].name: wanted[key] for key in wanted if key in by_content}
    fresh = [request for key, request in wanted.items() if key not in by_content]
    refused: dict[str, str] = {}
    for request in [one for one in fresh if one.name in by_name]:
        fresh.remove(request)
        source = _source(by_name[request.name])
        if source == request.source:
            found[request.name] = request
        else:
            refused[request.name] = f"{request.name}.json is there already, from {source or 'another source'}"
    sources = {request.source for request in wanted.values()}
    stale = tuple(golden for golden in known if golden.name not in found and _source(golden) in sources)
    kept = [golden for golden in known if golden not in stale]
    cases = [_again(golden, found.get(golden.name, golden.request)) for golden in kept]
    return Plan(cases=(*cases, *_named(fresh, {golden.name for golden in kept})), stale=stale, refused=refused)


def _again(golden: Golden, request: Request) -> Case:
    """Return the case of a known golden: a request that came from it keeps the source that it came from itself."""
    is_own = request is golden.request or request.source == golden.request.source
    source = _source(golden) if is_own else request.source
    return Case(name=golden.name, request=replace(request, source=source), before=golden)


def _named(requests: Iterable[Request], taken: set[str]) -> list[Case]:
    cases = []
    for request in requests:
        name = request.name or _free_name(request.signature_name, taken)
        taken.add(name)
        cases.append(Case(name=name, request=request))
    return cases


def _free_name(signature_name: str, taken: set[str]) -> str:
    stem = _FOREIGN.sub("_", signature_name).lstrip(".-") or "case"
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _content(request: Request) -> str:
    return json.dumps(request_form(request), sort_keys=True)


def _source(golden: Golden) -> str:
    return golden.provenance.get("source", "")
