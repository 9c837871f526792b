"""The zygote: a process with the stand-in imported, which forks servers on request.

Requests and answers are lines of JSON on the socket whose number is the first argument: ``{"start": [arguments],
"out": path, "err": path}`` -> ``{"pid": n}``; ``{"code": pid}`` -> ``{"code": n or null}``; ``{"kill": pid}``.
When the socket closes, the zygote kills its children and ends.

Forking is sound because nothing here has a thread, a TensorFlow session or a gRPC object yet; the number of threads
is checked.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.standin import main, process, server, tf_runtime  # noqa: F401 - for the children
from harness.standin.http import edge  # noqa: F401 - likewise


def serve(control: socket.socket) -> None:
    """Answer requests until the other side is gone."""
    codes: dict[int, int | None] = {}
    stream = control.makefile("rw", encoding="utf-8")
    for line in stream:
        answer = _answer(json.loads(line), codes, control)
        stream.write(json.dumps(answer) + "\n")
        stream.flush()
    for pid, code in codes.items():
        if code is None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _answer(request: dict[str, Any], codes: dict[int, int | None], control: socket.socket) -> dict[str, Any]:
    if "start" in request:
        pid = _fork(request, control)
        codes[pid] = None
        return {"pid": pid}
    pid = request.get("code", request.get("kill"))
    if codes[pid] is None:
        if "kill" in request:
            os.kill(pid, signal.SIGKILL)
        done, status = os.waitpid(pid, 0 if "kill" in request else os.WNOHANG)
        if done:
            codes[pid] = os.waitstatus_to_exitcode(status)
    return {"code": codes[pid]}


def _fork(request: dict[str, Any], control: socket.socket) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        control.close()
        os.setsid()
        for number, path in ((1, request["out"]), (2, request["err"])):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
            os.close(file)
        process.die_with_parent()
        code = main.main(request["start"])
    except BaseException:  # noqa: BLE001 - the last word of a process
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


if __name__ == "__main__":
    tf_runtime.c_api()
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        sys.exit(f"the zygote has {threads} threads after its imports; a fork would lose all but one")
    serve(socket.socket(fileno=int(sys.argv[1])))
