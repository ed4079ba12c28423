# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease as an action: a run's tasks in their order, with lock hosts that answer as real ones do, each from a file of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from unittest.mock import MagicMock

import pytest
import yaml
from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.action import fleet_lease as action
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease_majority import Held
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.modules import fleet_lease as documented
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import no_session


class Fleet:
    """Three lock hosts; those in ``down`` answer nobody, those in ``apart`` only Ansible itself."""

    def __init__(self, folder) -> None:
        self.now_s = 5000.0
        self.down: set[str] = set()
        self.apart: set[str] = set()
        self.hosts = {}
        self.questions: list[tuple[str, dict]] = []
        for name in ("n1", "n2", "n3"):
            random = folder / name / "proc/sys/kernel/random"
            random.mkdir(parents=True)
            (random / "boot_id").write_text("11111111-2222-3333-4444-555555555555\n")
            (folder / name / "var/lib").mkdir(parents=True)
            self.hosts[name] = LockHost(Paths(str(folder / name)), lambda: self.now_s, lambda: "2026-02-01T00:10:00Z")

    def ask(self, name: str, question: dict) -> dict:
        self.questions.append((name, question))
        return lease_program.answer(question, self.hosts[name], 0)

    def ask_all(self, targets, program, _timeout_s) -> dict:
        return {target.host: self._reply(target.host, json.loads(program.stdin)) for target in targets}

    def _reply(self, name: str, question: dict):
        if name in self.apart:
            return no_session(name, "no paramiko")
        if name in self.down:
            return TwostepError("host_late", f"{name} did not answer within 30 s.", "Look.")
        return sessions.Reply(0, json.dumps(self.ask(name, question)), "")


class Run:
    """One run of one operator, with the variables that its tasks have registered."""

    def __init__(self, fleet: Fleet, name: str, **options: object) -> None:
        self.fleet, self.options = fleet, {"ttl_s": 600, "owner": f"{name}@deploy", **options}
        self.run_id = f"run-{name}"
        self.vars: dict = {"groups": {"twostep": list(fleet.hosts)}, "hostvars": {host: {} for host in fleet.hosts}}

    def task(self, check: bool = False, **options: object) -> dict:
        task = MagicMock(args={**self.options, **options}, async_val=0, check_mode=check, diff=False)
        task.dump_attrs = dict
        return action.ActionModule(task, MagicMock(), PlayContext(), MagicMock(), MagicMock(), None).run(task_vars=self.vars)

    def asked(self, **options: object) -> dict:
        """Ask all at once, and whoever is left in turn, as the role does."""
        told = self.task(**options)
        in_turn = [{**self.fleet.ask(host, told["question"]), "item": host} for host in told["left"] if host not in self.fleet.down]
        self.vars.update(told=told, in_turn={"results": in_turn})
        return told

    def take(self, **options: object) -> dict:
        self.asked(state="read")
        held = self.asked(state="held", run_id=self.run_id, heard=["told", "in_turn"], **options)
        if held.get("failed"):
            return held
        return self.judged()

    def judged(self) -> dict:
        found = self.task(state="judged", asked="told", heard=["told", "in_turn"])
        self.vars["lease"] = found.get("lease")
        return found

    def renew(self, **options: object) -> dict:
        told = self.asked(state="renewed", lease=self.vars["lease"], **options)
        return told if told.get("failed") else self.judged()


@pytest.fixture
def fleet(tmp_path, monkeypatch) -> Fleet:
    found = Fleet(tmp_path)
    monkeypatch.setattr(all_hosts.sessions, "ask_all", found.ask_all)
    monkeypatch.setattr(all_hosts.reach.ssh_config, "lookup", lambda _path, _host: {})
    monkeypatch.setattr(action.controller, "boottime_s", lambda: found.now_s)
    monkeypatch.setattr(action, "display", MagicMock())
    return found


def test_documentation_and_spec_say_the_same() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]

    def same(told: dict, spec: dict) -> None:
        assert set(told) == set(spec)
        for name, option in spec.items():
            for key in ("type", "required", "default", "choices", "elements"):
                assert told[name].get(key) == option.get(key), (name, key)
            same(told[name].get("suboptions", {}), option.get("options", {}))

    same(options, action.ARGUMENT_SPEC)


def test_a_run_takes_it_renews_it_and_gives_it_back(fleet: Fleet) -> None:
    alice = Run(fleet, "alice")
    lease = alice.take()["lease"]
    assert lease == Held("hosts", 1, "run-alice", "alice@deploy", 600, 5000.0).as_dict()
    assert [host.read().lease.run_id for host in fleet.hosts.values()] == ["run-alice"] * 3
    told = alice.asked(state="released", lease=lease)
    assert (told["changed"], [host.read().lease for host in fleet.hosts.values()]) == (True, [None] * 3)
    assert Run(fleet, "bob").take()["lease"]["epoch"] == 2


def test_a_second_operator_is_refused_and_nothing_is_written(fleet: Fleet) -> None:
    Run(fleet, "alice").take()
    fleet.questions.clear()
    told = Run(fleet, "bob").take()
    assert (told["failed"], told["changed"], told["code"], told["holder"]) == (True, False, "lease_held", "run-alice")
    assert told["msg"].startswith("The fleet is held by alice@deploy on ")
    assert told["msg"].endswith(
        ", on n1, n2, n3, for 600 s more unless it is renewed. "
        "Next: Wait for the end of that run; only if it is dead, run again with twostep_lease_takeover=run-alice."
    )
    assert {question["state"] for _host, question in fleet.questions} == {"read"}


def test_two_at_the_same_moment_and_at_most_one_has_it(fleet: Fleet) -> None:
    alice, bob = Run(fleet, "alice"), Run(fleet, "bob")
    alice.asked(state="read")
    bob.asked(state="read")
    fleet.down = {"n3"}
    alice.asked(state="held", run_id="run-alice", heard=["told", "in_turn"])
    fleet.down = set()
    bob.asked(state="held", run_id="run-bob", heard=["told", "in_turn"])
    assert alice.judged()["lease"]["epoch"] == 1
    told = bob.judged()
    assert (told["code"], "lease" in told) == ("lease_held", False)
    assert [host.read().lease.run_id for host in fleet.hosts.values()] == ["run-alice", "run-alice", "run-bob"]
    bob.asked(state="released", lease=bob.vars["told"]["asked"])
    assert fleet.hosts["n3"].read().lease is None


@pytest.mark.parametrize(("apart", "down", "code"), [
    (set(), {"n1"}, None), (set(), {"n1", "n2"}, "lease_no_majority"), ({"n1", "n2", "n3"}, set(), None), ({"n1", "n2"}, {"n3"}, None),
    ({"n1"}, {"n1", "n3"}, "lease_no_majority"),
])  # fmt: skip
def test_more_than_half_must_answer_in_either_way(fleet: Fleet, apart: set, down: set, code: str | None) -> None:
    fleet.apart, fleet.down = apart, down
    told = Run(fleet, "alice").take()
    assert told.get("code") == code
    assert bool(told.get("lease")) is (code is None)


def test_a_majority_that_goes_between_the_questions_is_none(fleet: Fleet) -> None:
    alice = Run(fleet, "alice")
    alice.asked(state="read")
    fleet.down = {"n1", "n2"}
    alice.asked(state="held", run_id="run-alice", heard=["told", "in_turn"])
    told = alice.judged()
    assert told["msg"].startswith("1 of 3 lock hosts agree to the lease, 2 must: n1: n1 did not answer within 30 s. Next: Look; n2: ")


def test_a_renewal_asks_only_after_a_third(fleet: Fleet) -> None:
    alice = Run(fleet, "alice")
    alice.take()
    fleet.questions.clear()
    fleet.now_s = 5200.0
    assert alice.renew()["lease"]["held_at_s"] == 5000.0
    assert fleet.questions == []
    fleet.now_s = 5201.0
    assert alice.renew()["lease"]["held_at_s"] == 5201.0
    assert {question["state"] for _host, question in fleet.questions} == {"renewed"}
    assert [host.read().lease.granted_at_s for host in fleet.hosts.values()] == [5201.0] * 3


def test_a_renewal_without_a_majority_halts(fleet: Fleet) -> None:
    alice = Run(fleet, "alice")
    alice.take()
    fleet.now_s, fleet.down = 5300.0, {"n1", "n3"}
    assert alice.renew()["code"] == "lease_no_majority"


def test_an_operator_who_comes_back_after_his_lease_was_taken_over_is_stopped(fleet: Fleet) -> None:
    alice, bob = Run(fleet, "alice"), Run(fleet, "bob")
    alice.take()
    assert bob.take(takeover="run-x")["msg"].count(", and not by run run-x. Next: See with twostep.hotswap.status who holds it now;") == 1
    assert bob.take(takeover="run-alice")["lease"]["epoch"] == 2
    fleet.now_s = 5300.0
    told = alice.renew()
    assert (told["code"], told["holder"]) == ("lease_held", "run-bob")
    with pytest.raises(TwostepError, match="another run has the fleet"):
        fleet.hosts["n1"].admit(1)


def test_a_halted_run_is_resumed_by_its_owner(fleet: Fleet) -> None:
    alice = Run(fleet, "alice")
    lease = alice.take()["lease"]
    alice.asked(state="halted", lease=lease)
    assert "which has halted" in Run(fleet, "bob").take()["msg"]
    again = Run(fleet, "alice")
    again.run_id = "run-alice-2"
    assert again.take()["lease"]["epoch"] == 2


def test_an_expired_lease_is_free(fleet: Fleet) -> None:
    Run(fleet, "alice").take()
    fleet.now_s = 5599.0
    assert Run(fleet, "bob").take()["code"] == "lease_held"
    fleet.now_s = 5600.0
    assert Run(fleet, "bob").take()["lease"]["epoch"] == 2


def test_status_shows_it(fleet: Fleet) -> None:
    alice = Run(fleet, "alice")
    alice.take()
    fleet.down = {"n2"}
    alice.asked(state="read")
    lines = alice.task(state="shown", heard=["told", "in_turn"])["summary"]
    assert [line.split()[:2] for line in lines] == [["LOCK", "HOST"], ["n1", "1"], ["n2", "-"], ["n3", "1"]]
    assert "alice@deploy on" in lines[1]
    assert lines[1].endswith("600 s left")


@pytest.mark.parametrize("state", ["held", "renewed", "halted", "released"])
def test_check_mode_asks_nobody(fleet: Fleet, state: str) -> None:
    told = Run(fleet, "alice").task(check=True, state=state, run_id="run-alice")
    assert (told.get("failed"), told["changed"], told["skipped"], fleet.questions) == (None, False, True, [])


def test_a_host_speaks_for_itself_alone_and_its_words_are_data(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(targets, program, timeout_s) -> dict:
        said = fleet.ask_all(targets, program, timeout_s)
        forged = {"item": "n2", "highest_epoch": 1, "left_s": 600.0, "lease": {"owner": "{{ lookup('pipe', 'id') }}", "epoch": 1}}
        said["n1"] = sessions.Reply(0, json.dumps(forged), "")
        return said

    monkeypatch.setattr(all_hosts.sessions, "ask_all", lying)
    fleet.down = {"n2"}
    told = Run(fleet, "alice").take()
    assert told["code"] == "lease_no_majority"
    assert "n1: its answer does not tell whose lease it is; n2: n2 did not answer" in told["msg"]
    assert "lookup" not in told["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hosts": ["n1", "n1"]}, "The lock hosts are refused: n1 is named twice. Next: Correct twostep_lock_hosts; "),
        ({"hosts": ["elsewhere"]}, "The lock hosts are refused: the inventory has no host elsewhere. Next: "),
        ({"run_id": "../x"}, "id '../x' is not a valid name. Next: "),
        ({"ttl_s": 5}, "ttl_s '5' is out of range. Next: "),
        ({"ttl_s": 600, "longest_s": 600}, "A lease of 600 s could end while a task that may take 600 s still runs. Next: Raise "),
        ({"owner": "a\tb"}, "owner 'a\\tb' cannot be shown. Next: "),
        ({"takeover": "-x"}, "id '-x' is not a valid name. Next: "),
        ({"fleet": "nobody"}, "The fleet is empty: "),
        ({"state": "renewed", "lease": None}, "This run holds no lease. Next: Run the playbook from its beginning, "),
        ({"state": "judged", "asked": "nothing"}, "This run holds no lease. Next: "),
        (
            {"provider": "etcd"},
            "No endpoint of etcd is named. Next: Give endpoints such as https://etcd1.example:2379 in twostep_lease_etcd.",
        ),
        ({"provider": "etcd", "etcd": {"endpoints": ["file:///etc"]}}, "The endpoint 'file:///etc' is no address of etcd. Next: "),
        ({"provider": "etcd", "etcd": {"endpoints": ["http://a:1/ x"]}}, "The endpoint 'http://a:1/ x' is no address of etcd. Next: "),
    ],
)
def test_bad_options(fleet: Fleet, options: dict, message: str) -> None:
    told = Run(fleet, "alice").task(**{"state": "held", "run_id": "run-alice", **options})
    assert (told["failed"], told["changed"], fleet.questions) == (True, False, [])
    assert told["msg"].startswith(message) or (options.get("fleet") and told["code"] == "empty_fleet")


class FakeEtcd:
    """What the action asks of etcd; etcd itself is tested for real."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, *_where: object, **_how: object) -> FakeEtcd:
        return self

    def holder(self) -> None:
        return None

    def hold(self, wanted, takeover: str, now_s: float) -> Held:
        self.calls.append(f"hold {wanted.run_id} {takeover}".strip())
        return Held("etcd", 41, wanted.run_id, wanted.owner, wanted.ttl_s, now_s, "77")

    def renew(self, held: Held, now_s: float) -> Held:
        self.calls.append(f"renew {held.handle}")
        return replace(held, held_at_s=now_s)

    def halt(self, held: Held) -> None:
        self.calls.append(f"halt {held.epoch}")

    def release(self, held: Held) -> None:
        self.calls.append(f"release {held.epoch}")


def test_etcd_is_asked_by_the_same_tasks(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = FakeEtcd()
    monkeypatch.setattr(action, "Etcd", etcd)
    alice = Run(fleet, "alice", provider="etcd", etcd={"endpoints": ["https://[fd00::1]:2379"]})
    assert alice.take()["lease"] == Held("etcd", 41, "run-alice", "alice@deploy", 600, 5000.0, "77").as_dict()
    fleet.now_s = 5100.0
    assert alice.renew()["lease"]["held_at_s"] == 5000.0
    fleet.now_s = 5300.0
    assert alice.renew()["lease"]["held_at_s"] == 5300.0
    alice.asked(state="halted", lease=alice.vars["lease"])
    alice.asked(state="released", lease=alice.vars["lease"])
    assert etcd.calls == ["hold run-alice", "renew 77", "halt 41", "release 41"]
    assert alice.task(state="shown")["summary"][1].split() == ["etcd", "0", "nobody", "-"]
    assert fleet.questions == []
