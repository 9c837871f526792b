"""How models get into a container, and the options that say so."""

from __future__ import annotations

import os
import socket
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from harness.clients import GrpcClient
from harness.errors import UsageError
from harness.servers import start
from harness.servers.container_options import ContainerOptions, parse_environment
from harness.servers.transfer import archive_of, engine_sees_our_files, is_among_ours, transfer_mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.usefixtures("remote_engine")
def test_an_engine_over_tcp_gets_copies(
    in_container: Callable[..., Any], quick: str, containers: Callable[..., list[Any]]
) -> None:
    """Over DOCKER_HOST=tcp://... the models are copied in without being asked for, and the server answers."""
    with start(in_container(instead=quick)) as server, GrpcClient(server.endpoint) as client:
        assert [status.version for status in client.model_status()] == [3]
        (found,) = [one for one in containers() if one.name == server.engine.name]  # type: ignore[attr-defined]
        assert not [mount for mount in found.attrs["Mounts"] if mount["Destination"].startswith("/models")]
    assert found.id not in [one.id for one in containers()]


def test_only_a_socket_of_this_machine_sees_our_files(tmp_path: Path) -> None:
    """A listener among our processes sees our files; TCP, SSH and peers of other namespaces may not."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert engine_sees_our_files(f"unix://{tmp_path}/s")
    assert not engine_sees_our_files("tcp://127.0.0.1:2375")
    assert not engine_sees_our_files("ssh://there")
    assert is_among_ours(os.getpid())
    assert not is_among_ours(0)
    (tmp_path / "proc/9").mkdir(parents=True)
    (tmp_path / "proc/9/status").write_text("Name:\tdockerd\nNSpid:\t9\t1\n")
    assert not is_among_ours(9, root=tmp_path)


@pytest.mark.parametrize("asked", ["mount", "copy"])
def test_what_is_asked_for_holds(asked: str) -> None:
    """Only auto looks at the engine's address."""
    assert transfer_mode(asked, "tcp://there:1") == asked
    assert transfer_mode("auto", "tcp://there:1") == "copy"


def test_archives_follow_links_and_can_be_read_by_all(tmp_path: Path) -> None:
    """A linked version goes along as what it links to, owned by root and readable by everyone."""
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    (real / "saved_model.pb").write_bytes(b"graph")
    (real / "saved_model.pb").chmod(0o600)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "1").symlink_to(real)
    with archive_of([(str(tmp_path / "base"), "/models/m")]) as file, tarfile.open(fileobj=file) as tar:
        found = {info.name: info for info in tar}
        assert found["models/m/1/saved_model.pb"].isreg()
        assert all(info.uid == info.gid == 0 and info.mode & 0o444 == 0o444 for info in found.values())


def test_options_become_the_engines_arguments() -> None:
    """Limits, GPUs, network and platform are what docker run calls them."""
    options = ContainerOptions(
        gpus="2", cpu_set="0-1", memory="1g", network="n", network_alias="tf", platform="linux/amd64"
    )
    arguments = options.engine_arguments()
    assert arguments["device_requests"] == [
        {"Driver": "", "Count": 2, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
    ]
    assert (arguments["cpuset_cpus"], arguments["mem_limit"], arguments["memswap_limit"]) == ("0-1", "1g", "1g")
    assert arguments["networking_config"]["n"]["Aliases"] == ["tf"]
    assert ContainerOptions(gpus="all").engine_arguments()["device_requests"][0]["Count"] == -1
    assert ContainerOptions(gpus="a,b").engine_arguments()["device_requests"][0]["DeviceIDs"] == ["a", "b"]
    assert ContainerOptions().engine_arguments() == {}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"model_transfer": "link"}, "there are auto, mount, copy"),
        ({"memory": "much"}, "give e.g. 512m"),
        ({"cpu_set": "all"}, "give e.g. 0-3"),
        ({"network_alias": "tf"}, "needs the network"),
    ],
)
def test_unfit_options_are_refused(fields: dict[str, str], text: str) -> None:
    """What no engine would take is refused before anything starts, with an example."""
    with pytest.raises(UsageError, match=text):
        ContainerOptions(**fields)


def test_environment_variables_are_read() -> None:
    """NAME=VALUE, and the value may hold an equals sign; anything else is refused."""
    assert parse_environment(["A=1", "B=x=y", "C="], "--e") == {"A": "1", "B": "x=y", "C": ""}
    with pytest.raises(UsageError, match="NAME=VALUE"):
        parse_environment(["A"], "--e")
