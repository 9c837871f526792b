"""The command line is read with tensorflow_model_server's habits."""

from __future__ import annotations

import pytest

from harness.standin.flags import FLAGS, parse, unused_flags, usage


def test_defaults_are_those_of_the_genuine_server() -> None:
    """Without arguments gRPC is on 8500, REST off, the model called default (behaviour item 1)."""
    flags = parse([])
    assert (flags.port, flags.rest_api_port, flags.model_name, flags.model_base_path) == (8500, 0, "default", "")
    assert flags.standin_bind_address == "127.0.0.1"
    assert not flags.given
    assert not flags.unknown
    assert not flags.bad


def test_the_last_of_repeated_flags_counts() -> None:
    """A container appends its arguments to the entrypoint's (behaviour item 194)."""
    assert parse(["--model_name=a", "--model_name=b"]).model_name == "b"


@pytest.mark.parametrize(
    ("text", "value"),
    [("", True), ("=true", True), ("=True", True), ("=1", True), ("=false", False), ("=FALSE", False), ("=0", False)],
)
def test_forms_of_a_bool(text: str, value: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A bool is true by its name alone, or true, false, 1 or 0 in any case."""
    assert parse([f"--enable_batching{text}"]).enable_batching is value


@pytest.mark.parametrize(
    "argument",
    ["--port=x", "--port=", "--port=1.5", "--port=1 ", "--per_process_gpu_memory_fraction=half",
     "--load_retry_interval_micros=1s"],
)  # fmt: skip
def test_values_that_cannot_be_read(argument: str) -> None:
    """A value that does not fit the flag's type is told by flag and value."""
    (text,) = parse([argument]).bad
    name, _, value = argument[2:].partition("=")
    assert text == f"Couldn't interpret value {value} for flag {name}."


@pytest.mark.parametrize("rest", ["=maybe", "=", "=yes", "true", "x", "_x=true"])
def test_bools_that_cannot_be_read(rest: str) -> None:
    """Whatever follows a bool's name is its value, even if it makes another name of it."""
    flags = parse([f"--enable_batching{rest}"])
    assert flags.bad == (f"Couldn't interpret value {rest} for flag enable_batching.",)
    assert not flags.unknown


@pytest.mark.parametrize("argument", ["--no_such=1", "stray", "-port=1", "--port", "--modelname"])
def test_unknown_arguments_are_kept(argument: str) -> None:
    """What is no flag is reported, and the rest is read all the same (behaviour item 8)."""
    flags = parse([argument, "--port=77"])
    assert flags.unknown == (argument,)
    assert flags.port == 77
    assert not flags.bad


def test_nothing_is_read_after_two_dashes() -> None:
    """Two dashes end the flags."""
    flags = parse(["--port=1", "--", "--port=2"])
    assert flags.port == 1
    assert flags.unknown == ("--", "--port=2")


def test_help_is_refused_like_a_bad_value() -> None:
    """``--help`` first prints the usage and ends."""
    assert parse(["--help"]).bad == ("--help",)


@pytest.mark.parametrize(("text", "number"), [("-3", -3), ("+4", 4), (" 5", 5), ("4294967297", 1), ("007", 7)])
def test_integers_as_scanf_reads_them(text: str, number: int) -> None:
    """Signs, leading blanks and zeros are fine; what is too large wraps."""
    assert parse([f"--port={text}"]).port == number


def test_usage_names_every_flag_with_its_default() -> None:
    """The usage text has a line per flag: name and default, type, a sentence."""
    text = usage("server")
    assert text.startswith("usage: server\nFlags:\n\t--port=8500                      \tint32\t")
    assert "\t" + '--model_name="default"'.ljust(33) + "\tstring\t" in text
    assert text.count("\n") == len(FLAGS) + 2


def test_flags_without_meaning_here_are_named() -> None:
    """A flag that is taken but not acted upon can be told to the user."""
    assert unused_flags(parse(["--enable_profiler=false", "--port=1"])) == ["enable_profiler"]


def test_an_unknown_attribute_is_an_error() -> None:
    """A misspelt flag in our own code does not pass silently."""
    with pytest.raises(AttributeError):
        _ = parse([]).prot
