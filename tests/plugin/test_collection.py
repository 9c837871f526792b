"""Which tests run on which models; nothing here starts a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("named_models")


def _collected(result: pytest.RunResult) -> list[str]:
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def test_each_test_runs_once_for_every_model(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """Without a marker a test is for every model; ``client`` brings both APIs; other tests are left alone."""
    pytester.makepyfile("def test_one(server): pass\ndef test_two(client): pass\ndef test_three(): pass")
    assert _collected(run("--collect-only", "-q")) == [
        "test_one[a]",
        "test_two[grpc-a]",
        "test_two[rest-a]",
        "test_one[b]",
        "test_two[grpc-b]",
        "test_two[rest-b]",
        "test_three",
    ]


def test_marker_limits_a_test_to_models(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """``model`` and ``models`` name them, and the marker closest to the test counts."""
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.serving(model="a")

        def test_as_module(server): pass

        @pytest.mark.serving(models=["b"])
        def test_own(server): pass

        @pytest.mark.serving(args=["--enable_batching"])
        def test_flags_keep_the_modules_model(server): pass
        """
    )
    assert sorted(_collected(run("--collect-only", "-q"))) == [
        "test_as_module[a]",
        "test_flags_keep_the_modules_model[a]",
        "test_own[b]",
    ]


def test_tests_of_models_not_served_are_deselected_and_said(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """A test made for another model does not run, and the name it asked for is printed."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.serving(model="misspelt")
        def test_never(server): pass

        def test_always(serving_model): pass
        """
    )
    result = run("--collect-only", "--model", "b")
    assert "test_always[[]b[]]" not in result.outlines
    result.stdout.fnmatch_lines(
        ["serving: 1 deselected, made for the model 'misspelt', which this run does not serve", "*test_always[[]b]*"]
    )
    result.stdout.no_fnmatch_line("*test_never*")


@pytest.mark.parametrize(
    "arguments",
    [
        "'a'",
        "modle='a'",
        "model='a', models=['b']",
        "models='ab'",
        "models=[]",
        "model=''",
        "model=None",
        "args='--enable_batching'",
        "args=['--num_load_threads', 3]",
    ],
)
def test_marker_with_bad_arguments_is_a_collection_error(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], arguments: str
) -> None:
    """What the marker takes is said together with what was seen; the run does not go on without that test."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.serving({arguments})\ndef test_marked(server): pass")
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*::test_marked: @pytest.mark.serving(*) cannot be read; the marker is serving(model*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("words", [["--collect-only"], ["--fixtures"], ["--markers"]])
def test_listing_writes_no_report_and_looks_for_no_backend(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], words: list[str]
) -> None:
    """A report of an earlier run survives a run that only lists; a backend that is not there does not matter."""
    report = pytester.path / "report.html"
    report.write_text("the last run's")
    pytester.makepyfile("def test_one(server): pass")
    result = run("--serving-report=report.html", "--serving-backend=container", *words)
    assert result.ret == 0
    assert report.read_text() == "the last run's"


def test_options_fixtures_and_marker_are_listed(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """The own help of pytest shows what the plugin adds."""
    pytester.makepyfile("def test_one(): pass")
    run("--help").stdout.fnmatch_lines(["*--model=NAME*", "*--serving-backend*", "*--update-goldens*"])
    run("--markers").stdout.fnmatch_lines(["@pytest.mark.serving(model=NAME or models=*"])
    listed = run("--fixtures").stdout
    for name in ("grpc_client", "rest_client", "record_finding"):
        listed.fnmatch_lines([f"{name} -- *", "    A *"])
