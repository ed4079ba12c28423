# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pretended hosts: ``pretended_host.py FOLDER OUT FIRST LAST`` makes some of them below a folder and serves them until its input ends.

Each has a parent tree with one slot, DKMS, systemd, an array that is well, and an ssh server of its own, which is real. It runs the real
modules, agents and ledger (see pretended_python/sitecustomize.py); the kernel, and the programs that would change it, are pretended. What
comes over ssh is counted, one line of JSON each in ``OUT/commands-FIRST.jsonl``. The keys of ssh are in FOLDER.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import paramiko

from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_double import ARCH, DkmsDouble
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import LINKED, RELEASE, FakeParent, modinfo_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.plugin_utils.ssh_server import GONE, Server

HERE = Path(__file__).resolve().parent
FROM = "1.0.0"
SLOT = "data"
PYTHON = "/usr/bin/python3"
WRAPPER = """\
#!/bin/sh
export PRETENDED_NAME={name} PRETENDED_ROOT={root} PRETENDED_KERNEL={kernel} PRETENDED_RELEASE={release} PYTHONPATH={seams}
exec {python} "$@"
"""
BOOT = {"schema": 1, "slot": SLOT, "family": "remap", "params": "lower=/dev/vdb", "version": FROM}
ARRAY = {"level": "raid1", "array_state": "active", "degraded": "0", "raid_disks": "2", "sync_action": "idle"}
# What a command is: Ansible sends a module by standard input, a session a zipapp whose package is named after its program.
_MODULE = re.compile(rb"module_fqn='[\w.]+\.(\w+)'")
_PROGRAM = re.compile(rb"twostep_(\w+)/__init__\.py")
_LOG_RECORD = "6,1,1,-;Linux version pretended"


def name_of(number: int) -> str:
    return f"pretended{number:04d}"


class PretendedDkms(DkmsDouble):
    """A DKMS whose builds are modules of the pretended kernel."""

    def build(self, package: str, version: str, kernel: str) -> Result:
        result = super().build(package, version, kernel)
        for path in (self.tree(package, version) / kernel / ARCH / "module").glob("twostep_remap_*.ko"):
            path.write_bytes(module_bytes(tuple(modinfo_of(version).items()), **LINKED))
        return result


class PretendedKernel(FakeParent):
    """The parent tree of one host, and a systemd that runs agents as real processes."""

    def __init__(self, root: Path, python: str) -> None:
        super().__init__(root)
        self._python = python
        self._dkms = PretendedDkms(root)
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        self._make()

    def _make(self) -> None:
        for package, module, place in (("twostep", "twostep", self.put_parent()), ("twostep-remap", "", self.install(FROM))):
            source = self.root / f"usr/src/{package}-{FROM}"
            self.put(source / "dkms.conf", f'PACKAGE_NAME="{package}"\nBUILT_MODULE_NAME[0]="{module or place.stem}"')
            self._dkms.add(package, FROM, "")
            built = self._dkms.tree(package, FROM) / RELEASE / ARCH
            (built / "module").mkdir(parents=True)
            (built / "module" / place.name).write_bytes(place.read_bytes())
            self.put(built / "Module.symvers", "0x33333333\ttwostep_register_child\ttwostep\tEXPORT_SYMBOL")
            self._dkms.link(package, RELEASE).symlink_to(f"{FROM}/{RELEASE}/{ARCH}")
        self.add_slot(SLOT, FROM)
        self.put(self.root / f"sys/kernel/twostep/slots/{SLOT}/health", "ok")
        self.put(self.root / f"etc/twostep/slots.d/{SLOT}.json", json.dumps(BOOT))
        self.put(self.root / "etc/os-release", "ID=debian")
        self.put(self.root / "proc/diskstats", "254 0 vda 1 0 8 1 1 0 8 1 0 1 1 0 0 0 0 0 0")
        self.put(self.root / "dev/kmsg", _LOG_RECORD)
        (self.root / f"lib/modules/{RELEASE}/build/include").mkdir(parents=True, exist_ok=True)
        for name, value in ARRAY.items():
            self.put(self.root / f"sys/block/md0/md/{name}", value)
        for member in ("rd0", "rd1"):
            self.put(self.root / f"sys/block/md0/md/{member}/state", "in_sync")

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        program = argv[0]
        if program in ("dkms", "depmod") or argv[1:] == ["-dumpversion"]:
            return self._dkms(argv)
        if program == "systemd-run":
            unit = next(word for word in argv if word.startswith("--unit=")).partition("=")[2]
            command = argv[argv.index("-I") + 1 :]  # isolated, it would be on the real host
            self._agents[unit] = subprocess.Popen([self._python, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            return Result(0, "", "")
        if program == "systemctl":
            agent = self._agents.get(argv[-1])
            return Result(0, "active\n" if agent and agent.poll() is None else "inactive\n", "")
        return super().run(argv, timeout_s, stdin)

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answer what a process of the host wants of its kernel or of a program."""
        if "argv" in question:
            result = self.run(question["argv"])
            return {"rc": result.rc, "stdout": result.stdout, "stderr": result.stderr}
        try:
            self.write(question["path"], question["text"])
        except OSError as error:
            return {"errno": error.errno}
        return {"errno": 0}


class Log:
    """What came over ssh, one line each."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", buffering=1)
        self._lock = threading.Lock()

    def add(self, **entry: object) -> None:
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")


class PretendedHost(Server):
    """A host with an ssh server of its own."""

    def __init__(self, name: str, folder: Path, kernel_socket: Path, log: Log, host_key: paramiko.PKey, client_key: paramiko.PKey) -> None:
        root = folder / "hosts" / name
        root.mkdir(parents=True)
        self.name = name
        self.python = root / "python"
        words = {"name": name, "root": root, "kernel": kernel_socket, "release": RELEASE, "seams": HERE / "pretended_python"}
        self.python.write_text(WRAPPER.format(python=PYTHON, **words))
        self.python.chmod(0o755)
        self.kernel = PretendedKernel(root, str(self.python))
        self._log = log
        super().__init__(host_key, client_key)

    def execute(self, channel: paramiko.Channel, line: str) -> None:
        began, sent, said = time.time(), bytearray(), 0
        process: Any  # whose streams are there
        with subprocess.Popen(shlex.split(line), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:

            def feed() -> None:
                with contextlib.suppress(BrokenPipeError), process.stdin as there:
                    while data := channel.recv(65536):
                        sent.extend(data)
                        there.write(data)
                        there.flush()

            self.begin(feed)
            try:
                while data := process.stdout.read1(65536):
                    said += len(data)
                    channel.sendall(data)
                complaint = process.stderr.read()
                channel.sendall_stderr(complaint)
            except GONE:  # whoever asked has left, as a witness does
                complaint = b""
        self._log.add(
            host=self.name,
            what=_what(line, bytes(sent)),
            began=began,
            ended=time.time(),
            sent=len(sent),
            said=said + len(complaint),
            rc=process.returncode,
        )
        with contextlib.suppress(*GONE):
            channel.send_exit_status(process.returncode)
            channel.close()


def _what(line: str, sent: bytes) -> str:
    found = _PROGRAM.search(sent) or _MODULE.search(sent)
    if found:
        return next(word for word in found.groups() if word).decode()
    # What a module comes with: a folder for it, files, and the end of both.
    return "files, by the shell"


def serve_kernels(path: Path, kernels: dict[str, PretendedKernel]) -> None:
    """Answer for all kernels over one socket, for ever."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)

    def answer(connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            question = json.loads(stream.readline())
            stream.write(json.dumps(kernels[question["host"]].answer(question)).encode() + b"\n")

    def listen() -> None:
        while True:
            connection, _address = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()


def main(arguments: list[str]) -> int:
    folder, out, first, last = Path(arguments[0]), Path(arguments[1]), int(arguments[2]), int(arguments[3])
    logging.getLogger("paramiko").addHandler(logging.NullHandler())  # it tells of each one who leaves
    keys = [paramiko.RSAKey.from_private_key_file(str(folder / name)) for name in ("host_key", "client_key")]
    log = Log(out / f"commands-{first}.jsonl")
    kernels: dict[str, PretendedKernel] = {}
    kernel_socket = folder / f"kernel-{first}"
    serve_kernels(kernel_socket, kernels)
    hosts = [PretendedHost(name_of(number), folder, kernel_socket, log, *keys) for number in range(first, last)]
    kernels.update({host.name: host.kernel for host in hosts})
    told = {host.name: {"port": host.port, "python": str(host.python)} for host in hosts}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
