# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease in a file of a host: private, whole, never lost silently, and decided on by one at a time."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import Lease, State
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease as host_lease
from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.lock_holder import holding, told

BOOT = "11111111-2222-3333-4444-555555555555"
ALICE = Lease(7, "run-a", "alice@deploy1", "deploy1", "2026-01-31T23:59:58Z", 600)
BOB = Lease(8, "run-b", "bob@deploy2", "deploy2", "2026-02-01T00:10:00Z", 600)


@pytest.fixture
def host(tmp_path) -> LockHost:
    paths = Paths(str(tmp_path))
    random = tmp_path / "proc/sys/kernel/random"
    random.mkdir(parents=True)
    (random / "boot_id").write_text(f"{BOOT}\n")
    (tmp_path / "var/lib").mkdir(parents=True)
    return LockHost(paths, lambda: 1000.0, lambda: "2026-02-01T00:10:00Z")


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


def test_what_is_granted_is_kept_privately(host: LockHost) -> None:
    given = host.grant(ALICE)
    assert given == host.read() == State(7, replace(ALICE, granted_at_s=1000.0, boot_id=BOOT))
    assert stat.S_IMODE(os.stat(host.paths.lease).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(host.paths.state).st_mode) == 0o700
    assert sorted(os.listdir(host.paths.state)) == ["lease.json", "lease.json.lock"]


def test_reading_writes_nothing(host: LockHost) -> None:
    assert host.read() == State()
    assert not os.path.exists(host.paths.state)


def test_the_whole_life_of_a_lease(host: LockHost) -> None:
    host.grant(ALICE)
    assert refused(host.grant, BOB).code == "lease_held"
    later = replace(host, boottime_s=lambda: 1500.0)
    assert later.renew("run-a", 7).lease.granted_at_s == 1500.0
    assert later.halt("run-a", 7).lease.halted
    assert later.read().lease.halted
    assert later.release("run-b", 8).lease is not None
    assert later.release("run-a", 7) == later.read() == State(7)
    assert later.grant(BOB).lease.run_id == "run-b"


def test_a_takeover_is_in_the_ledger_and_so_is_a_resumption(host: LockHost) -> None:
    host.grant(ALICE)
    assert ledger.read(host.paths) == ()
    assert host.grant(BOB, "run-a").lease.taken_from == "run-a"
    (entry,) = ledger.read(host.paths)
    assert (entry.run_id, entry.phase, entry.event, entry.at) == ("run-b", "lease", "begin", "2026-02-01T00:10:00Z")
    assert entry.data == {
        "epoch": 8,
        "owner": "bob@deploy2",
        "controller": "deploy2",
        "taken_from": "alice@deploy1 on deploy1 (run run-a) since 2026-01-31T23:59:58Z",
    }
    replace(host, boottime_s=lambda: 1001.0).grant(BOB, "run-a")  # to ask again breaks nothing again
    assert len(ledger.read(host.paths)) == 1


def test_no_takeover_without_its_record(host: LockHost) -> None:
    host.grant(ALICE)
    os.mkdir(host.paths.ledger)
    assert refused(host.grant, BOB, "run-a").code == "ledger_unusable"
    assert host.read().lease.run_id == "run-a"


@pytest.mark.parametrize("act", [lambda host: host.grant(BOB, "run-a"), lambda host: host.release("run-a", 7), lambda host: host.admit(9)])
def test_a_damaged_file_is_told_and_left_as_it_is(host: LockHost, act) -> None:
    host.grant(ALICE)
    with open(host.paths.lease, "w", encoding="ascii") as stream:
        stream.write('{"schema": 1,')
    error = refused(act, host)
    assert (error.code, error.message) == ("lease_damaged", f"{host.paths.lease} is damaged: it is not JSON.")
    with open(host.paths.lease, encoding="ascii") as stream:
        assert stream.read() == '{"schema": 1,'


def test_the_lock_is_no_link(host: LockHost) -> None:
    os.makedirs(host.paths.state)
    os.symlink("/etc/passwd", f"{host.paths.lease}.lock")
    error = refused(host.grant, ALICE)
    assert error.message == f"{host.paths.lease}.lock cannot be written: Too many levels of symbolic links."


def test_who_acts_is_compared_and_remembered(host: LockHost) -> None:
    host.admit(None)
    assert not os.path.exists(host.paths.state)
    host.admit(5, check=True)
    assert not os.path.exists(host.paths.state)
    host.admit(5)
    assert host.read() == State(5)
    host.admit(5)
    for check in (False, True):
        assert refused(host.admit, 4, check).code == "fenced"
    assert refused(host.admit, 0).code == "bad_epoch"
    host.admit(6)
    assert host.read() == State(6)


def test_a_file_that_says_so_already_is_not_written_again(host: LockHost) -> None:
    host.admit(5)
    before = os.stat(host.paths.lease).st_ino
    host.admit(5)
    assert os.stat(host.paths.lease).st_ino == before


def test_of_many_at_once_one_gets_it(host: LockHost) -> None:
    outcomes = []
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        start.wait()
        try:
            outcomes.append(host.grant(replace(ALICE, run_id=f"run-{number}")).lease.run_id)
        except TwostepError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[:7] == ["lease_held"] * 7
    assert sorted(outcomes)[7] == host.read().lease.run_id


def test_decisions_are_made_under_the_lock(host: LockHost, monkeypatch: pytest.MonkeyPatch) -> None:
    held, seen = host_lease.lock.held, []

    def hold(path: str, *arguments: object):
        seen.append(path)
        return held(path, *arguments)

    monkeypatch.setattr(host_lease.lock, "held", hold)
    host.grant(ALICE)
    host.renew("run-a", 7)
    host.halt("run-a", 7)
    host.release("run-a", 7)
    host.admit(9)
    assert seen == [f"{host.paths.lease}.lock"] * 5


def test_a_decision_that_takes_too_long_is_told(host: LockHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_lease, "_WAIT_S", 0.0)
    with holding(f"{host.paths.lease}.lock") as process:
        error = refused(host.grant, ALICE)
        assert (error.code, error.data["holder"]) == ("lease_busy", told(process))
    host.grant(ALICE)


def test_the_clock_counts_from_the_boot() -> None:
    with open("/proc/uptime", encoding="ascii") as stream:
        uptime_s = float(stream.read().split()[0])
    assert 0 <= host_lease.since_boot_s() - uptime_s < 60
