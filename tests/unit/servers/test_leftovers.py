"""Nothing is left behind: containers of processes that ended without pytest, and whose a container is."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import docker
import pytest

from harness.servers.owners import LABEL, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model_config import ModelConfig

OWNER = """
import sys, time
import harness
from harness.model_config import ModelConfig
from harness.servers import ServerSpec, start
mounts = tuple((folder, folder) for folder in sys.argv[4:])
environment = {"PYTHONPATH": harness.__path__[0].rpartition("/")[0], "INSTEAD": sys.argv[3]}
model = ModelConfig(name="half_plus_two", base_path=sys.argv[1])
server = start(ServerSpec(models=(model,), backend="container", image=sys.argv[2], mounts=mounts,
                          environment=environment))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def owner(
    image: str, quick: str, half_plus_two: ModelConfig, host_folders: tuple[str, ...]
) -> Iterator[subprocess.Popen[str]]:
    """Another process that has started a container."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, half_plus_two.base_path, image, quick, *host_folders],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == "ready"
            yield process
        finally:
            process.kill()


def test_no_container_outlives_its_owner(owner: subprocess.Popen[str], containers: Callable[..., list[Any]]) -> None:
    """A program without pytest that is told to end (SIGTERM) removes its container before it does."""
    (container,) = containers(owner.pid)
    owner.send_signal(signal.SIGTERM)
    assert owner.wait(30) == -signal.SIGTERM
    assert containers(owner.pid) == []
    with pytest.raises(docker.errors.NotFound):
        container.reload()


def test_an_owner_is_known_by_more_than_its_number() -> None:
    """A process that reuses a number, another boot, another machine and another namespace are told apart."""
    me = Owner.of(Owner.me().labels())
    assert me == Owner.me()
    fields = {name: getattr(me, name) for name in ("pid", "start", "host", "boot", "namespace")}

    def is_gone(*, engine_is_here: bool = True, **changed: str) -> bool:
        return Owner(**{**fields, **changed}).is_surely_gone(engine_is_here=engine_is_here)

    assert not is_gone()
    assert is_gone(start="1")
    assert is_gone(start="1", engine_is_here=False)
    assert is_gone(boot="another")
    assert not is_gone(boot="another", engine_is_here=False)  # another machine of that name may use the engine, too
    assert not is_gone(start="1", host="another")
    assert not is_gone(start="1", namespace="another")
    assert not Owner.of({LABEL: "server"}).is_surely_gone(engine_is_here=True)
