# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One upgrade of many pretended hosts, and what it takes: ``scale_run.py [short | HOSTS [WAVE_SIZE]]``. How to read it: docs/benchmarks.md.

The hosts are pretended (pretended_host.py). The controller is not: it runs the playbook rolling_upgrade as users do, over ssh, with real
modules, leases, ledgers, gates and looks; and, for comparison, a playbook with one ping on the same inventory. A count that is above its
bound fails the run; a duration never does.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Iterator

import paramiko
from scale_figures import Command, Cost, objections, page, summary

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
OUT = ROOT / "build/scale"
FROM, TO, USER = "1.0.0", "1.1.0", "operator"
SERVERS = 2
SAMPLE_S = 2.0
# What README.md says of large fleets. The timeout is for a machine that is all of the hosts, too.
ADVICE = {
    "ANSIBLE_FORKS": "25",
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=15m",
    "ANSIBLE_SSH_RETRIES": "3",
    "ANSIBLE_TIMEOUT": "120",
}
BARE = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.ping:\n"
LOCK_HOSTS = 5


class ScaleError(Exception):
    """The run is not what was to be measured; the text says why."""


@dataclass(frozen=True)
class Plan:
    """How large the run is.

    There is no witness: it watches up to 64 peers of each host that swaps, and here all of them are one machine.
    """

    hosts: int = 500
    wave_size: int = 25

    def variables(self, hosts: list[str], report: Path) -> dict[str, Any]:
        """Return the variables of the run."""
        return {
            "twostep_family": "remap",
            "twostep_version": TO,
            "twostep_canary": 1,
            "twostep_wave_size": self.wave_size,
            "twostep_health_sources": ["md"],
            "twostep_lock_hosts": hosts[:LOCK_HOSTS],
            # One machine that answers for all hosts is slower than they are.
            "twostep_health_shelf_life_s": 600,
            # It reads and writes a real device, which no pretended kernel has.
            "twostep_rehearse": False,
            "twostep_witness": "off",
            "twostep_report_dir": str(report),
        }


SHORT = Plan(6, 3)


class PretendedFleet:
    """Pretended hosts, served for as long as the ``with`` block lasts."""

    def __init__(self, folder: Path, out: Path, number: int) -> None:
        self._folder = folder
        self._out = out
        self._number = number
        self._servers: list[subprocess.Popen[str]] = []
        self.hosts: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> PretendedFleet:
        for name in ("host_key", "client_key"):
            paramiko.RSAKey.generate(2048).write_private_key_file(str(self._folder / name))
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        each = -(-self._number // SERVERS)
        paths = os.pathsep.join(map(str, (ROOT / ".ansible/collections", HERE)))
        for first in range(0, self._number, each):
            words = [str(self._folder), str(self._out), str(first), str(min(first + each, self._number))]
            command = [sys.executable, str(HERE / "pretended_host.py"), *words]
            environment = {**os.environ, "PYTHONPATH": paths}
            self._servers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment))
        for server in self._servers:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                self.__exit__()
                raise ScaleError("A server of pretended hosts has ended; what it said is above.")
            self.hosts.update(json.loads(line))
        return self

    def __exit__(self, *_exception: object) -> None:
        for server in self._servers:
            if server.stdin:
                server.stdin.close()
        for server in self._servers:
            server.wait()
            if server.stdout:
                server.stdout.close()

    def write_inventory(self) -> Path:
        """Write an inventory by which the hosts are reached over ssh, and return its path."""
        key = paramiko.RSAKey.from_private_key_file(str(self._folder / "host_key"))
        (self._folder / "known_hosts").write_text(f"pretended {key.get_name()} {key.get_base64()}\n")
        known = f"-o HostKeyAlias=pretended -o UserKnownHostsFile={self._folder}/known_hosts -o GlobalKnownHostsFile=/dev/null"
        common = {
            "ansible_host": "127.0.0.1",
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self._folder / "client_key"),
            "ansible_ssh_common_args": f"-F none -o IdentitiesOnly=yes {known}",
            "ansible_ssh_transfer_method": "piped",
        }
        hosts = {name: {"ansible_port": one["port"], "ansible_python_interpreter": one["python"]} for name, one in self.hosts.items()}
        path = self._folder / "inventory.json"
        path.write_text(json.dumps({"twostep": {"hosts": hosts, "vars": common}}))
        return path

    def commands(self) -> list[Command]:
        """Return what came over ssh so far, in the order of its end."""
        lines = [line for path in self._out.glob("commands-*.jsonl") for line in path.read_text().splitlines()]
        return sorted((Command(**json.loads(line)) for line in lines), key=lambda command: command.ended)

    def check(self) -> None:
        """Look at the hosts themselves: each serves the new version, and its ledger has the commit."""
        for name in self.hosts:
            root = self._folder / "hosts" / name
            version = (root / "sys/kernel/twostep/slots/data/version").read_text().strip()
            ledger = [json.loads(line) for line in (root / "var/lib/twostep/ledger.jsonl").read_text().splitlines()]
            boot = json.loads((root / "etc/twostep/slots.d/data.json").read_text())["version"]
            ended = {line["phase"] for line in ledger if line["event"] == "end"}
            if (version, boot) != (TO, TO) or not {"preload", "swap", "verify", "commit"} <= ended:
                raise ScaleError(f"{name} serves {version}, boots {boot}, and its ledger ends {sorted(ended)}.")


def _tree(pid: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    waiting = [pid]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += children.get(found, [])


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def run(command: list[str], folder: Path, log: Path) -> Cost:
    """Run a command of Ansible's to its end, and return what it took. The programs ssh that it starts are part of it, the hosts are not."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / log.stem),  # no connection is there before the run
        "ANSIBLE_NOCOLOR": "1",
        **ADVICE,
    }
    environment.pop("ANSIBLE_CONFIG", None)
    began, peak = time.monotonic(), 0
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
        is_over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not is_over.wait(SAMPLE_S):
                peak = max(peak, sum(map(_pss_kib, _tree(process.pid))))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        _pid, status, usage = os.wait4(process.pid, 0)
        is_over.set()
        watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ScaleError(f"{' '.join(command)} ended with {process.returncode}. Read {log}.")
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss) * 1024)


def measure(plan: Plan, out: Path) -> dict[str, Any]:
    """Upgrade a fleet of pretended hosts, and return what it took beside the bare playbook."""
    if os.geteuid() != 0:
        raise ScaleError("The modules want root, also on pretended hosts. Run as root.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    # Paths of sockets must be short.
    with tempfile.TemporaryDirectory(prefix="twostep-scale-") as name, PretendedFleet(Path(name), out, plan.hosts) as fleet:
        folder, inventory = Path(name), str(fleet.write_inventory())
        (folder / "bare.yml").write_text(BARE)
        bare = run([ansible, "-i", inventory, "bare.yml"], folder, out / "bare.log")
        before = len(fleet.commands())
        variables = json.dumps(plan.variables(list(fleet.hosts), out))
        upgrade = run([ansible, "-i", inventory, "twostep.hotswap.rolling_upgrade", "-e", variables], folder, out / "upgrade.log")
        fleet.check()
        commands = fleet.commands()[before:]
    report = json.loads((out / "report.json").read_text())
    figures = summary(list(fleet.hosts), commands, (out / "upgrade.log").read_text(), report)
    if (report["result"], figures["upgraded"]) != ("succeeded", plan.hosts):
        raise ScaleError(f"The report says {report['result']}, and {figures['upgraded']} of {plan.hosts} hosts upgraded.")
    sizes = {path.name: path.stat().st_size for path in (out / "report.json", out / "report.html")}
    made = {"schema": 1, "plan": asdict(plan), "ansible": ADVICE, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "files": sizes}
    made.update(bare=asdict(bare), upgrade=asdict(upgrade), figures=figures)
    (out / "scale.json").write_text(json.dumps(made, indent=2) + "\n")
    return made


def main(arguments: list[str]) -> int:
    plan = SHORT if arguments == ["short"] else Plan(*map(int, arguments))
    try:
        made = measure(plan, OUT)
    except ScaleError as error:
        print(f"scale: {error}", file=sys.stderr)
        return 1
    wrong = objections(made["figures"])
    print("\n".join([page(made), "", *(f"scale: {line}" for line in wrong)]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
