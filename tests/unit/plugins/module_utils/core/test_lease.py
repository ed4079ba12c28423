# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lock host's decisions: who is granted what, until when, and what of its file is believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import lease
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import Clock, Lease, State

BOOT, OTHER_BOOT = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
ALICE = Lease(7, "run-a", "alice@deploy1", "deploy1", "2026-01-31T23:59:58Z", 600, 1000.0, BOOT)
BOB = Lease(8, "run-b", "bob@deploy2", "deploy2", "2026-02-01T00:10:00Z", 600)
HELD = State(7, ALICE)


def at(since_boot_s: float, boot_id: str = BOOT) -> Clock:
    return Clock(boot_id, since_boot_s)


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


def test_the_first_lease_is_granted_from_now_on() -> None:
    assert lease.grant(State(), BOB, at(50.0)) == State(8, replace(BOB, granted_at_s=50.0, boot_id=BOOT))


@pytest.mark.parametrize(
    ("clock", "left_s"),
    [
        (at(1000.0), 600.0),
        (at(1599.0), 1.0),
        (at(1600.0), 0.0),
        (at(9999.0), 0.0),
        # After a boot it counts as granted when that began, whatever time it was before.
        (at(10.0, OTHER_BOOT), 590.0),
        (at(600.0, OTHER_BOOT), 0.0),
    ],
)
def test_it_lives_by_the_clock_of_the_host(clock: Clock, left_s: float) -> None:
    assert ALICE.left_s(clock) == left_s
    if left_s:
        assert refused(lease.grant, HELD, BOB, clock).code == "lease_held"
    else:
        assert lease.grant(HELD, BOB, clock).lease.run_id == "run-b"


def test_a_second_operator_is_told_of_the_first() -> None:
    error = refused(lease.grant, HELD, BOB, at(1100.0))
    assert error.message == "The lease is held by alice@deploy1 on deploy1 (run run-a) since 2026-01-31T23:59:58Z."


@pytest.mark.parametrize(
    ("halted", "owner", "takeover", "granted"),
    [
        (False, "bob@deploy2", "", False),
        (False, "alice@deploy1", "", False),  # her other terminal may still be at it
        (True, "alice@deploy1", "", True),
        (True, "bob@deploy2", "", False),
        (False, "bob@deploy2", "run-a", True),
        (False, "bob@deploy2", "run-x", False),
        (True, "bob@deploy2", "run-a", True),
    ],
)
def test_a_living_lease_gives_way_only_to_a_resumption_or_a_takeover(halted: bool, owner: str, takeover: str, granted: bool) -> None:
    state = State(7, replace(ALICE, halted=halted))
    wanted = replace(BOB, owner=owner)
    if granted:
        assert lease.grant(state, wanted, at(1100.0), takeover) == State(
            8, replace(wanted, granted_at_s=1100.0, boot_id=BOOT, taken_from="run-a")
        )
    else:
        assert refused(lease.grant, state, wanted, at(1100.0), takeover).code == "lease_held"


@pytest.mark.parametrize("epoch", [1, 6, 7])
def test_an_epoch_is_never_granted_twice(epoch: int) -> None:
    for state in (State(7), State(7, replace(ALICE, epoch=5)), HELD):
        error = refused(lease.grant, state, replace(BOB, epoch=epoch), at(5000.0))
        assert (error.code, error.message) == ("stale_epoch", f"Epoch {epoch} was asked for, and epoch 7 has been seen here.")


def test_asking_again_for_what_was_granted_renews_it() -> None:
    assert (
        lease.grant(HELD, ALICE, at(1300.0)) == lease.renew(HELD, "run-a", 7, at(1300.0)) == State(7, replace(ALICE, granted_at_s=1300.0))
    )
    assert refused(lease.grant, State(9, ALICE), ALICE, at(1300.0)).code == "stale_epoch"


def test_a_renewal_counts_from_now_and_in_this_boot() -> None:
    assert lease.renew(HELD, "run-a", 7, at(30.0, OTHER_BOOT)).lease == replace(ALICE, granted_at_s=30.0, boot_id=OTHER_BOOT)
    assert lease.renew(HELD, "run-a", 7, at(5000.0)).lease.left_s(at(5000.0)) == 600.0  # expired, but nobody else has it


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State(), "epoch 0 has been seen here"),
        (State(8), "epoch 8 has been seen here"),
        (State(9, ALICE), "epoch 9 has been seen here"),
        (State(8, BOB), "now bob@deploy2 on deploy2 (run run-b) since 2026-02-01T00:10:00Z has it"),
        (State(8, replace(ALICE, epoch=8)), "epoch 8 has been seen here"),
    ],
)
def test_only_the_holder_renews_and_halts(state: State, told: str) -> None:
    for act in (lease.renew, lease.halt):
        error = refused(act, state, "run-a", 7, at(1100.0))
        assert (error.code, error.message) == ("lease_lost", f"Run run-a does not hold the lease of epoch 7: {told}.")


def test_a_halt_is_a_renewal_and_a_mark() -> None:
    assert lease.halt(HELD, "run-a", 7, at(1300.0)) == State(7, replace(ALICE, granted_at_s=1300.0, halted=True))


def test_a_release_forgets_the_lease_and_not_the_epoch() -> None:
    assert lease.release(HELD, "run-a", 7) == State(7)
    for run_id, epoch in (("run-b", 7), ("run-a", 6)):
        assert lease.release(HELD, run_id, epoch) is HELD
    assert lease.release(State(7), "run-a", 7) == State(7)


@pytest.mark.parametrize("state", [State(7), HELD])
def test_who_acts_under_a_lower_epoch_is_fenced(state: State) -> None:
    assert lease.admit(state, 7) == state
    assert lease.admit(state, 9) == replace(state, highest_epoch=9)
    assert refused(lease.admit, state, 6).code == "fenced"


def test_the_fence_names_who_has_the_fleet() -> None:
    assert refused(lease.admit, HELD, 6).message == (
        "This run acts under epoch 6, but epoch 7, that of alice@deploy1 on deploy1 (run run-a) since 2026-01-31T23:59:58Z, has been seen "
        "here: another run has the fleet."
    )
    assert " epoch 7 has been seen here" in refused(lease.admit, State(7), 6).message


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"epoch": 0}, "bad_epoch", "epoch '0' is none."),
        ({"epoch": True}, "bad_epoch", "epoch 'True' is none."),
        ({"epoch": 2**63}, "bad_epoch", "epoch '9223372036854775808' is none."),
        ({"run_id": "../run"}, "bad_id", "id '../run' is not a valid name."),
        ({"owner": ""}, "bad_owner", "owner '' cannot be shown."),
        ({"owner": "alice\x1b[2J"}, "bad_owner", "owner 'alice\\x1b[2J' cannot be shown."),
        ({"owner": "a" * 129}, "bad_owner", f"owner '{'a' * 80}' cannot be shown."),
        ({"controller": "a\nb"}, "bad_controller", "controller 'a\\nb' cannot be shown."),
        ({"since": "yesterday"}, "bad_since", "since 'yesterday' is no time."),
        ({"ttl_s": 59}, "bad_ttl", "ttl_s '59' is out of range."),
        ({"ttl_s": 1e9}, "bad_ttl", "ttl_s '1000000000.0' is out of range."),
    ],
)
def test_bad_wishes(change: dict, code: str, message: str) -> None:
    given = {name: getattr(BOB, name) for name in ("epoch", "run_id", "owner", "controller", "since", "ttl_s")}
    error = refused(lease.wish, *{**given, **change}.values())
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize("state", [State(), State(7), HELD, State(9, replace(ALICE, halted=True, taken_from="run-x"))])
def test_what_was_written_is_read(state: State) -> None:
    assert lease.parse(lease.render(state), "f") == state


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "its keys are not those of schema 1"),
        ({"schema": 2}, "its keys are not those of schema 1"),
        ({"more": 1}, "its keys are not those of schema 1"),
        ({"highest_epoch": -1}, "its highest_epoch is no number"),
        ({"highest_epoch": "7"}, "its highest_epoch is no number"),
        ({"highest_epoch": 6}, "a value of its lease is out of range"),
        ({"lease": {"epoch": 7}}, "the keys of its lease differ"),
        ({"lease": {"granted_at_s": "x"}}, "its lease does not tell when it was granted"),
        ({"lease": {"boot_id": "x"}}, "its lease does not tell when it was granted"),
        ({"lease": {"owner": "a\x07"}}, "a value of its lease is out of range"),
        ({"lease": {"halted": 1}}, "a value of its lease is out of range"),
        ({"lease": {"taken_from": "../x"}}, "a value of its lease is out of range"),
    ],
)
def test_a_damaged_file_is_never_read_as_something_else(text: str | dict, why: str) -> None:
    if isinstance(text, dict):
        data = json.loads(lease.render(HELD))
        change = dict(text)
        if set(change.get("lease", {})) - {"epoch"}:
            change["lease"] = {**data["lease"], **change["lease"]}
        text = json.dumps({**data, **change})
    error = refused(lease.parse, text, "/var/lib/twostep/lease.json")
    assert (error.code, error.message) == ("lease_damaged", f"/var/lib/twostep/lease.json is damaged: {why}.")
    assert error.next_step == "Ask the other hosts with twostep.hotswap.status who holds the lease; once nobody does, remove the file."


def test_what_the_controller_is_told_has_no_clock_of_the_host() -> None:
    told = lease.as_dict(HELD, at(1100.0))
    assert (told["highest_epoch"], told["left_s"]) == (7, 500.0)
    assert lease.told(told["lease"]) == replace(ALICE, granted_at_s=0.0, boot_id="")
    assert lease.as_dict(State(), at(1.0)) == {"highest_epoch": 0, "lease": None, "left_s": 0.0}


@pytest.mark.parametrize("record", [None, 5, [], {}, {"epoch": 7}, "alice"])
def test_what_is_no_lease_is_none(record: object) -> None:
    assert lease.told(record) is None
