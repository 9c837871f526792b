"""Model configs, as protos and as the text that servers read."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format

from harness.errors import UsageError
from harness.model_config import ModelConfig, to_proto, to_text
from harness.protos import model_server_config_pb2


def _one(model: ModelConfig) -> Any:
    (config,) = to_proto([model]).model_config_list.config
    return config


def test_a_plain_model_is_served_at_its_latest_version() -> None:
    """Name, base path and platform are written, with the policy latest 1."""
    config = _one(ModelConfig(name="m", base_path="/models/m"))
    assert (config.name, config.base_path, config.model_platform) == ("m", "/models/m", "tensorflow")
    assert config.model_version_policy.latest.num_versions == 1
    assert not config.version_labels


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ({"num_versions": 3}, "latest { num_versions: 3 }"),
        ({"policy": "all"}, "all { }"),
        ({"policy": "specific", "versions": (1, 7)}, "specific { versions: 1 versions: 7 }"),
    ],
)
def test_each_policy_is_written(options: dict[str, Any], choice: str) -> None:
    """The policies are those of the server's config."""
    policy = _one(ModelConfig(name="m", base_path="/m", **options)).model_version_policy
    assert text_format.MessageToString(policy, as_one_line=True) == choice.replace("{ }", "{\n}").replace("{\n}", "{ }")


def test_labels_are_written() -> None:
    """Labels point at versions; several may point at one."""
    config = _one(ModelConfig(name="m", base_path="/m", labels={"stable": 1, "canary": 2, "old": 1}))
    assert dict(config.version_labels) == {"stable": 1, "canary": 2, "old": 1}


def test_the_text_is_read_back() -> None:
    """The text is the text proto of the same config, also with quotes and other scripts in names."""
    models = [
        ModelConfig(name='a"b\\é', base_path="/a b", labels={"x": 1}),
        ModelConfig(name="c", base_path="s3://bucket/c", policy="all"),
    ]
    read = text_format.Parse(to_text(models), model_server_config_pb2.ModelServerConfig())
    assert read == to_proto(models)


def test_an_empty_list_is_a_config() -> None:
    """A config without models is set, not absent: it unloads every model (behaviour item 96)."""
    assert to_proto([]).WhichOneof("config") == "model_config_list"
    assert text_format.Parse(to_text([]), model_server_config_pb2.ModelServerConfig()) == to_proto([])


def test_a_name_twice_is_refused() -> None:
    """Two models of one name are refused as the server would (behaviour item 101)."""
    model = ModelConfig(name="m", base_path="/m")
    with pytest.raises(UsageError, match="model 'm' is configured twice"):
        to_proto([model, model])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"policy": "newest"}, "'newest' is no version policy; give latest, all, specific"),
        ({"policy": "specific"}, "give versions with policy 'specific'"),
        ({"versions": (1,)}, "give versions with policy 'specific', and only with it"),
        ({"policy": "all", "versions": (1,)}, "only with it"),
        ({"num_versions": 0}, "must be at least 1"),
        ({"policy": "all", "num_versions": 2}, "num_versions=2 means nothing with policy 'all'"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(options: dict[str, Any], text: str) -> None:
    """What the policy would not look at is an error, not a silent other meaning."""
    with pytest.raises(UsageError, match=text):
        ModelConfig(name="m", base_path="/m", **options)
