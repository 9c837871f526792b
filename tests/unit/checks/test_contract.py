"""The contract between what is on disk and what is served."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.checks import check_contract


def _same(make: Any) -> dict[str, Any]:
    return {"serving_default": make.signature()}


def _altered(make: Any) -> list[dict[str, Any]]:
    base = make.signature()
    return [
        {},
        {"serving_default": base, "more": make.signature(name="more")},
        {"serving_default": make.signature(inputs=[make.spec("z")])},
        {"serving_default": make.signature(inputs=[make.spec("x", "int32")])},
        {"serving_default": make.signature(inputs=[make.spec("x", shape=(None, 3))])},
        {"serving_default": make.signature(inputs=[replace(make.spec("x"), has_default=True)])},
        {"serving_default": make.signature(outputs=[make.spec("y", "float64")])},
        {"serving_default": make.signature(outputs=[make.spec("y"), make.spec("z")])},
        {"serving_default": replace(base, method_name="other")},
    ]


def test_every_pair_of_sources_is_compared(make: Any) -> None:
    """Three sources are three findings; all alike, all pass."""
    same = _same(make)
    clients = make.client("grpc", same, make.refuse), make.client("rest", same, make.refuse)
    findings = check_contract("m", on_disk=same, grpc_client=clients[0], rest_client=clients[1])
    assert [(finding.subject, finding.passed, finding.reproduce) for finding in findings] == [
        ("SavedModel on disk = gRPC metadata", True, ()),
        ("SavedModel on disk = REST metadata", True, ()),
        ("gRPC metadata = REST metadata", True, ()),
    ]
    assert findings[0].seen == "the same (serving_default)"


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("source", ["on_disk", "grpc_client", "rest_client"])
def test_any_difference_fails_where_it_is(make: Any, source: str, number: int) -> None:
    """Whatever differs in one source fails its two pairs, and not the third; the change is named."""
    same, other = _same(make), _altered(make)[number]
    given: dict[str, Any] = {"on_disk": same}
    given |= {f"{api}_client": make.client(api, same, make.refuse) for api in ("grpc", "rest")}
    given[source] = other if source == "on_disk" else make.client(source.removesuffix("_client"), other, make.refuse)
    findings = check_contract("m", **given)
    label = {"on_disk": "disk", "grpc_client": "gRPC", "rest_client": "REST"}[source]
    assert [finding.fails for finding in findings] == [label in finding.subject for finding in findings]
    failed = [finding for finding in findings if finding.fails]
    assert len(failed) == 2
    assert all("->" in finding.seen and finding.reproduce for finding in failed)


def test_graph_names_and_loader_entries_make_no_difference(make: Any) -> None:
    """What callers cannot notice is left out."""
    left = {"serving_default": make.signature(inputs=[replace(make.spec("x"), tensor_name="a:0")])}
    right = _same(make) | {"__saved_model_init_op": make.signature(name="__saved_model_init_op")}
    client = make.client("grpc", right, make.refuse)
    (finding,) = check_contract("m", on_disk=left, grpc_client=client, rest_client=None)
    assert finding.passed


@pytest.mark.parametrize(
    ("on_disk", "seen"), [(True, "only SavedModel on disk can be read"), (False, "no signatures can be read")]
)
def test_nothing_to_compare_is_said(make: Any, on_disk: bool, seen: str) -> None:  # noqa: FBT001 - a column
    """With less than two sources there is an info finding, not silence."""
    (finding,) = check_contract("m", on_disk=_same(make) if on_disk else None, grpc_client=None, rest_client=None)
    assert (finding.passed, finding.severity, finding.seen) == (True, "info", seen)
