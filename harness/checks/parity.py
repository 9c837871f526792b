"""Parity: REST and gRPC answer the same to the same request, and refuse the same ones.

"The same" is exact: REST writes floats with as many digits as bring the same value back (behaviour item 162). What JSON
cannot say, and how it is written, is declared in ``harness.checks.rest_form``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.checks.noise import Noise, noise_of
from harness.checks.refusals import check_refusals
from harness.checks.reproduce import request_line
from harness.checks.request import Request, ask
from harness.checks.rest_form import Remark, carried, is_exact, remarks, request_obstacle, rest_obstacle, written
from harness.checks.stability import judge
from harness.checks.subject import Subject
from harness.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np

    from harness.checks.stability import Stability
    from harness.clients import GrpcClient, RestClient
    from harness.clients.rest_codec import Layout
    from harness.findings import Finding
    from harness.signatures import Signature

__all__ = ["check", "check_parity", "rest_obstacle"]

_NAME = "parity"
_ASKED_AGAIN = 6  # before a difference is laid at the door of REST, so that an unsteady model is not


def check(subject: Subject) -> list[Finding]:
    """Compare both APIs on each request that is known, and on some that must be refused."""
    if subject.grpc is None or subject.rest is None:
        return [subject.left_out(_NAME, "REST = gRPC", "only one API was given")]
    found: list[Finding] = []
    for signature in subject.signatures.values():
        requests = [request for request in subject.requests if request.signature_name == signature.name]
        if requests:
            pair = _Pair(subject, subject.grpc, subject.rest, signature, noise_of(subject, signature))
            found += pair.findings(requests)
    return found + check_refusals(subject, subject.grpc, subject.rest)


def check_parity(
    grpc_client: GrpcClient, rest_client: RestClient, signature: Signature, inputs: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Send the same inputs over gRPC and over REST in both layouts, and compare the answers.

    The row layout is left out where request or answer has no common batch dimension (behaviour item 156), REST as a
    whole where it cannot carry the signature's dtypes; both are said in ``info`` findings. NaN equals NaN here: both
    APIs say the same then. A model that answers the same request differently gets a warning.

    Returns:
        One finding for each REST layout; one that failed if gRPC gave no answer to compare with. Further ones say what
        was left out, and what REST's callers should know.

    Raises:
        TensorError: inputs that no tensor can hold.
    """
    subject = Subject(model=grpc_client.endpoint.model, signatures={}, grpc=grpc_client, rest=rest_client)
    request = Request(signature_name=signature.name, inputs=inputs, source="the inputs given")
    return _Pair(subject, grpc_client, rest_client, signature, Noise()).findings([request])


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """A request asked over both APIs.

    ``problem`` is empty if all is well; ``stability`` is None if gRPC gave no answer.
    """

    request: Request
    layout: Layout
    problem: str
    took_ns: int
    stability: Stability | None = None

    @property
    def good(self) -> str:
        """What is well if nothing is wrong."""
        noisy = sorted(self.stability.noisy) if self.stability is not None else []
        if not noisy:
            return "the same outputs"
        why = "two answers of gRPC differ so" if is_exact(self.request) else "JSON's readers round such float64 inputs"
        return f"the same outputs, {', '.join(noisy)} within float noise as {why}"


@dataclass(frozen=True)
class _Pair:
    """Both clients of one signature."""

    subject: Subject
    grpc: GrpcClient
    rest: RestClient
    signature: Signature
    noise: Noise

    def findings(self, requests: Iterable[Request]) -> list[Finding]:
        """Compare the answers to all requests; good news is told once for all, a failure each by itself."""
        obstacle = rest_obstacle(self.signature)
        if obstacle:
            return [self.subject.finding(_NAME, f"{self.signature.name} over REST", good=obstacle, severity="info")]
        fit = {request: request_obstacle(self.signature, request) for request in requests}
        left_out = {f"{request.source} over REST": why for request, why in fit.items() if why}
        compared: list[_Comparison] = []
        for request in (carried(request) for request, why in fit.items() if not why):
            done, why_no_rows = self._compare(request)
            compared += done
            left_out |= {"REST row layout": why_no_rows} if why_no_rows else {}
        return [
            *self._of_comparisons(compared),
            *self._unsteady(compared),
            *self._remarks(compared),
            *(self.subject.left_out(_NAME, f"{self.signature.name}, {what}", why) for what, why in left_out.items()),
        ]

    def _compare(self, request: Request) -> tuple[list[_Comparison], str]:
        """Return a comparison for each layout, and why the row layout was left out, if it was."""
        began = time.perf_counter_ns()
        try:
            answers = [ask(self.grpc, request), ask(self.grpc, request)]
        except CallError as exc:
            problem, took_ns = f"gRPC gave no answer: {exc}", time.perf_counter_ns() - began
            return [_Comparison(request=request, layout="column", problem=problem, took_ns=took_ns)], ""
        why_no_rows = "" if request.method != "predict" else _row_obstacle(request, answers[0])
        has_rows = request.method == "predict" and not why_no_rows
        layouts: tuple[Layout, ...] = ("column", "row") if has_rows else ("column",)
        return [self._in_layout(request, answers, layout) for layout in layouts], why_no_rows

    def _in_layout(self, request: Request, answers: list[dict[str, np.ndarray]], layout: Layout) -> _Comparison:
        began = time.perf_counter_ns()
        stability = self._judged(request, answers)
        try:
            seen = self._ask_rest(request, layout)
            problem = _difference(stability, seen)
            if problem:
                answers += [ask(self.grpc, request) for _ in range(_ASKED_AGAIN)]
                stability = self._judged(request, answers)
                problem = _difference(stability, seen)
        except CallError as exc:
            problem = str(exc)
        took_ns = time.perf_counter_ns() - began
        return _Comparison(request=request, layout=layout, problem=problem, took_ns=took_ns, stability=stability)

    def _judged(self, request: Request, answers: list[dict[str, np.ndarray]]) -> Stability:
        stability = judge(answers, self.noise)
        if is_exact(request):
            return stability
        return replace(stability, noisy=frozenset(stability.answer) - stability.random.keys())

    def _ask_rest(self, request: Request, layout: Layout) -> dict[str, np.ndarray]:
        if request.method != "predict":
            return ask(self.rest, request)
        name = request.signature_name
        return dict(self.rest.predict(request.inputs, signature_name=name, layout=layout).outputs)

    def _of_comparisons(self, compared: list[_Comparison]) -> Iterator[Finding]:
        for layout in ("column", "row"):
            of_layout = [one for one in compared if one.layout == layout]
            for good in dict.fromkeys(one.good for one in of_layout if not one.problem):
                yield self._finding([one for one in of_layout if not one.problem and one.good == good], good)
            for one in of_layout:
                if one.problem:
                    yield self._finding([one], one.problem)

    def _finding(self, compared: list[_Comparison], seen: str) -> Finding:
        """Return the finding of comparisons in one layout that came out alike."""
        first = compared[0]
        sources = ", ".join(dict.fromkeys(one.request.source for one in compared))
        method, layout = first.request.method, first.layout
        form = f"REST {layout} layout" if method == "predict" else "REST"
        return self.subject.finding(
            _NAME,
            f"{self.signature.name}, {form} = gRPC",
            problem=f"{seen} ({sources})" if first.problem else "",
            good=f"{seen} ({sources})",
            tried=f"{method} with the same request over gRPC and over {form}: {sources}",
            expected="the same outputs",
            reproduce=self._lines(first.request, layout) if first.problem else (),
            duration_ns=sum(one.took_ns for one in compared),
        )

    def _lines(self, request: Request, layout: Layout) -> tuple[str, ...]:
        return request_line(self.grpc, request), request_line(self.rest, request, layout=layout)

    def _unsteady(self, compared: list[_Comparison]) -> Iterator[Finding]:
        found: dict[str, tuple[str, Request]] = {}
        for one in compared:
            for output, text in (one.stability.random if one.stability is not None else {}).items():
                found.setdefault(output, (text, one.request))
        for output, (text, request) in found.items():
            yield self.subject.finding(
                _NAME,
                f"{self.signature.name}: {output} of the same request twice over gRPC",
                problem=f"the model is not deterministic: {text} ({request.source}); only dtype and rank are compared",
                expected="the same output",
                severity="warning",
                reproduce=(request_line(self.grpc, request),) * 2,
            )

    def _remarks(self, compared: list[_Comparison]) -> Iterator[Finding]:
        found: dict[Remark, str] = {}
        for one in compared:
            for remark in remarks(one.stability.answer) if one.stability is not None else ():
                found.setdefault(remark, one.request.source)
        for remark, source in found.items():
            text = f"{remark.text} ({source})"
            yield self.subject.finding(
                _NAME,
                f"{self.signature.name}: {remark.output} over REST",
                problem=text if remark.severity == "warning" else "",
                good=text,
                severity=remark.severity,
            )


def _difference(stability: Stability, seen: Mapping[str, np.ndarray]) -> str:
    expected = written(stability.answer, seen)
    return "; ".join(str(mismatch) for mismatch in stability.mismatches(seen, expected))


def _row_obstacle(request: Request, answer: Mapping[str, np.ndarray]) -> str:
    """Return why a request has no row form; empty if it has one. The batch is the answer's (behaviour item 156)."""
    if not request.rows:
        return "its inputs share no first dimension" if request.rows is None else "it holds no row"
    sizes = {array.shape[0] if array.ndim else None for array in answer.values()}
    return "" if len(sizes) == 1 and None not in sizes else "its outputs share no first dimension"
