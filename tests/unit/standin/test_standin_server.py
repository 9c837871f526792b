"""What the command line says is read as the genuine server reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.standin.core import CoreOptions
from harness.standin.flags import parse
from harness.standin.loading import make_loader
from harness.standin.monitoring import Metrics
from harness.standin.server import channel_arguments, rest_port, rest_timeout_s
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("text", "seconds"), [("250", 0.25), ("0", None), ("-1", None)])
def test_only_a_positive_timeout_limits_runs(text: str, seconds: float | None) -> None:
    """RunOptions takes 0 and less for no limit."""
    assert rest_timeout_s(parse([f"--rest_api_timeout_in_ms={text}"])) == seconds


@pytest.mark.parametrize(("text", "port"), [("8501", 8501), ("70000", 4464), ("-1", 65535)])
def test_a_rest_port_out_of_range_wraps_around(text: str, port: int) -> None:
    """Sixteen bits of the number are kept."""
    assert rest_port(parse([f"--rest_api_port={text}"])) == port


def test_channel_arguments_are_32_bit_integers_or_texts() -> None:
    """What is no 32-bit integer stays as it is written, up to a second equals sign."""
    assert channel_arguments("a=1,b=-2, c= +3 ,,d=2147483648,e=x=y,f=\u00b2,g=") == (
        ("a", 1),
        ("b", -2),
        (" c", 3),
        ("d", "2147483648"),
        ("e", "x"),
        ("f", "\u00b2"),
        ("g", ""),
    )


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        ([], ("serve",)),
        (["--saved_model_tags=serve,gpu"], ("serve", "gpu")),
        (["--saved_model_tags="], ("serve",)),
    ],
)
def test_tags_are_separated_by_commas(arguments: list[str], tags: tuple[str, ...]) -> None:
    """An empty list of tags is the tag of serving."""
    assert make_loader(parse(arguments), CoreOptions(), Metrics()).tags == tags


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "NOT_FOUND: {}; No such file or directory"),
        ("", "INVALID_ARGUMENT: {}; Invalid argument"),
        ("garbage", "INVALID_ARGUMENT: Invalid protobuf file: '{}'"),
    ],
)
def test_a_platform_file_must_be_readable(tmp_path: Path, text: str | None, message: str) -> None:
    """A --platform_config_file that could not be read ends the start, though its contents have no use here."""
    file = tmp_path / "platforms.txt"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(StatusError) as caught:
        make_loader(parse([f"--platform_config_file={file}"]), CoreOptions(), Metrics())
    assert str(caught.value) == message.format(file)


@pytest.mark.parametrize("adapter", ['type_url: "a"', "[type.googleapis.com/tensorflow.serving.Unknown] { x: 1 }"])
def test_a_platform_file_is_taken_in_either_form(tmp_path: Path, adapter: str) -> None:
    """An Any may be packed or written out."""
    file = tmp_path / "platforms.txt"
    file.write_text(
        f'platform_configs {{ key: "tensorflow" value {{ source_adapter_config {{ {adapter} }} }} }}', encoding="utf-8"
    )
    make_loader(parse([f"--platform_config_file={file}"]), CoreOptions(), Metrics())
