"""The flags a server is started with: those that let it show metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model_config import ModelConfig
from harness.servers.command import metrics_flags
from harness.servers.container_models import ModelLayout

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_turns_metrics_on(tmp_path: Path) -> None:
    """The flag names a monitoring config that was written there."""
    (flag,) = metrics_flags(("--enable_batching",), tmp_path)
    name, _, path = flag.partition("=")
    assert name == "--monitoring_config_file"
    assert (tmp_path / "monitoring.config").samefile(path)
    assert "enable: true" in (tmp_path / "monitoring.config").read_text()


def test_the_users_own_monitoring_config_stays(tmp_path: Path) -> None:
    """With the user's flag, whatever it says, nothing is added and nothing written."""
    assert metrics_flags(("--monitoring_config_file=/mine",), tmp_path) == ()
    assert not list(tmp_path.iterdir())


def test_a_container_gets_the_file_beside_its_model_config(tmp_path: Path) -> None:
    """A plain model needs no folder without metrics; with them it gets one, and the flag has the path inside."""
    (tmp_path / "m").mkdir()
    (tmp_path / "d").mkdir()
    models = [ModelConfig(name="m", base_path=str(tmp_path / "m"))]
    assert not ModelLayout(models=models).needs_files
    layout = ModelLayout(models=models, shows_metrics=True)
    assert layout.needs_files
    assert layout.flags(tmp_path / "d")[-1] == "--monitoring_config_file=/tfserving-harness/monitoring.config"
    assert (str(tmp_path / "d"), "/tfserving-harness") in layout.folders(tmp_path / "d")
    assert not any("monitoring" in flag for flag in layout.flags(tmp_path / "d", given=["--monitoring_config_file=/x"]))
