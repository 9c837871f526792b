"""``tfserving-harness check``: is the served model right? Signatures, predictions, REST = gRPC; no code to write."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checks import check_contract, check_golden, check_parity, guess_inputs, read_goldens
from harness.checks.parity import rest_obstacle
from harness.cli.record import Record, add_report_option
from harness.cli.server_options import PREDICT, Once, add_server_options, served, tags_of
from harness.clients import GrpcClient, RestClient
from harness.errors import SignatureError, StatusError, TensorError, UsageError
from harness.findings import Finding
from harness.savedmodel import preflight
from harness.surroundings import backend_of, served_model

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from harness.checks import Golden
    from harness.results import ServedModel
    from harness.servers import Server
    from harness.signatures import Signature

__all__ = ["add_options", "run"]

_TAKE_EXAMPLES = ("tensorflow/serving/classify", "tensorflow/serving/regress")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_server_options(parser)
    parser.add_argument("--goldens", action=Once, metavar="DIR", help="directory of recorded cases to replay")
    add_report_option(parser)


def run(options: argparse.Namespace) -> int:
    """Check; 1 if a finding is an error."""
    record = Record(options)
    goldens = _goldens(options.goldens)
    with served(options) as server, ExitStack() as stack:
        checks = _Checks(server, stack)
        checks.contract(tags_of(options))
        checks.parity()
        checks.goldens(goldens)
        backend = backend_of(server)
    for finding in checks.findings:
        _print(finding)
    results = record.finish(
        backend=backend,
        models=(checks.model,),
        findings=tuple(checks.findings),
        warnings=tuple(checks.warnings),
    )
    return 1 if any(finding.fails for finding in results.findings) else 0


def _goldens(directory: str | None) -> list[Golden]:
    """Return the recorded cases.

    Raises:
        UsageError: there are none where they should be.
    """
    if directory is None:
        return []
    goldens = read_goldens(Path(directory))
    if not goldens:
        seen = "holds no *.json" if Path(directory).is_dir() else "is not a directory"
        raise UsageError(f"--goldens {directory} {seen}; name the directory that write_golden filled")
    return goldens


@dataclass
class _Checks:
    """The checks of one served model, and what came out of them."""

    server: Server
    stack: ExitStack
    model: ServedModel = field(init=False)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open a client for each API and ask what is served."""
        endpoint = self.server.endpoint
        enter = self.stack.enter_context
        self.grpc = enter(GrpcClient(endpoint)) if endpoint.grpc is not None else None
        self.rest = enter(RestClient(endpoint)) if endpoint.rest is not None else None
        self.clients: Sequence[GrpcClient | RestClient] = [one for one in (self.grpc, self.rest) if one is not None]
        self.base_path = self.server.spec.models[0].base_path
        self.signatures: Mapping[str, Signature] = {
            name: one for name, one in self.clients[0].signatures().items() if not one.is_internal
        }
        statuses = self.clients[0].model_status()
        self.model = served_model(endpoint.model, self.base_path, self.signatures, statuses)

    def contract(self, tags: tuple[str, ...]) -> None:
        """The signatures on disk, over gRPC and over REST."""
        on_disk = preflight(self.base_path, tags=tags).latest.signatures if self.base_path else None
        self.findings += check_contract(self.model.name, on_disk=on_disk, grpc_client=self.grpc, rest_client=self.rest)

    def parity(self) -> None:
        """The same answers over both APIs, for every signature that Predict runs."""
        if self.grpc is None or self.rest is None:
            self.warnings.append("only one API was given, so REST and gRPC could not be compared")
            return
        for signature in self.signatures.values():
            if signature.method_name != PREDICT:
                why = "takes tf.Examples" if signature.method_name in _TAKE_EXAMPLES else "is not for Predict"
                self.warnings.append(f"{signature.name} was not exercised: {signature.method_name!r} {why}")
                continue
            try:
                self._parity_of(self.grpc, self.rest, signature)
            except (TensorError, SignatureError) as exc:  # inputs that cannot be made up, or not be sent
                self.warnings.append(f"{signature.name} was not exercised: {exc}")

    def _parity_of(self, grpc: GrpcClient, rest: RestClient, signature: Signature) -> None:
        inputs = guess_inputs(signature)
        try:
            grpc.predict(inputs, signature_name=signature.name)
        except StatusError as exc:
            if exc.code == "INVALID_ARGUMENT":  # dtypes and shapes fit, so it is the made-up values that do not
                self.findings.append(self._refused(signature, exc))
                return
        self.findings += check_parity(grpc, rest, signature, inputs)

    def _refused(self, signature: Signature, error: StatusError) -> Finding:
        return Finding(
            check="parity",
            model=self.model.name,
            subject=f"{signature.name} over REST = gRPC",
            passed=False,
            severity="warning",
            tried="predict inputs made up to fit the signature",
            expected="an answer to compare",
            seen=f"the model refuses them: {error.server_message}; record goldens with inputs it takes",
        )

    def goldens(self, goldens: Sequence[Golden]) -> None:
        """The recorded cases, over every API that can carry them."""
        for golden in goldens:
            signature = self.signatures.get(golden.signature_name)
            for client in self.clients:
                obstacle = rest_obstacle(signature) if client.api == "rest" and signature is not None else ""
                self.findings.append(self._left_out(golden, obstacle) if obstacle else check_golden(client, golden))

    def _left_out(self, golden: Golden, obstacle: str) -> Finding:
        return Finding(
            check="goldens",
            model=self.model.name,
            subject=f"{golden.name} over REST",
            passed=True,
            severity="info",
            seen=obstacle,
        )


def _print(finding: Finding) -> None:
    verdict = "pass" if finding.passed else ("FAIL" if finding.fails else "warn")
    print(f"{verdict}  {finding.check}: {finding.subject}: {finding.seen}")
    for line in finding.reproduce:
        print(f"      again: {line}")
