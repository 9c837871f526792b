"""Play the corpus against a server and print the score: ``python tests/conformance/score.py --help``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from replay import certificates, corpus, table  # noqa: E402 - the path is set above
from replay.launch import launcher_for  # noqa: E402
from replay.player import Result, play  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "harness" / "standin" / "conformance.json"
PAGE = ROOT / "docs" / "conformance.md"
PAGE_HEAD = """# How far the stand-in goes

The stand-in is compared with traffic recorded from a genuine `tensorflow_model_server`: the corpus in
[tests/conformance](../tests/conformance), played anew in every test run. An exchange counts when status, headers and
body (or code, details and message) are as recorded, by the rule that the exchange names.

This page is written by `python tests/conformance/score.py --record`; a test fails where it is out of date.

"""


def write(text: str) -> None:
    """Print a line; printing is what this script is for."""
    sys.stdout.write(text + "\n")


def main() -> int:
    """Parse the command line, play, print; the exit code is 0 if all is as recorded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="command line of the server; the stand-in by default")
    parser.add_argument("--area", action="append", choices=corpus.AREAS, help="only this area (repeatable)")
    parser.add_argument("--scenario", help="only scenarios whose name contains this")
    parser.add_argument("--markdown", type=Path, help="write the table to this file as well")
    parser.add_argument("--record", action="store_true", help="write the stand-in's score into the package and docs/")
    parser.add_argument("--differences", type=int, default=20, help="how many differences to print")
    parser.add_argument("--workers", type=int, default=6, help="scenarios played at the same time")
    options = parser.parse_args()
    scenarios = corpus.load(tuple(options.area or corpus.AREAS))
    scenarios = [one for one in scenarios if not options.scenario or options.scenario in one.name]
    begin = time.monotonic()
    results = _play_all(scenarios, options.server, options.workers)
    for result in [result for result in results if result.difference][: options.differences]:
        write(f"{result.step}\n    {(result.difference or '')[:2000]}")
    write(table.plain(results))
    write(f"{len(scenarios)} scenarios in {time.monotonic() - begin:.0f} s")
    if options.record:
        RECORD.write_text(json.dumps(table.record(results), indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(PAGE_HEAD + table.markdown(results), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(table.markdown(results), encoding="utf-8")
    return 1 if any(result.difference for result in results) else 0


def _play_all(scenarios: list[corpus.Scenario], server: str | None, workers: int) -> list[Result]:
    launcher, pems = launcher_for(server), certificates.make()
    try:
        with ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(play, scenario, launcher, pems) for scenario in scenarios]
            return [result for job in jobs for result in job.result()]
    finally:
        launcher.close()


if __name__ == "__main__":
    sys.exit(main())
