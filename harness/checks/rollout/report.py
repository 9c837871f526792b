"""From a play to findings: one for each step, with the faults of the requests that were sent during it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.rerun import check_line
from harness.checks.rollout.judge import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.checks.rollout.judge import Fault
    from harness.checks.rollout.play import Act, Play
    from harness.checks.subject import Subject
    from harness.findings import Finding

__all__ = ["findings_of"]

_CHECK = "rollout"
_MOST_SHOWN = 3
_END_NS = 1 << 62  # later than any clock of these shows


def findings_of(subject: Subject, played: Play) -> list[Finding]:
    """Return what the reader should know of the requests, one finding for each step, and what was left out."""
    ends_ns = [*(act.began_ns for act in played.acts[1:]), _END_NS]
    is_whole = played.acts[-1].told is not None
    judged_until_ns = _END_NS if is_whole else played.acts[-1].began_ns  # what a step that broke off does, nobody knows
    faults = judge((call for call in played.calls if call.ended_ns <= judged_until_ns), played.timelines)
    findings = [_requests(subject, played)]
    for act, end_ns in zip(played.acts, ends_ns, strict=True):
        asked = sum(act.began_ns <= call.began_ns < end_ns for call in played.calls)
        its_faults = [fault for fault in faults if act.began_ns <= fault.call.began_ns < end_ns]
        findings.append(_of_act(subject, act, asked, its_faults))
    findings += [
        subject.left_out(_CHECK, step.title, "an earlier step did not come to its end", severity="warning")
        for step in played.not_played
    ]
    return findings + [subject.left_out(_CHECK, what, why) for what, why in _limits(played)]


def _requests(subject: Subject, played: Play) -> Finding:
    source = played.question.request.source
    good = f"{len(played.calls):,} requests of {len(played.clients)} clients ({', '.join(played.clients)}): {source}"
    return subject.finding(_CHECK, "requests", good=good, severity="info")


def _of_act(subject: Subject, act: Act, asked: int, faults: Sequence[Fault]) -> Finding:
    problems = [act.error, "" if act.told is None else act.told.problem, _faults_text(act, asked, faults)]
    good = "" if act.told is None else f"{act.told.good}; {asked} requests, none went wrong"
    return subject.finding(
        _CHECK,
        act.step.title,
        problem="; ".join(problem for problem in problems if problem),
        good=good,
        tried=f"{act.step.tried}, while requests flow",
        expected=act.step.expected,
        reproduce=(check_line(subject, _CHECK),),
        duration_ns=act.took_ns,
    )


def _faults_text(act: Act, asked: int, faults: Sequence[Fault]) -> str:
    if not faults:
        return ""
    different = {fault.text: fault for fault in reversed(faults)}  # of each kind the first
    shown = sorted(different.values(), key=lambda fault: fault.call.began_ns)[:_MOST_SHOWN]
    texts = [
        f"{fault.call.client} asked for {fault.call.ask} {(fault.call.began_ns - act.began_ns) / 1e9:.2f} s into the"
        f" step and got {fault.text}"
        for fault in shown
    ]
    more = f"; and {len(different) - len(shown)} other kinds" if len(different) > len(shown) else ""
    return f"{len(faults)} of {asked} requests went wrong: {'; '.join(texts)}{more}"


def _limits(played: Play) -> list[tuple[str, str]]:
    """Return what was not looked at, and why."""
    limits = []
    if played.why_no_rest:
        limits.append(("requests over REST", played.why_no_rest))
    if played.question.answer is None:
        limits.append(("the values of the answers", "they differ from call to call"))
    if not played.by_files:
        why = "the server sees no new files, for the models are copied into its container; its config was reloaded"
        limits.append(("versions whose directories are moved", f"{why} instead (model transfer 'mount' shows them)"))
    return limits
