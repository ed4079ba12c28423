# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of pretended hosts for real runs of our playbooks: roles and action plugins are ours, what modules do on a host is pretended.

A copy of the collection has `PRETENDED` for every module that acts on a host. A host is a JSON file with what its slot serves, and with the
troubles it shall have; each call of a module is a line of `log`. A host that is `down` breaks its connection.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("swap", "slot_info", "compat_info", "health_info", "evidence_info", "dkms", "rehearse", "lease", "rejection")
PRETENDED = r'''#!/usr/bin/python
# WANT_JSON: the arguments come in a file.
import json, os, sys, time

FOLDER, NAME, ACT = os.environ["PRETENDED_FOLDER"], os.environ["PRETENDED_HOST"], "@ACT@"
PATH = os.path.join(FOLDER, NAME + ".json")
LOOK = json.loads("""@LOOK@""")


def note(text):
    with open(os.path.join(FOLDER, "log"), "a") as stream:
        stream.write(NAME + " " + text + "\n")


def keep(host):
    with open(PATH + ".new", "w") as stream:
        json.dump(host, stream)
    os.replace(PATH + ".new", PATH)


def slot_of(host):
    return {"slot": "data", "family": "remap", "state": "serving", "version": host["version"], "parked": host["parked"],
            "generation": host["generation"], "drift": []}


def swap(host, p):
    if p.get("epoch") is not None and p["epoch"] < host.get("epoch", 0):
        return {"failed": True, "code": "fenced", "msg": "Another run has taken over. Next: Nothing."}
    told = {"slot": "data", "from": host["version"], "to": p["version"], "generation_before": host["generation"], "mode": "handover",
            "verdict": "hot", "reasons": [], "changed": True, "hold_ms": 1.5, "held_requests": 2, "phases": []}
    if host["version"] == p["version"]:
        told["outcome"] = "committed" if host["parked"] else "already"
        if p["commit"] and host.get("fail_commit"):
            return dict(told, failed=True, code="write_failed", outcome="failed", msg="The disk is full. Next: Make room.")
        if p["commit"]:
            host["parked"] = None
            note("commit " + p["version"])
        keep(host)
        return dict(told, generation_after=host["generation"])
    if p["version"] in host.get("fail", {}):
        outcome, code = host["fail"][p["version"]]
        note("fail " + p["version"])
        if outcome == "down":
            host["down"] = True
            keep(host)
        return dict(told, failed=True, outcome=outcome, code=code, msg="The new child did not adopt. Next: Mend it.",
                    generation_after=host["generation"])
    note("swap " + p["version"])
    host.update(parked=None if p["commit"] else host["version"], version=p["version"], generation=host["generation"] + 1)
    keep(host)
    return dict(told, outcome="committed" if p["commit"] else "swapped", generation_after=host["generation"])


def slot_info(host, p):
    marks = [host["mark"]] if host.get("mark") else []
    return {"slots": [slot_of(host)], "children": [], "parent": {"contract": "1.0", "version": "1.0.0"}, "rejected": marks}


def compat_info(host, p):
    verdict = host.get("verdicts", {}).get(p["version"], "current" if p["version"] == host["version"] else "hot")
    reason = {"axis": "state", "code": "schema_none", "level": verdict, "message": "No schema.", "next_step": "None."}
    return {"slot": "data", "family": "remap", "from": host["version"], "to": p["version"], "verdict": verdict, "mode": "handover",
            "reasons": [reason] if verdict == "warm" else [], "srcversion": host.get("srcversion", "AB12"), "protocols": {}}


def health_info(host, p):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    verdict = "not_ok" if host.get("sick_at") == host["version"] else "ok"
    return {"answers": [{"source": source, "subject": "-", "verdict": verdict, "reason": "Pretended.", "evidence": {}, "sampled_at": now}
                        for source in p["sources"]]}


def evidence_info(host, p):
    # Of one that is bad, errors of the child count up with each look while the version serves.
    host["looks"] = host.get("looks", 0) + 1
    keep(host)
    bad = host["looks"] if host.get("bad") == host["version"] else 0
    slot = dict(LOOK["slots"][0], version=host["version"], generation=host["generation"], child_errors=bad)
    return {"evidence": dict(LOOK, uptime_s=100 + host["looks"], slots=[slot])}


def rejection(host, p):
    gone = p.get("state") == "absent"
    note("unmark" if gone else "mark")
    host["mark"] = None if gone else {
        "family": p["family"], "version": p["version"], "srcversion": host.get("srcversion", "AB12"), "at": "2026-01-01T12:00:00Z",
        "run_id": p["run_id"], "found_on": p["found_on"], "reason": p["reason"]}
    keep(host)
    return {"rejected": [host["mark"]] if host["mark"] else []}


def plain(host, p):
    return {"changed": False}


def main():
    with open(sys.argv[1]) as stream:
        params = json.load(stream)
    with open(PATH) as stream:
        host = json.load(stream)
    print(json.dumps({"changed": False, **globals().get(ACT, plain)(host, params)}))


main()
'''
CONNECTION = """
DOCUMENTATION = "name: pretended\\nshort_description: local\\nauthor: us\\ndescription: local, but for hosts that are down"

import json, os

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local


class Connection(Local):
    transport = "twostep.hotswap.pretended"

    def exec_command(self, *arguments, **options):
        with open(os.path.join(os.environ["PRETENDED_FOLDER"], self._play_context.remote_addr + ".json")) as stream:
            if json.load(stream).get("down"):
                raise AnsibleConnectionFailure("the host is down")
        return super().exec_command(*arguments, **options)
"""
PYTHON = '#!/bin/sh\nPRETENDED_FOLDER={folder} PRETENDED_HOST={host} exec {python} "$@"\n'
DEFAULTS = {
    "twostep_family": "remap",
    "twostep_version": "1.1.0",
    "twostep_health_sources": ["md"],
    "twostep_lease_provider": "none",
    "twostep_soak": False,
    "twostep_rehearse": False,
}


class Fleet:
    """Hosts n1, n2, ..., each with a slot that serves 1.0.0; a run of a playbook of ours over them."""

    def __init__(self, folder: Path, look: dict[str, Any], hosts: int = 3) -> None:
        self.folder = folder
        self.names = [f"n{number}" for number in range(1, hosts + 1)]
        self._copy(json.dumps(look))
        lines = ["[all:vars]", "ansible_connection=local", "[twostep:vars]", "ansible_connection=twostep.hotswap.pretended", "[twostep]"]
        lines += [f"{host} ansible_python_interpreter={folder}/python-{host}" for host in self.names]
        (folder / "inventory.ini").write_text("\n".join(lines) + "\n")
        for host in self.names:
            program = folder / f"python-{host}"
            program.write_text(PYTHON.format(folder=folder, host=host, python=sys.executable))
            program.chmod(0o755)
            self.set(host, version="1.0.0", parked=None, generation=1)

    def _copy(self, look: str) -> None:
        ours = self.folder / "collections/ansible_collections/twostep/hotswap"
        for name in ("plugins", "roles", "playbooks", "meta"):
            shutil.copytree(ROOT / name, ours / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "galaxy.yml", ours)
        for module in MODULES:
            text = PRETENDED.replace("@ACT@", module).replace("@LOOK@", look)
            (ours / f"plugins/modules/{module}.py").write_text(text)
        (ours / "plugins/action/dkms.py").unlink()  # it looks for sources
        (ours / "plugins/connection").mkdir()
        (ours / "plugins/connection/pretended.py").write_text(CONNECTION)

    def set(self, host: str, **changes: Any) -> None:
        """Change what is so on a host."""
        path = self.folder / f"{host}.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, **changes}))

    def run(self, playbook: str = "rolling_upgrade", **variables: Any) -> tuple[int, str]:
        """Run a playbook; return its exit status and what it said."""
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PRETENDED_FOLDER": str(self.folder),
        }
        environment.pop("ANSIBLE_CONFIG", None)
        given = {**DEFAULTS, "twostep_report_dir": str(self.folder / "report"), **variables}
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.ini", f"twostep.hotswap.{playbook}"]
        done = subprocess.run(
            [*argv, "-e", json.dumps(given)], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    @property
    def log(self) -> list[str]:
        """What was done on the hosts, in order."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def versions(self) -> list[str]:
        """What each host serves, with a mark if it is not committed."""
        hosts = [json.loads((self.folder / f"{name}.json").read_text()) for name in self.names]
        return [host["version"] + ("+" if host["parked"] else "") for host in hosts]

    @property
    def report(self) -> dict[str, Any]:
        """The report of the last run."""
        told: dict[str, Any] = json.loads((self.folder / "report/report.json").read_text())
        return told

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that the report has, host by host."""
        return [node["outcome"] for node in self.report["nodes"]]
