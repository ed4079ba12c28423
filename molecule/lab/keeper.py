# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper of a fleet: owns its switch and machines as children, and ends with its owner.

``python -m lab.keeper STATE OWNER_PID`` starts what ``STATE/commands.json`` says, prints ``ready`` and the process of the
builder's namespace, if there is one, and waits. It ends
its children, and itself, when it gets SIGTERM, when a child fails, or when the owner is gone, however that died.
Should the keeper itself be killed, the kernel kills its children (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from . import builder

_PR_SET_PDEATHSIG = 1
# Behind the name of a machine's socket: its process, and what stands there before somebody kills it on purpose.
PID, OFF = ".pid", ".off"


def _bound_to(parent: int) -> Callable[[], None]:
    """Return what a child does before it becomes its program: it will not outlive ``parent``."""
    prctl = ctypes.CDLL(None).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # died before the line above
            os._exit(1)

    return bind


class Keeper:
    """The children, in the order of their start."""

    def __init__(self, log: Any) -> None:
        self.log = log
        self.children: list[subprocess.Popen[bytes]] = []
        self.switched_off: dict[int, pathlib.Path] = {}  # of a machine's process: what is there if somebody cut its power

    def _spawn(self, argv: list[str], **how: Any) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(argv, stderr=self.log, preexec_fn=_bound_to(os.getpid()), **how)  # noqa: PLW1509 (one thread)
        self.children.append(child)
        return child

    def start_switch(self, argv: list[str]) -> None:
        """Start the switch; on return machines can be plugged in. It ends when its input does, so it keeps a pipe."""
        switch = self._spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert switch.stdin is not None and switch.stdout is not None  # noqa: S101
        switch.stdin.write(b"showinfo\n")
        switch.stdin.flush()
        for answer in switch.stdout:
            if answer.startswith(b"1000"):
                return
        raise ChildProcessError("the switch did not start")

    def start_machine(self, argv: list[str], qmp: str, placeholder: str) -> None:
        """Start a machine whose monitor listens from the beginning: who connects waits for the machine, not for the socket."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(qmp)
            listener.listen()
            words = [word.replace(placeholder, str(listener.fileno())) for word in argv]
            machine = self._spawn(words, stdin=subprocess.DEVNULL, stdout=self.log, pass_fds=[listener.fileno()])
        pathlib.Path(qmp + PID).write_text(str(machine.pid), encoding="ascii")
        self.switched_off[machine.pid] = pathlib.Path(qmp + OFF)

    def start_builder(self, argv: list[str]) -> int:
        """Start the builder's namespace and return its first process."""
        namespace = self._spawn(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert namespace.stdout is not None  # noqa: S101
        if namespace.stdout.readline() != b"ready\n":
            raise ChildProcessError("the builder did not start")
        return builder.first_process(namespace.pid)

    def failed(self) -> list[str]:
        """Return what to say about children that failed; a machine that was switched off did not."""
        failed = [child for child in self.children if child.poll() and not self._was_cut_off(child)]
        return [f"{child.args[0]} ended with {child.returncode}" for child in failed]  # type: ignore[index,str-bytes-safe]

    def _was_cut_off(self, child: subprocess.Popen[bytes]) -> bool:
        return child.returncode == -signal.SIGKILL and child.pid in self.switched_off and self.switched_off[child.pid].exists()

    def end(self) -> None:
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()


def _wait_for_end(owner: int, keeper: Keeper, ready: Callable[[], None]) -> str:
    """Return why to end: at SIGTERM, when ``owner`` has ended, or when a child has failed."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        owner_fd = os.pidfd_open(owner)
    except ProcessLookupError:
        return f"the owner, process {owner}, is not there"
    ready()
    while True:
        if problems := keeper.failed():
            return ", ".join(problems)
        readable = select.select([reader, owner_fd], [], [])[0]
        if owner_fd in readable:
            return f"the owner, process {owner}, ended"
        if signal.SIGTERM in os.read(reader, 64):
            return "was told to end"


def main(state: pathlib.Path, owner: int) -> None:
    """Start, wait, end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the owner's business
    plan = json.loads((state / "commands.json").read_text(encoding="utf-8"))
    with open(state / "keeper.log", "ab", buffering=0) as log:
        keeper = Keeper(log)
        why = "a child could not be started"

        first = ""

        def ready() -> None:
            print(f"ready{first}", flush=True)

        try:
            if plan["switch"]:
                keeper.start_switch(plan["switch"])
            for item in plan["machines"]:
                keeper.start_machine(item["argv"], item["qmp"], plan["placeholder"])
            if plan.get("builder"):
                first = f" {keeper.start_builder(plan['builder'])}"
            why = _wait_for_end(owner, keeper, ready)
        except OSError as problem:
            why = str(problem)
        finally:
            log.write(f"keeper: {why}\n".encode())
            keeper.end()
            for folder in plan["remove"]:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
