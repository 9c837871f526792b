"""What cannot run ends with 3, in milliseconds, and says what was given and what to do."""

from __future__ import annotations

import json
import socket
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

S = ("--backend", "standin")

BAD = {
    "no command": ((), "error: the following arguments are required: COMMAND"),
    "unknown command": (("nope",), "error: argument COMMAND: invalid choice: 'nope' (choose from *export*"),
    "unknown option": (("check", "{good}", "--wat"), "error: unrecognized arguments: --wat"),
    "abbreviated option": (("check", "{good}", "--back", "standin"), "error: unrecognized arguments: --back *"),
    "nothing to serve": (("check",), "error: nothing to serve: give the PATH of a SavedModel, or --endpoint and --n*"),
    "no such path": (("check", "{tmp}/nope"), "error: the base path *nope does not exist; * holds: *Check the spel*"),
    "a Keras file": (("check", "{tmp}/m.keras"), "error: *m.keras is a Keras file, but a server loads directories*"),
    "a version": (("serve", "{good}/3"), "error: */3 is version 3 of a model, not its base path*Give its parent*"),
    "a corrupt model": (("check", "{tmp}/corrupt", *S), "error: *saved_model.pb (70 bytes) is not a SavedModel mess*"),
    "other tags": (("check", "{good}", *S, "--tags", "gpu"), "error: */3 has no graph tagged { gpu }; its tags are*"),
    "a name no URL carries": (("check", "{good}", *S, "--name", "a/b"), "error: 'a/b' cannot be a model's name: *"),
    "an empty name": (("check", "{good}", "--name="), "*error: --name is given without a value*"),
    "no engine": (
        ("check", "{good}", "--backend", "container"),
        "error: backend 'container' was asked for, but it cannot run here: no Docker engine answers*",
    ),
    "an image without an engine": (("check", "{good}", "--image", "x:1"), "error: backend 'container' was asked f*"),
    "no binary": (
        ("check", "{good}", "--backend", "binary"),
        "error: backend 'binary' was asked for, but it cannot run here: no tensorflow_model_server on PATH",
    ),
    "no such binary": (
        ("check", "{good}", "--binary", "/nonexistent"),
        "error: backend 'binary' was asked for, but it cannot run here: /nonexistent is not an executable file",
    ),
    "unknown backend": (("check", "{good}", "--backend", "gpu"), "*error: argument --backend: invalid choice: 'gpu'*"),
    "backends that differ": (
        ("check", "{good}", *S, "--endpoint", "h:1"),
        "error: these options ask for different backends: --backend standin*",
    ),
    "endpoint without a name": (("check", "--endpoint", "127.0.0.1:1"), "error: --endpoint needs --name: which of t*"),
    "endpoint that is none": (("check", "--endpoint", "here", "--name", "m"), "error: 'here' is not an endpoint: gi*"),
    "flags for an endpoint": (
        ("check", "--endpoint", "h:1", "--name", "m", "--arg=--x"),
        "error: --arg --x cannot reach the server at h:1, which runs already*",
    ),
    "port for an endpoint": (
        ("check", "--endpoint", "h:1", "--name", "m", "--rest-port", "1"),
        "error: --rest-port is for a server that is started here*",
    ),
    "serve an endpoint": (("serve", "--endpoint", "h:1"), "error: serve starts a server; --endpoint names one that *"),
    "flag that is none": (("check", "{good}", "--arg=batching"), "error: --arg 'batching' is not a flag of the serv*"),
    "timeout nan": (("check", "{good}", "--timeout", "nan"), "error: --timeout 'nan' should be a number of seconds*"),
    "timeout negative": (("check", "{good}", "--timeout=-1"), "error: --timeout '-1' should be a number of seconds *"),
    "option twice": (("check", "{good}", "--name", "a", "--name", "b"), "*error: --name is given twice: a and b; gi*"),
    "port too high": (("serve", "{good}", "--port", "65536"), "*error: argument --port: 65536 is no port; ports end*"),
    "port taken": (("serve", "{good}", *S, "--port", "{port}"), "error: gRPC port {port} cannot be used: Address al*"),
    "REST port taken": (("serve", "{good}", *S, "--rest-port", "{port}"), "error: REST port {port} cannot be used: *"),
    "report below a file": (("check", "{good}", "--report", "{tmp}/m.keras/x"), "error: cannot write '*': *m.keras *"),
    "report is a file": (("load", "{good}", "--report", "{tmp}/m.keras"), "error: cannot write '*': *m.keras is not*"),
    "report is read-only": (("check", "{good}", "--report", "{tmp}/folder"), "error: cannot write '*index.html': it*"),
    "no goldens": (("check", "{good}", "--goldens", "{tmp}/nope"), "error: --goldens *nope: there is no such path;*"),
    "empty goldens": (("check", "{good}", "--goldens", "{tmp}/corrupt"), "error: --goldens *corrupt holds no [*].js*"),
    "nobody to record": (("check", "{good}", "--update-goldens", "--skip", "goldens"), "error: --update-goldens need*"),
    "NaN in a golden": (("check", "{good}", "--goldens", "{tmp}/nan"), "error: golden 'case': output 'y' holds NaN *"),
    "concurrency": (("load", "{good}", "--concurrency", "1,0"), "error: --concurrency '1,0' should be numbers above *"),
    "duration": (("load", "{good}", "--duration", "inf"), "error: --duration 'inf' should be a number of seconds ab*"),
    "batch size": (("load", "{good}", "--batch-size", "0"), "error: --batch-size '0' should be numbers above 0 *"),
    "no such results": (("report", "{tmp}/nope"), "error: cannot read results from *: No such file or directory; ch*"),
    "no results": (("report", "{tmp}/m.keras"), "error: *m.keras: not readable as JSON*"),
    "no such module": (("export", "no.such", "--out", "{tmp}/o"), "error: no module 'no.such' can be imported from*"),
    "a path as module": (("export", "models/x", "--out", "{tmp}/o"), "error: 'models/x' is no importable module; wr*"),
    "no such callable": (("export", "json:nope", "--out", "{tmp}/o"), "error: json has no callable 'nope': one that*"),
    "a callable that raises": (
        ("export", "json:dumps", "--out", "{tmp}/o"),
        "error: json:dumps raised TypeError: dumps() missing 1 required positional argument: 'obj' (its traceback*",
    ),
}


@pytest.fixture
def places(tmp_path: Path, half_plus_two: Path) -> dict[str, Any]:
    """A good base path, a folder with what is wrong, and nothing else."""
    (tmp_path / "m.keras").write_bytes(b"PK")
    (tmp_path / "corrupt" / "1").mkdir(parents=True)
    (tmp_path / "corrupt" / "1" / "saved_model.pb").write_bytes(b"garbage" * 10)
    (tmp_path / "folder" / "index.html").mkdir(parents=True)
    (tmp_path / "nan").mkdir()
    tensor = {"dtype": "float32", "shape": [1], "values": [float("nan")]}
    golden = {"format": 2, "signature_name": "serving_default", "method": "predict", "inputs": {}}
    document = {**golden, "outputs": {"y": tensor}, "tolerance": {}, "provenance": {}}
    (tmp_path / "nan" / "case.json").write_text(json.dumps(document))
    return {"tmp": tmp_path, "good": half_plus_two}


@pytest.mark.parametrize(("words", "text"), BAD.values(), ids=BAD.keys())
def test_what_cannot_run_ends_with_3(
    cli: Callable[..., Any],
    places: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    text: str,
) -> None:
    """One line says what was given, what was seen and the remedy; nothing is served, nothing printed as if it were."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        values = {**places, "port": taken.getsockname()[1]}
        ended = cli(*(word.format(**values) for word in words))
    assert ended.code == 3
    wanted = text.replace("{port}", str(values["port"]))
    lines = [line for line in ended.err.splitlines() if "error: " in line]
    assert len(lines) == 1
    assert _matches(lines[0], wanted if wanted.startswith(("*", "error: ")) else f"*{wanted}"), lines[0]
    assert "--serving-" not in ended.err
    assert "serving by" not in ended.out


def _matches(line: str, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(line, pattern) or fnmatchcase(line, f"tfserving-harness*: {pattern}")


def test_read_only_report_is_refused_before_the_work(
    cli: Callable[..., Any], tmp_path: Path, half_plus_two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A results file without write permission stops the command at its start; root is refused by the mode as well."""
    target = tmp_path / "results.json"
    target.write_text("keep me")
    target.chmod(stat.S_IRUSR)
    monkeypatch.setattr("os.access", lambda path, mode: not (str(path) == str(target) and mode & 2))
    ended = cli("check", half_plus_two, "--report", tmp_path)
    assert ended.code == 3
    assert "the file is read-only; choose a path you may write to" in ended.err
    assert target.read_text() == "keep me"


def test_help_and_version_end_with_0(cli: Callable[..., Any]) -> None:
    """They are answers, no errors."""
    assert cli("--help").code == 0
    assert cli("check", "--help").code == 0
    assert cli("--version").out.startswith("tfserving-harness ")


def test_unexpected_errors_do_not_look_like_a_failed_check(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug ends with 3 and its traceback; Python's own 1 would say that a check failed."""

    def broken(_: object) -> None:
        raise ZeroDivisionError("bug")

    monkeypatch.setattr("harness.cli.report.read_results", broken)
    ended = cli("report", "x")
    assert ended.code == 3
    assert "Traceback" in ended.err
    assert ended.err.endswith("error: unexpected ZeroDivisionError: bug\n")


def test_ctrl_c_ends_with_130(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted is neither success nor failure."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.report.read_results", interrupted)
    ended = cli("report", "x")
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_nothing_is_recorded_in_continuous_integration(
    cli: Callable[..., Any], half_plus_two: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where ``CI`` is set nobody would review what is written, so it is refused and nothing is written."""
    monkeypatch.setenv("CI", "true")
    ended = cli("check", half_plus_two, "--goldens", tmp_path / "goldens", "--update-goldens")
    assert ended.code == 3
    assert "--update-goldens writes files for people to review" in ended.err
    assert list(tmp_path.iterdir()) == []
