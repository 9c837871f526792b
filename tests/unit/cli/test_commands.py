"""Every command on real models: what it prints, writes and ends with."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fixtures.example_models import EXAMPLE_MODELS, exported
from harness.checks.catalogue import CHECKS
from harness.results import read_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STANDIN = ("--backend", "standin")


def test_check_starts_a_server_and_leaves_a_report(
    cli: Callable[..., Any], pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """One command on a base path: contract, parity and goldens hold, and the whole record is written."""
    goldens = pytestconfig.rootpath / "goldens" / "digits"
    slow = ",".join(check.name for check in CHECKS if check.starts_servers)
    ended = cli("check", exported("digits"), *STANDIN, "--goldens", goldens, "--report", tmp_path, "--skip", slow)
    assert ended.code == 0, ended.out + ended.err
    assert f"report: {tmp_path / 'index.html'}" in ended.out
    results = read_results(tmp_path / "results.json")
    assert {finding.check for finding in results.findings} == {one.name for one in CHECKS if not one.starts_servers}
    assert [one.name for one in results.models] == ["digits"]
    assert results.backend is not None
    assert results.backend.name == "standin"
    assert results.run.command[:2] == ("tfserving-harness", "check")
    assert (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize("model", EXAMPLE_MODELS)
def test_check_passes_on_the_example_models(
    cli: Callable[..., Any],
    pytestconfig: pytest.Config,
    addresses: dict[str, str],
    served_paths: dict[str, Path],
    model: str,
) -> None:
    """The served signatures are those on disk, both APIs agree, and the repository's goldens hold."""
    goldens = pytestconfig.rootpath / "goldens" / model
    words = ("--endpoint", addresses["both"], "--name", model, "--goldens", goldens, "--skip", "local,fuzz")
    ended = cli("check", served_paths[model], *words)
    assert ended.code == 0, ended.out + ended.err
    assert "FAIL" not in ended.out
    starts = ("pass  contract: SavedModel on disk = gRPC metadata", "pass  parity: ", "pass  goldens: ")
    for start in starts:
        assert start in ended.out


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("dtypes", "pass  parity: uint16 over REST: REST takes no uint16 (input 'x')"),
        ("no_default_signature", "pass  parity: other, REST column layout = gRPC: the same outputs"),
        (
            "failing",
            "warn  inputs: reshape: not looked at: the model refuses values made up to fit the signature, and those of",
        ),
        ("odd_signatures", "pass  parity: odd_method, REST column layout = gRPC: the same outputs"),
    ],
)
def test_check_on_models_of_the_conformance_corpus(
    cli: Callable[..., Any], addresses: dict[str, str], served_paths: dict[str, Path], model: str, line: str
) -> None:
    """Dtypes that REST cannot carry, odd signatures and inputs that do not suit are said, and fail nothing."""
    words = ("--endpoint", addresses["both"], "--name", model, "--skip", "local,fuzz")
    ended = cli("check", served_paths[model], *words)
    assert ended.code == 0, ended.out + ended.err
    assert ended.out.count(line) == 1
    assert "FAIL" not in ended.out
    assert "give requests it takes with --examples" not in ended.out.partition("without an error.")[2]


def test_check_with_tags_serves_the_graph_that_has_them(cli: Callable[..., Any], corpus_models: Path) -> None:
    """``--tags`` goes to the pre-flight and to the server."""
    ended = cli("check", corpus_models / "other_tags", *STANDIN, "--tags", "serve, gpu", "--only", "inputs,parity")
    assert ended.code == 0, ended.out + ended.err


def test_check_ends_with_1_where_a_golden_does_not_hold(
    cli: Callable[..., Any], pytestconfig: pytest.Config, addresses: dict[str, str], tmp_path: Path
) -> None:
    """A wrong answer is named with its place, over each API."""
    source = pytestconfig.rootpath / "goldens" / "half_plus_two" / "three_numbers.json"
    document = json.loads(source.read_text())
    document["outputs"]["y"]["values"][1] = 5.5
    (tmp_path / "case.json").write_text(json.dumps(document))
    ended = cli("check", "--endpoint", addresses["both"], "--name", "half_plus_two", "--goldens", tmp_path)
    assert ended.code == 1
    assert ended.out.count("y: [1] is 5.0, expected 5.5") >= 2
    assert "FAIL  goldens: case over gRPC" in ended.out
    assert "FAIL  goldens: case over REST" in ended.out


def test_check_records_goldens_and_then_compares_with_them(
    cli: Callable[..., Any], addresses: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--update-goldens`` writes ``goldens/NAME`` in the working directory, which the next check replays."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path)
    words = ("check", "--endpoint", addresses["both"], "--name", "half_plus_two", "--only", "goldens")
    recorded = cli(*words, "--update-goldens")
    assert recorded.code == 0, recorded.out + recorded.err
    written = "goldens/half_plus_two/serving_default-1.json"
    assert f"pass  goldens: serving_default-1: written to {written}: y float32 " in recorded.out
    assert (tmp_path / written).is_file()
    replayed = cli(*words)
    assert replayed.code == 0, replayed.out + replayed.err
    assert "pass  goldens: serving_default-1 over REST: the recorded outputs" in replayed.out


def test_check_tells_of_pictures(
    cli: Callable[..., Any], pytestconfig: pytest.Config, addresses: dict[str, str], tmp_path: Path
) -> None:
    """Where an image differs, the terminal says that the report shows it, and the report does."""
    goldens, report = tmp_path / "goldens", tmp_path / "report"
    document = json.loads((pytestconfig.rootpath / "goldens" / "multi" / "three_rows.json").read_text())
    document["outputs"]["inverted"]["values"][0] = 1
    goldens.mkdir()
    (goldens / "case.json").write_text(json.dumps(document))
    words = ("--endpoint", addresses["grpc"], "--name", "multi", "--goldens", goldens, "--only", "goldens")
    ended = cli("check", *words, "--report", report)
    assert ended.code == 1
    assert "picture in the report (--report): inverted[0]: expected, seen, difference (white: 217)" in ended.out
    (finding,) = [one for one in read_results(report / "results.json").findings if one.fails]
    assert len(finding.pictures) == 1
    assert 'alt="inverted[0]: expected, seen, difference (white: 217)"' in (report / "index.html").read_text()


def test_check_of_one_api_says_what_it_could_not_compare(cli: Callable[..., Any], addresses: dict[str, str]) -> None:
    """Half an endpoint is enough for a check, and parity is not claimed."""
    ended = cli("check", "--endpoint", addresses["rest"], "--name", "half_plus_two")
    assert ended.code == 0, ended.err
    assert "pass  parity: REST = gRPC: not looked at: only one API was given" in ended.out


@pytest.mark.parametrize(
    ("swap", "cause"),
    [
        ("http://{grpc}", "that is not a REST port; gRPC addresses are given as HOST:PORT"),
        ("{rest}", "that is not a gRPC port; REST addresses are given as http://HOST:PORT"),
        ("{grpc},{grpc}", None),
    ],
)
def test_swapped_ports_are_recognised(
    cli: Callable[..., Any], addresses: dict[str, str], swap: str, cause: str | None
) -> None:
    """A gRPC port given as REST, or the reverse, is told as such."""
    text = swap.format(grpc=addresses["grpc"], rest=addresses["rest"].removeprefix("http://"))
    ended = cli("check", "--endpoint", text, "--name", "half_plus_two", "--timeout", "0.5")
    assert ended.code == 3
    assert (f"likely cause: {cause}" if cause else "is not an endpoint: give HOST:PORT for gRPC") in ended.err


@pytest.mark.parametrize("word", ["--no_such_flag", "--max_num_load_retries=x"])
def test_unknown_flag_ends_with_3_and_the_log(cli: Callable[..., Any], half_plus_two: Path, word: str) -> None:
    """A flag that the server refuses, or would do without, is named."""
    ended = cli("check", half_plus_two, *STANDIN, f"--arg={word}", "--timeout", "30")
    assert ended.code == 3
    assert word.partition("=")[0] in ended.err
    assert "last log lines:" in ended.err


def test_load_measures_each_api_and_concurrency(
    cli: Callable[..., Any], addresses: dict[str, str], tmp_path: Path
) -> None:
    """Every combination becomes a row of the report, and no request failed."""
    ended = cli(
        "load", "--endpoint", addresses["both"], "--name", "half_plus_two", "--concurrency", "1,2", "--duration", "0.6",
        "--warmup", "0.2", "--report", tmp_path,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    rows = read_results(tmp_path / "results.json").throughput
    assert [(row.api, row.concurrency) for row in rows] == [("grpc", 1), ("grpc", 2), ("rest", 1), ("rest", 2)]
    assert all(row.n > 0 and not row.errors for row in rows)


def test_load_ends_with_1_where_requests_fail(
    cli: Callable[..., Any], addresses: dict[str, str], tmp_path: Path
) -> None:
    """A rate of refusals is no success."""
    (tmp_path / "refused.json").write_text('{"signature_name": "number", "inputs": {"s": ["nine"]}}')
    ended = cli(
        "load", "--endpoint", addresses["grpc"], "--name", "failing", "--examples", tmp_path / "refused.json",
        "--concurrency", "1", "--duration", "0.2", "--warmup", "0.1",
    )  # fmt: skip
    assert ended.code == 1, ended.out + ended.err
    assert "INVALID_ARGUMENT" in ended.out


def test_load_refuses_a_signature_that_is_not_there(cli: Callable[..., Any], addresses: dict[str, str]) -> None:
    """It ends with 3, and names those that are."""
    ended = cli("load", "--endpoint", addresses["both"], "--name", "half_plus_two", "--signature", "nope")
    assert ended.code == 3
    assert ended.err.startswith("error: the model has no signature 'nope'; it has: classify_x_to_y, regress_x_to_y,")


def test_load_refuses_an_api_the_endpoint_does_not_name(cli: Callable[..., Any], addresses: dict[str, str]) -> None:
    """``--api rest`` needs a REST address; the default takes what there is."""
    words = ("--endpoint", addresses["grpc"], "--name", "half_plus_two", "--duration", "0.1", "--warmup", "0.1")
    assert cli("load", *words, "--api", "rest").code == 3
    ended = cli("load", *words, "--concurrency", "1")
    assert ended.code == 0, ended.err
    assert "REST" not in ended.out


def test_report_renders_results_again(cli: Callable[..., Any], addresses: dict[str, str], tmp_path: Path) -> None:
    """HTML and Markdown come out of results.json alone; one file for two purposes is refused."""
    assert cli("check", "--endpoint", addresses["both"], "--name", "half_plus_two", "--report", tmp_path).code == 0
    results, page, summary = tmp_path / "results.json", tmp_path / "again.html", tmp_path / "again.md"
    ended = cli("report", results, "--html", page, "--markdown", summary)
    assert ended.code == 0, ended.err
    assert page.read_text() == (tmp_path / "index.html").read_text()
    assert summary.read_text() == (tmp_path / "summary.md").read_text()
    for words in (("--html", page, "--markdown", page), ("--html", results)):
        refused = cli("report", results, *words)
        assert refused.code == 3
        assert "is named twice, and writing would replace it" in refused.err
    assert read_results(results)


def test_export_calls_the_users_function(
    cli: Callable[..., Any], half_plus_two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of the working directory exports to the base path, and the result is looked over and described."""
    (tmp_path / "my_models.py").write_text(
        "import shutil\n"
        f"def export(to): shutil.copytree({str(half_plus_two / '3')!r}, to / '1')\n"
        "def forgets(to): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    ended = cli("export", "my_models", "--out", "out/m")
    assert ended.code == 0, ended.err
    assert f"exported my_models to {tmp_path / 'out' / 'm' / '1'}" in ended.out
    assert "  serving_default (tensorflow/serving/predict)" in ended.out
    refused = cli("export", "my_models:forgets", "--out", "nothing")
    assert refused.code == 3
    assert "the base path" in refused.err
    versioned = cli("export", "my_models", "--out", "out/n", "--version", "7")
    assert versioned.code == 3
    assert "takes no version, so --version 7 cannot be had" in versioned.err
    shutil.rmtree(tmp_path / "out")


def test_serve_prints_examples_that_work_and_ends_with_ctrl_c(corpus_models: Path) -> None:
    """Its curl line brings an answer; Ctrl-C stops the server, which is how serving ends: with 0."""
    code = "import sys; from harness.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "serve", str(corpus_models / "two_inputs"), *STANDIN]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("Ctrl-C ends it."):
                break
        assert process.poll() is None, lines
        server_pids = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        curl = next(line for line in lines if line.startswith("curl "))
        answer = _curl(curl)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert list(answer) == ["outputs"]
    assert (process.returncode, output.strip(), errors) == (0, "stopping", "")
    assert server_pids
    assert not any(psutil.pid_exists(pid) for pid in server_pids)


def _curl(line: str) -> Any:
    """Do what the curl line does."""
    import shlex

    import requests

    _, flag, body, url = shlex.split(line)
    assert flag == "-d"
    return requests.post(url, data=body, timeout=10).json()


def test_serve_shows_signatures_that_json_cannot_carry(corpus_models: Path) -> None:
    """A dtype without a JSON form costs the curl line alone, not the server."""
    code = "import sys; from harness.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "serve", str(corpus_models / "dtypes"), *STANDIN]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("Ctrl-C ends it."):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert any(line.startswith("no curl example: ") for line in lines)
