"""Files, gRPC metadata and REST metadata against each other: lies of either API, and fakes for every difference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.altered_metadata import alter_grpc_metadata, alter_rest_metadata
from harness.checks.catalogue import choose_checks, run_check
from harness.checks.contract import check
from harness.checks.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.findings import Finding

_INT32, _UINT16 = 3, 17


def _other_dtype(signatures: Any) -> None:
    signatures["serving_default"].inputs["ids"].dtype = _INT32


def _other_shape(signatures: Any) -> None:
    signatures["serving_default"].inputs["features"].tensor_shape.dim[1].size = 5


def _unknown_rank(signatures: Any) -> None:
    signatures["statistics"].outputs["mean"].tensor_shape.Clear()
    signatures["statistics"].outputs["mean"].tensor_shape.unknown_rank = True


def _missing_signature(signatures: Any) -> None:
    del signatures["statistics"]


def _further_signature(signatures: Any) -> None:
    signatures["hidden"].CopyFrom(signatures["statistics"])


def _renamed_output(signatures: Any) -> None:
    outputs = signatures["serving_default"].outputs
    outputs["held"].CopyFrom(outputs["kept"])
    del outputs["kept"]


def _other_method(signatures: Any) -> None:
    signatures["statistics"].method_name = "tensorflow/serving/classify"


def _default(signatures: Any) -> None:
    signatures["statistics"].defaults["values"].dtype = _UINT16


LIES = {
    "dtype": (_other_dtype, "serving_default input ids: int64 -> int32"),
    "shape": (_other_shape, "serving_default input features: [?, 3, 4] -> [?, 5, 4]"),
    "unknown rank": (_unknown_rank, "statistics output mean: [?] -> unknown rank"),
    "missing signature": (_missing_signature, "signature statistics: present -> absent"),
    "further signature": (_further_signature, "signature hidden: absent -> present"),
    "renamed output": (
        _renamed_output,
        "serving_default output kept: int32 [?] -> absent; serving_default output held: absent -> int32 [?]",
    ),
    "method name": (
        _other_method,
        "statistics method name: tensorflow/serving/predict -> tensorflow/serving/classify",
    ),
    "default": (_default, "statistics input values: no default -> has a default"),
}
CHANGES = {"grpc": ("grpc_change", alter_grpc_metadata), "rest": ("rest_change", alter_rest_metadata)}
NAMES = {"grpc": "gRPC metadata", "rest": "REST metadata"}


@pytest.mark.parametrize(("lie", "text"), LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_metadata_that_lies_fails_where_it_does(
    opened: Callable[..., Subject], api: str, lie: Callable[[Any], None], text: str
) -> None:
    """Whatever one API's metadata says otherwise fails the two pairs that it stands in, and names the difference."""
    keyword, make_change = CHANGES[api]
    subject = opened("multi", **{keyword: make_change(lie)})
    (chosen,) = choose_checks(["contract"], option="--only")
    findings = [finding for finding in run_check(chosen, subject) if " = " in finding.subject]
    assert [finding.fails for finding in findings] == [NAMES[api] in finding.subject for finding in findings]
    failed = [finding for finding in findings if finding.fails]
    assert [finding.subject for finding in failed] == [
        f"SavedModel on disk = {NAMES[api]}",
        "gRPC metadata = REST metadata",
    ]
    assert text in failed[0].seen
    assert len(failed[0].reproduce) == 2


def _same(make: Any) -> dict[str, Any]:
    return {"serving_default": make.signature()}


def _subject(make: Any, **signatures: Any) -> Subject:
    """Return a subject whose sources say what is given: ``on_disk``, ``grpc``, ``rest``; None for no such source."""
    clients = {
        api: None if signatures.get(api) is None else make.client(api, signatures[api], make.refuse)
        for api in ("grpc", "rest")
    }
    served = signatures.get("grpc") or signatures.get("rest") or {}
    return Subject(model="m", signatures=served, on_disk=signatures.get("on_disk"), **clients)


def _sources(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.subject != "agreed signatures"]


def test_sources_that_are_alike_take_one_line(make: Any) -> None:
    """Three sources that say the same are one passed finding, which names them all."""
    same = _same(make)
    (finding,) = _sources(check(_subject(make, on_disk=same, grpc=same, rest=same)))
    assert finding.subject == "SavedModel on disk = gRPC metadata = REST metadata"
    assert (finding.passed, finding.seen, finding.reproduce) == (True, "the same (serving_default)", ())


def test_names_of_very_many_signatures_are_cut(make: Any) -> None:
    """Of more than eight signatures the first eight are named, and how many there are more."""
    many = {f"s{number:02}": make.signature(name=f"s{number:02}") for number in range(10)}
    (finding, _) = _sources(check(_subject(make, on_disk=many, grpc=many)))
    assert finding.seen == "the same (s00, s01, s02, s03, s04, s05, s06, s07, and 2 more)"


def _altered(make: Any) -> list[dict[str, Any]]:
    base = make.signature()
    return [
        {"serving_default": base, "more": make.signature(name="more")},
        {"serving_default": make.signature(inputs=[make.spec("z")])},
        {"serving_default": make.signature(inputs=[make.spec("x", "int32")])},
        {"serving_default": make.signature(inputs=[make.spec("x", shape=(None, 3))])},
        {"serving_default": make.signature(inputs=[replace(make.spec("x"), has_default=True)])},
        {"serving_default": make.signature(outputs=[make.spec("y", "float64")])},
        {"serving_default": make.signature(outputs=[make.spec("y"), make.spec("z")])},
        {"serving_default": replace(base, method_name="other")},
    ]


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize(
    ("source", "label"), [("on_disk", "SavedModel on disk"), ("grpc", "gRPC metadata"), ("rest", "REST metadata")]
)
def test_any_difference_fails_where_it_is(make: Any, source: str, label: str, number: int) -> None:
    """Whatever differs in one source, breaking or not, fails its two pairs and passes the third: it stands alone."""
    same = _same(make)
    given = {"on_disk": same, "grpc": same, "rest": same} | {source: _altered(make)[number]}
    findings = [finding for finding in check(_subject(make, **given)) if " = " in finding.subject]
    assert len(findings) == 3
    assert [finding.fails for finding in findings] == [label in finding.subject for finding in findings]
    assert all("->" in finding.seen and len(finding.reproduce) == 2 for finding in findings if finding.fails)


def test_the_likely_cause_is_said(make: Any) -> None:
    """Files that differ from what is served were not the ones loaded; two APIs that differ are hardly one server."""
    same, other = _same(make), _altered(make)[2]
    seen = {one.subject: one.seen for one in check(_subject(make, on_disk=same, grpc=other, rest=same))}
    assert "the server loaded other files than these" in seen["SavedModel on disk = gRPC metadata"]
    assert "the two addresses belong to two servers" in seen["gRPC metadata = REST metadata"]


def test_graph_names_and_loader_entries_make_no_difference(make: Any) -> None:
    """What callers cannot notice is left out."""
    left = {"serving_default": make.signature(inputs=[replace(make.spec("x"), tensor_name="a:0")])}
    right = _same(make) | {"__saved_model_init_op": make.signature(name="__saved_model_init_op")}
    (finding,) = _sources(check(_subject(make, on_disk=left, grpc=right)))
    assert (finding.passed, finding.seen) == (True, "the same (serving_default)")


def test_one_source_alone_is_said(make: Any) -> None:
    """With one API of an external server there is an info finding, not silence."""
    (finding,) = _sources(check(_subject(make, rest=_same(make))))
    assert (finding.passed, finding.severity) == (True, "info")
    assert finding.seen == "not looked at: only REST metadata can be read"


def _no_page(path: str, _: bytes, status: int, content: bytes) -> tuple[int, bytes]:
    return (404, b"<html>") if path.endswith("/metadata") else (status, content)


def _half_a_page(path: str, _: bytes, status: int, content: bytes) -> tuple[int, bytes]:
    return (status, content[:200]) if path.endswith("/metadata") else (status, content)


@pytest.mark.parametrize("change", [_no_page, _half_a_page])
def test_metadata_that_cannot_be_read_is_an_error_and_the_rest_is_compared(
    opened: Callable[..., Subject], change: Any
) -> None:
    """A gateway that passes no metadata on, or a cut document, fails as REST metadata; files and gRPC still agree."""
    findings = {one.subject: one for one in check(opened("text", rest_change=change))}
    assert findings["REST metadata"].fails
    assert "cannot be read" in findings["REST metadata"].seen
    assert findings["REST metadata"].reproduce[0].startswith("curl -s http://127.0.0.1:")
    assert findings["SavedModel on disk = gRPC metadata"].passed
