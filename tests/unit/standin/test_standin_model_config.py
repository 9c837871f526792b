"""Model lists and labels are taken or refused as the genuine server does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import text_format

from harness.protos import model_server_config_pb2
from harness.standin.model_config import (
    check_before_storing,
    check_platforms,
    read_config_file,
    resolve_labels,
    single_model_config,
)
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from pathlib import Path


def models(*texts: str) -> list[Any]:
    """ModelConfigs from text protos; a bare name stands for a proper model of that name."""
    good = 'name: "{0}" base_path: "/{0}" model_platform: "tensorflow"'
    return [
        text_format.Parse(text if ":" in text else good.format(text), model_server_config_pb2.ModelConfig())
        for text in texts
    ]


def test_a_proper_list_is_taken() -> None:
    """Distinct names, absolute paths and the known platform pass every check."""
    check_before_storing(None, models("a", "b"))
    check_before_storing(models("a"), models("a", "b"))
    check_platforms(models("a", "b"))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ([], ["a", "b", "a"], "Illegal to list model a multiple times in config list"),
        ([], ['name: "a" base_path: "x/y"'], "Expected model a to have an absolute path or URI; got base_path()=x/y"),
        ([], ['name: "a" base_path: "x/://z"'], "Expected model a to have an absolute path or URI; got base_path()=x/://z"),
        ([], ['name: "a"'], "Expected model a to have an absolute path or URI; got base_path()="),
        (
            ["a"],
            ['name: "a" base_path: "/a" model_platform: "caffe"'],
            (
                "Illegal to change a model's platform. For model a platform was tensorflow and new platform requested "
                "is caffe"
            ),
        ),
        (
            ["a"],
            ['name: "a" base_path: "/a"'],
            (
                "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
                "ModelServerConfig::model_platform, model name is a"
            ),
        ),
        (
            ['name: "a" base_path: "/a" model_platform: "tensorflow" model_type: TENSORFLOW'],
            ["a"],
            (
                "Illegal setting both ModelServerConfig::model_type (deprecated) and "
                "ModelServerConfig::model_platform, model name is a"
            ),
        ),
    ],
)  # fmt: skip
def test_lists_refused_before_they_are_stored(old: list[str], new: list[str], text: str) -> None:
    """Names, paths and platforms are checked in the genuine order, with the genuine texts."""
    with pytest.raises(StatusError) as caught:
        check_before_storing(models(*old), models(*new))
    assert caught.value.message == text
    assert caught.value.code == "INVALID_ARGUMENT"


def test_an_unknown_platform_is_refused_after_storing() -> None:
    """A platform nobody has is found when the list is carried out (behaviour item 104)."""
    unknown = models('name: "b" base_path: "/b" model_platform: "caffe"')
    check_before_storing(models("a"), unknown)
    with pytest.raises(StatusError, match="Model b requests unsupported platform caffe"):
        check_platforms(unknown)


def test_other_model_types_are_refused() -> None:
    """Of the deprecated types only TENSORFLOW is a platform."""
    with pytest.raises(StatusError) as caught:
        check_platforms(models('name: "a" base_path: "/a" model_type: OTHER'))
    assert caught.value.message == "ModelServerConfig::model_type choice 2 not supported."


def test_the_deprecated_model_type_stands_for_its_platform() -> None:
    """``model_type: TENSORFLOW`` is the platform tensorflow."""
    check_platforms(models('name: "a" base_path: "/a" model_type: TENSORFLOW'))


LABELLED = 'name: "a" base_path: "/a" model_platform: "tensorflow" version_labels { key: "now" value: 2 }'


def test_labels_of_available_versions() -> None:
    """Labels on versions that can be served replace those before."""
    labels = resolve_labels(models(LABELLED), available={"a": {2}}, current={"a": {"old": 1}}, allow_unavailable=False)
    assert labels == {"a": {"now": 2}}


@pytest.mark.parametrize(
    ("current", "allow", "taken"),
    [({}, False, False), ({}, True, True), ({"a": {"now": 1}}, True, False), ({"a": {"now": 2}}, True, True)],
)
def test_labels_of_unavailable_versions(current: dict[str, dict[str, int]], allow: bool, taken: bool) -> None:  # noqa: FBT001
    """They need leave, and then only new labels get it (behaviour items 107 and 108)."""
    if taken:
        resolve_labels(models(LABELLED), available={}, current=current, allow_unavailable=allow)
        return
    with pytest.raises(StatusError) as caught:
        resolve_labels(models(LABELLED), available={}, current=current, allow_unavailable=allow)
    assert caught.value.code == "FAILED_PRECONDITION"
    assert "Request to assign label to version 2 of model a" in caught.value.message


def test_a_config_file_is_read(tmp_path: Path) -> None:
    """A text proto, comments and all, is read."""
    file = tmp_path / "models.config"
    file.write_text('# models\nmodel_config_list { config { name: "a" } }', encoding="utf-8")
    assert read_config_file(str(file)).model_config_list.config[0].name == "a"


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, "NOT_FOUND", "{file}; No such file or directory"),
        ("", "INVALID_ARGUMENT", "{file}; Invalid argument"),
        ("no config", "INVALID_ARGUMENT", "Invalid protobuf file: '{file}'"),
        ('{"model_config_list": {}}', "INVALID_ARGUMENT", "Invalid protobuf file: '{file}'"),
    ],
)
def test_config_files_that_cannot_be_read(tmp_path: Path, content: str | None, code: str, text: str) -> None:
    """Missing, empty and broken files have the genuine texts (behaviour item 11)."""
    file = tmp_path / "models.config"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(StatusError) as caught:
        read_config_file(str(file))
    assert (caught.value.code, caught.value.message) == (code, text.format(file=file))


def test_the_flags_stand_for_a_list_of_one() -> None:
    """``--model_name`` and ``--model_base_path`` make a list with one model."""
    (model,) = single_model_config("m", "/models/m").model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("m", "/models/m", "tensorflow")
