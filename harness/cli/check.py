"""``tfserving-harness check``: is the served model right? Signatures, predictions, REST = gRPC; no code to write."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checks import check_contract, check_golden, check_parity, guess_inputs, read_goldens
from harness.cli.server_options import Once, add_server_options, served
from harness.clients import GrpcClient, RestClient
from harness.report import print_summary, write_report
from harness.results import Results, Run, check_writable
from harness.savedmodel import preflight
from harness.surroundings import backend_of, machine, served_model, tool_versions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from harness.findings import Finding
    from harness.servers import Server
    from harness.signatures import Signature

__all__ = ["add_parser"]

_PREDICT = "tensorflow/serving/predict"


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("check", help="check a served SavedModel, with no code", description=__doc__)
    add_server_options(parser)
    parser.add_argument("--goldens", action=Once, help="directory of recorded cases to replay")
    parser.add_argument("--report", action=Once, metavar="DIR", help="write results.json, index.html, summary.md there")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    began, created = time.monotonic(), datetime.now(timezone.utc).isoformat(timespec="seconds")
    if options.report is not None:
        check_writable(Path(options.report) / "results.json")
    with served(options) as server:
        checked = _check(server, options)
        backend = backend_of(server)
    results = Results(
        run=Run(
            created_utc=created,
            duration_s=time.monotonic() - began,
            command=("tfserving-harness", *sys.argv[1:]),
            versions=tool_versions(),
        ),
        machine=machine(),
        backend=backend,
        models=(checked.model,),
        findings=tuple(checked.findings),
        warnings=tuple(checked.warnings),
    )
    _print(results)
    if options.report is not None:
        print(f"report: {write_report(results, directory=options.report).html}")
    return 1 if any(finding.fails for finding in results.findings) else 0


@dataclass
class _Checked:
    """What came out of the checks of one server."""

    model: Any = None
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _check(server: Server, options: argparse.Namespace) -> _Checked:
    endpoint = server.endpoint
    checked = _Checked()
    grpc = GrpcClient(endpoint) if endpoint.grpc is not None else None
    rest = RestClient(endpoint) if endpoint.rest is not None else None
    clients = [client for client in (grpc, rest) if client is not None]
    try:
        signatures = clients[0].signatures()
        base_path = server.spec.models[0].base_path
        checked.model = served_model(endpoint.model, base_path, signatures, clients[0].model_status())
        on_disk = preflight(base_path, tags=tuple(options.tags.split(","))).latest.signatures if base_path else None
        checked.findings += check_contract(endpoint.model, on_disk=on_disk, grpc_client=grpc, rest_client=rest)
        if grpc is not None and rest is not None:
            _check_parity(grpc, rest, signatures, checked)
        else:
            checked.warnings.append("only one API was given, so REST and gRPC could not be compared")
        for golden in read_goldens(Path(options.goldens)) if options.goldens else []:
            checked.findings += [check_golden(client, golden) for client in clients]
    finally:
        for client in clients:
            client.close()
    return checked


def _check_parity(grpc: GrpcClient, rest: RestClient, signatures: Mapping[str, Signature], checked: _Checked) -> None:
    for signature in signatures.values():
        if signature.is_internal:
            continue
        if signature.method_name != _PREDICT:
            checked.warnings.append(
                f"{signature.name} ({signature.method_name}) was not exercised: it takes tf.Examples"
            )
            continue
        checked.findings += check_parity(grpc, rest, signature, guess_inputs(signature))


def _print(results: Results) -> None:
    for finding in results.findings:
        print(f"{'pass' if finding.passed else 'FAIL'}  {finding.check}: {finding.subject}: {finding.seen}")
        for line in finding.reproduce:
            print(f"      again: {line}")
    print_summary(results)
