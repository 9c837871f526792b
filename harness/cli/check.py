"""``tfserving-harness check``: is the served model right? Every check there is, with no code to write."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checks.catalogue import CHECKS, choose_checks, run_check
from harness.checks.default_files import existing
from harness.checks.opening import open_subject
from harness.checks.subject import CheckOptions
from harness.cli.record import Record, add_report_option
from harness.cli.server_options import Once, add_server_options, served, tags_of
from harness.clients import GrpcClient, RestClient
from harness.errors import UsageError
from harness.option_values import refuse_idle_update, refuse_update_in_ci, whole_number
from harness.surroundings import backend_of, served_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.catalogue import Check
    from harness.checks.subject import Subject
    from harness.findings import Finding
    from harness.servers import Server

__all__ = ["add_options", "run"]


_UPDATES = {"--update-contract": "contract", "--update-goldens": "goldens"}  # and the check that does it


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    width = max(len(check.name) for check in CHECKS)
    parser.epilog = "checks:\n" + "\n".join(f"  {check.name:{width}}  {check.asks}" for check in CHECKS)
    add_server_options(parser)
    group = parser.add_argument_group("checks")
    group.add_argument("--only", action=Once, metavar="NAMES", help="run these checks only, with commas between")
    group.add_argument("--skip", action=Once, metavar="NAMES", help="leave these checks out, with commas between")
    group.add_argument("--examples", action=Once, metavar="FILE", help=".npz or .json file of requests to ask with")
    group.add_argument(
        "--goldens", action=Once, metavar="DIR", help="recorded cases to replay (default: goldens/NAME if it exists)"
    )
    group.add_argument(
        "--contract", action=Once, metavar="FILE", help="agreed signatures (default: contracts/NAME.json if it exists)"
    )
    group.add_argument("--update-contract", action="store_true", help="write the contract instead of comparing with it")
    group.add_argument(
        "--update-goldens", action="store_true", help="record the answers in --goldens instead of comparing with it"
    )
    group.add_argument("--seed", action=Once, default="0", help="of everything that is made up (default: 0)")
    group.add_argument(
        "--fuzz-examples", action=Once, default="50", metavar="N", help="requests to draw for a signature (default: 50)"
    )
    add_report_option(parser)


def run(options: argparse.Namespace) -> int:
    """Check; 1 if a finding is an error."""
    record = Record(options)
    checks = _chosen(options)
    given = _given(options)
    findings: list[Finding] = []
    with served(options) as server, ExitStack() as stack:
        subject = _subject(server, stack, options, given)
        for check in checks:
            findings += _run_aloud(check, subject)
        statuses = subject.clients[0].model_status()
        base_path = server.spec.models[0].base_path
        model = served_model(subject.model, base_path, subject.signatures, statuses)
        backend = backend_of(server)
    results = record.finish(findings_told=True, backend=backend, models=(model,), findings=tuple(findings))
    return 1 if any(finding.fails for finding in results.findings) else 0


def _chosen(options: argparse.Namespace) -> tuple[Check, ...]:
    only = choose_checks(_names(options.only), option="--only")
    skipped = {check.name for check in choose_checks(_names(options.skip), option="--skip")} if options.skip else set()
    chosen = tuple(check for check in only if check.name not in skipped)
    if not chosen:
        raise UsageError(f"--skip {options.skip} leaves no check to run")
    refuse_idle_update(_updates(options), [check.name for check in chosen], option="--only or --skip")
    return chosen


def _updates(options: argparse.Namespace) -> dict[str, str]:
    """Return the options that let a check write, with that check."""
    return {option: check for option, check in _UPDATES.items() if getattr(options, option[2:].replace("-", "_"))}


def _names(text: str | None) -> list[str]:
    return [] if text is None else [name.strip() for name in text.split(",")]


def _given(options: argparse.Namespace) -> CheckOptions:
    """Return what the user gave by option; refuses files and directories that are not there.

    Raises:
        UsageError: a file or directory that was named does not exist.
    """
    refuse_update_in_ci(list(_updates(options)))
    _refuse_missing(options)
    if options.contract is not None and not (options.update_contract or Path(options.contract).is_file()):
        raise UsageError(f"--contract {options.contract}: there is no such file; write it with --update-contract")
    return CheckOptions(
        goldens=_path(options.goldens),
        contract=_path(options.contract),
        examples=_path(options.examples),
        update_contract=options.update_contract,
        update_goldens=options.update_goldens,
        seed=whole_number(options.seed, "--seed"),
        fuzz_examples=whole_number(options.fuzz_examples, "--fuzz-examples"),
    )


def _refuse_missing(options: argparse.Namespace) -> None:
    if options.examples is not None and not Path(options.examples).exists():
        raise UsageError(f"--examples {options.examples}: there is no such path")
    if options.goldens is None or options.update_goldens:
        return
    if not Path(options.goldens).exists():
        raise UsageError(f"--goldens {options.goldens}: there is no such path; record cases with --update-goldens")
    if not any(Path(options.goldens).glob("*.json")):
        raise UsageError(f"--goldens {options.goldens} holds no *.json; name the directory with the recorded cases")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text).expanduser().absolute()


def _subject(server: Server, stack: ExitStack, options: argparse.Namespace, given: CheckOptions) -> Subject:
    endpoint = server.endpoint
    grpc = stack.enter_context(GrpcClient(endpoint)) if endpoint.grpc is not None else None
    rest = stack.enter_context(RestClient(endpoint)) if endpoint.rest is not None else None
    name = endpoint.model
    found = replace(
        given,
        goldens=given.goldens
        or (Path("goldens", name).absolute() if given.update_goldens else None)
        or existing(Path("goldens", name)),
        contract=given.contract
        or (Path("contracts", f"{name}.json").absolute() if given.update_contract else None)
        or existing(Path("contracts", f"{name}.json")),
    )
    return open_subject(server, name, grpc=grpc, rest=rest, tags=tags_of(options), options=found)


def _run_aloud(check: Check, subject: Subject) -> Iterator[Finding]:
    began = time.perf_counter()
    for finding in run_check(check, subject):
        _print(finding)
        yield finding
    print(f"      {check.name} took {time.perf_counter() - began:.1f} s", flush=True)


def _print(finding: Finding) -> None:
    verdict = "pass" if finding.passed else ("FAIL" if finding.fails else "warn")
    print(f"{verdict}  {finding.check}: {finding.subject}: {finding.seen}")
    for picture in finding.pictures:
        print(f"      picture in the report (--report): {picture.caption}")
    for line in finding.reproduce:
        print(f"      again: {line}")
