"""Subject: one served model, with everything a check may need to judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.checks.request import Request
    from harness.clients import GrpcClient, RestClient
    from harness.signatures import Signature
    from harness.stage import Stage

__all__ = ["CheckOptions", "Subject"]


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What the user gave for the checks of one model.

    Attributes:
        goldens: directory of recorded cases, None for none.
        contract: the committed contract file, None for none.
        examples: a ``.npz`` or ``.json`` file of requests, None for none.
        requests: what to ask, if the user's own code says it (``pytest_serving_requests``).
        update_contract: write the contract file instead of comparing with it.
        update_goldens: record the answers in ``goldens`` instead of comparing with it.
        seed: of everything that is made up; the same seed makes up the same.
        fuzz_examples: how many requests the check ``fuzz`` draws for each signature and API.
    """

    goldens: Path | None = None
    contract: Path | None = None
    examples: Path | None = None
    requests: tuple[Request, ...] = ()
    update_contract: bool = False
    update_goldens: bool = False
    seed: int = 0
    fuzz_examples: int = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A served model under check. Checks take it, call its clients and return Findings; they start nothing themselves.

    Attributes:
        model: the served model's name.
        signatures: what the server says can be called, by name, without internal ones.
        grpc: a gRPC client of it, None if the server has no gRPC.
        rest: a REST client of it, None if the server has no REST.
        on_disk: the signatures in its files, None if the files are not at hand (an external server).
        version_dir: the version directory that is served, None if the files are not at hand.
        tags: the tag set of the SavedModel.
        requests: what to ask it, each signature's in a row; the values come from the best source that has any.
        unexercised: why, by name, for signatures that no request is known for.
        notes: what else the reader should know about the requests and the files.
        options: what the user gave.
        stage: servers of a check's own, None where none can be started (an external server).
        provenance: what answers, for records of its answers, e.g. backend, image and tool versions.
    """

    model: str
    signatures: Mapping[str, Signature]
    grpc: GrpcClient | None = None
    rest: RestClient | None = None
    on_disk: Mapping[str, Signature] | None = None
    version_dir: Path | None = None
    tags: tuple[str, ...] = ("serve",)
    requests: tuple[Request, ...] = ()
    unexercised: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    options: CheckOptions = field(default_factory=CheckOptions)
    stage: Stage | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def clients(self) -> tuple[GrpcClient | RestClient, ...]:
        """The clients there are, gRPC first."""
        return tuple(client for client in (self.grpc, self.rest) if client is not None)

    def finding(self, check: str, subject: str, *, problem: str = "", good: str = "", **parts: Any) -> Finding:
        """Return a finding of this model: passed if there is no problem.

        Args:
            check: the check's name.
            subject: what exactly was looked at.
            problem: what was seen that should not be; empty if nothing.
            good: what was seen otherwise.
            **parts: further fields of Finding; ``reproduce`` is kept only with a problem.
        """
        if not problem:
            parts.pop("reproduce", None)
        return Finding(
            check=check, model=self.model, subject=subject, passed=not problem, seen=problem or good, **parts
        )

    def left_out(self, check: str, subject: str, why: str, *, severity: Severity = "info") -> Finding:
        """Return the finding that something was not looked at, and why: nothing is left out silently."""
        return Finding(
            check=check,
            model=self.model,
            subject=subject,
            passed=severity == "info",
            severity=severity,
            seen=f"not looked at: {why}",
        )
