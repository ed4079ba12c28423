# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the lease: asks all lock hosts at the same moment, or etcd, and counts. Decides nothing by itself."""

from __future__ import annotations

import re
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import gate, lease, lease_majority, names, plan, table, untrusted
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import Lease
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease_majority import Answer, Held
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, controller
from ansible_collections.twostep.hotswap.plugins.plugin_utils.etcd_lease import Etcd
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options

display = Display()

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["read", "held", "renewed", "judged", "halted", "released", "shown"], "required": True},
    "provider": {"type": "str", "choices": ["hosts", "etcd"], "default": "hosts"},
    "fleet": {"type": "str", "default": "twostep"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "etcd": {
        "type": "dict",
        "default": {},
        "options": {
            "endpoints": {"type": "list", "elements": "str", "default": []},
            "cacert": {"type": "path", "default": ""},
            "cert": {"type": "path", "default": ""},
            "key": {"type": "path", "default": ""},
            "user": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
        },
    },
    "run_id": {"type": "str"},
    "owner": {"type": "str", "default": ""},
    "ttl_s": {"type": "int", "default": 1800},
    "longest_s": {"type": "float", "default": 0.0},
    "takeover": {"type": "str", "default": ""},
    "lease": {"type": "raw"},
    "heard": {"type": "list", "elements": "str", "default": []},
    "asked": {"type": "str", "default": ""},
    "host_timeout_s": {"type": "float", "default": 30.0},
}
_WRITES = ("held", "renewed", "halted", "released")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}/?")


class ActionModule(ActionBase):
    """``fleet_lease`` runs on the controller and uses no connection of Ansible's."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(
            argument_spec=ARGUMENT_SPEC, required_if=[("state", "held", ("run_id",)), ("state", "judged", ("asked",))]
        )
        result.update(changed=False, left=[], results=[])
        if self._task.check_mode and options["state"] in _WRITES:
            return {**result, "skipped": True, "msg": "In check mode no lease is taken."}
        self._options, self._vars = options, task_vars or {}
        try:
            result.update(self._etcd() if options["provider"] == "etcd" else self._hosts())
        except TwostepError as error:
            return controller.failed(result, error)
        return result

    def _fleet(self) -> list[str]:
        fleet = str(self._options["fleet"])
        hosts = controller.group_hosts(self._vars, fleet)
        if not hosts:
            raise plan.empty_fleet(fleet)
        return hosts

    def _wish(self) -> Lease:
        """Return the lease to ask for; its epoch is not known yet."""
        options = self._options
        takeover = options["takeover"]
        if takeover:
            names.identifier(takeover)
        owner, where = controller.operator(options["owner"], self._vars)
        since = controller.stamp(controller.utc_now())
        wanted = lease.wish(1, options["run_id"], owner, where, since, options["ttl_s"])
        lease_majority.check_length(wanted.ttl_s, options["longest_s"])
        return wanted

    # With lock hosts.

    def _hosts(self) -> dict[str, Any]:
        options, state = self._options, self._options["state"]
        hosts = lease_majority.lock_hosts(options["hosts"], self._fleet(), self._vars["hostvars"])
        if state == "read":
            return self._ask(hosts, {"state": "read"})
        if state == "shown":
            return _shown(lease_majority.rows(self._answers(hosts)))
        if state == "held":
            wanted = lease_majority.propose(self._answers(hosts), self._wish(), options["takeover"])
            shown = {name: getattr(wanted, name) for name in ("epoch", "run_id", "owner", "controller", "since", "ttl_s")}
            return self._ask(hosts, {"state": "held", **shown, "takeover": options["takeover"]}, wanted)
        if state == "judged":
            return self._judge(hosts)
        held = lease_majority.held(options["lease"])
        if state == "renewed":
            lease_majority.check_length(held.ttl_s, options["longest_s"])
            if not held.is_due(controller.boottime_s()):
                return {"question": {}, "lease": held.as_dict()}
        return self._ask(hosts, {"state": state, "run_id": held.run_id, "epoch": held.epoch}, held)

    def _ask(self, hosts: tuple[str, ...], question: dict[str, Any], wanted: Lease | Held | None = None) -> dict[str, Any]:
        """Ask the lock hosts. What is asked for is no lease before `judged` has said so."""
        now_s = controller.boottime_s()  # before the first word is sent
        asked = Held("hosts", wanted.epoch, wanted.run_id, wanted.owner, wanted.ttl_s, now_s) if wanted else None
        ways = Options(self._task, self._play_context, self._vars["hostvars"])
        said = all_hosts.ask(hosts, ways, lease_program, question, self._options["host_timeout_s"])
        for reason in said.left.values():
            display.vv(reason)
        results = [{name: value for name, value in one.items() if name != "diff"} for one in said.results]
        return {
            "question": question,
            "asked": asked.as_dict() if asked else {},
            "results": results,
            "left": sorted(said.left),
            "changed": any(one.get("changed") is True for one in results),
        }

    def _answers(self, hosts: tuple[str, ...]) -> list[Answer]:
        heard: dict[str, Any] = {}
        for name in self._options["heard"]:
            heard.update(gate.answers_by_host(self._vars.get(name)))
        return lease_majority.answers(hosts, heard)

    def _judge(self, hosts: tuple[str, ...]) -> dict[str, Any]:
        """Return the lease, if a majority has granted or renewed what was asked for."""
        asked = untrusted.mapping(self._vars.get(self._options["asked"]))
        if asked.get("lease") is not None:  # it was not due yet
            return {"lease": lease_majority.held(asked["lease"]).as_dict()}
        found = lease_majority.held(asked.get("asked"))
        lease_majority.judge(self._answers(hosts), found, controller.boottime_s())
        _tell(found, untrusted.mapping(asked.get("question")).get("state") == "held")
        return {"lease": found.as_dict()}

    # With etcd.

    def _etcd(self) -> dict[str, Any]:
        options, state = self._options, self._options["state"]
        etcd = self._where()
        if state == "judged":
            asked = untrusted.mapping(self._vars.get(options["asked"]))
            return {"lease": lease_majority.held(asked.get("lease")).as_dict()}
        if state == "read":
            return {}
        if state == "shown":
            kept = etcd.holder()
            told = Answer("etcd", None, kept.lease.epoch if kept else 0, kept.lease if kept else None, etcd.left_s(kept) if kept else 0.0)
            return _shown(lease_majority.rows([told]))
        if state == "held":
            found = etcd.hold(self._wish(), options["takeover"], controller.boottime_s())
            _tell(found, True)
            return {"lease": found.as_dict(), "question": {}, "changed": True}
        held = lease_majority.held(options["lease"])
        if state == "renewed":
            lease_majority.check_length(held.ttl_s, options["longest_s"])
            is_due = held.is_due(controller.boottime_s())
            found = etcd.renew(held, controller.boottime_s()) if is_due else held
            return {"lease": found.as_dict(), "question": {}, "changed": is_due}
        if state == "halted":
            etcd.halt(held)
        else:
            etcd.release(held)
        return {"question": {}, "changed": True}

    def _where(self) -> Etcd:
        told = self._options["etcd"]
        endpoints = tuple(str(one) for one in told.get("endpoints") or [])
        bad = next((one for one in endpoints if not _ENDPOINT.fullmatch(one)), None)
        if not endpoints or bad:
            raise TwostepError(
                "bad_etcd",
                f"The endpoint {bad[:80]!r} is no address of etcd." if bad else "No endpoint of etcd is named.",
                "Give endpoints such as https://etcd1.example:2379 in twostep_lease_etcd.",
            )
        self._fleet()
        files = {name: str(told.get(name) or "") for name in ("cacert", "cert", "key", "user", "password")}
        return Etcd(endpoints, str(self._options["fleet"]), timeout_s=min(10.0, self._options["host_timeout_s"]), **files)


def _tell(found: Held, is_new: bool) -> None:
    display.display(f"lease of epoch {found.epoch} {'taken' if is_new else 'renewed'} by {found.owner} for {found.ttl_s} s")


def _shown(rows: list[list[object]]) -> dict[str, Any]:
    lines = table.render(["LOCK HOST", "EPOCH", "LEASE", "LEFT"], rows)
    for line in lines:
        display.display(line)
    return {"summary": lines}
