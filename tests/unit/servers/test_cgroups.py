"""Figures of control groups, read from folders as the kernel lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.servers.cgroups import group_of

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    1: {
        "proc/7/cgroup": "5:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n",
        "sys/fs/cgroup/cpuacct/docker/abc/cpuacct.usage": "2500000\n",
        "sys/fs/cgroup/memory/docker/abc/memory.max_usage_in_bytes": "4096\n",
        "sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": "3000\n",
        "sys/fs/cgroup/memory/docker/abc/memory.stat": "inactive_file 1\ntotal_inactive_file 1000\n",
    },
    2: {
        "proc/7/cgroup": "0::/system.slice/docker-abc.scope\n",
        "sys/fs/cgroup/system.slice/docker-abc.scope/cpu.stat": "nr 1\nusage_usec 2500\nuser_usec 1\n",
        "sys/fs/cgroup/system.slice/docker-abc.scope/memory.peak": "4096\n",
        "sys/fs/cgroup/system.slice/docker-abc.scope/memory.current": "3000\n",
        "sys/fs/cgroup/system.slice/docker-abc.scope/memory.stat": "file 7\ninactive_file 1000\n",
    },
}


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the files of one version."""
    for name, text in FILES[request.param].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("root", [1, 2], indirect=True)
def test_figures_are_read_from_both_versions(root: Path) -> None:
    """CPU time comes in microseconds, memory in bytes, whichever version of control groups there is.

    Memory in use leaves out the files' pages that the kernel could drop.
    """
    group = group_of(7, "abc", root=root)
    assert group is not None
    assert group.cpu_time_us() == 2500
    assert group.peak_memory_bytes() == 4096
    assert group.memory_bytes() == 2000


@pytest.mark.parametrize("root", [1, 2], indirect=True)
def test_another_process_of_that_number_is_not_taken(root: Path) -> None:
    """A group whose path does not name the container is somebody else's."""
    assert group_of(7, "another", root=root) is None
    assert group_of(8, "abc", root=root) is None


@pytest.mark.parametrize("root", [2], indirect=True)
def test_an_older_kernel_keeps_no_peak(root: Path) -> None:
    """Without memory.peak the peak is unknown, and not zero."""
    (root / "sys/fs/cgroup/system.slice/docker-abc.scope/memory.peak").unlink()
    group = group_of(7, "abc", root=root)
    assert group is not None
    assert group.peak_memory_bytes() is None
