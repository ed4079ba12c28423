# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting lock hosts: enough, refused by whom, or not enough that answer. And whatever happens in between, never two holders."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import lease, lease_majority
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import Clock, Lease, State
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease_majority import Answer, Held

TTL_S = 600
ALICE = Lease(7, "run-a", "alice@deploy1", "deploy1", "2026-01-31T23:59:58Z", TTL_S)
BOB = Lease(1, "run-b", "bob@deploy2", "deploy2", "2026-02-01T00:10:00Z", TTL_S)
BOBS = Held("hosts", 8, "run-b", "bob@deploy2", TTL_S, 100.0)
HOSTS = ("n1", "n2", "n3")


def free(host: str, epoch: int = 0) -> Answer:
    return Answer(host, None, epoch)


def had(host: str, whose: Lease = ALICE, left_s: float = 300.0) -> Answer:
    return Answer(host, None, whose.epoch, whose, left_s)


def gone(host: str) -> Answer:
    return Answer(host, "unreachable: no route")


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("told", "takeover", "epoch"),
    [
        ([free("n1", 3), free("n2", 9), free("n3", 4)], "", 10),
        ([free("n1", 3), free("n2", 3), gone("n3")], "", 4),
        ([free("n1"), free("n2"), had("n3")], "", 8),  # what a minority grants is no lease
        ([had("n1", left_s=0.0), had("n2", left_s=0.0), gone("n3")], "", 8),
        ([had("n1"), had("n2"), had("n3")], "run-a", 8),
        ([free("n1")], "", 1),
        ([had("n1", replace(ALICE, run_id="run-b"))], "", 8),
        ([had("n1", replace(ALICE, owner="bob@deploy2", halted=True))], "", 8),
    ],
)
def test_the_epoch_is_above_all_that_was_seen(told: list[Answer], takeover: str, epoch: int) -> None:
    assert lease_majority.propose(told, BOB, takeover) == replace(BOB, epoch=epoch)


WHOSE = "alice@deploy1 on deploy1 (run run-a) since 2026-01-31T23:59:58Z"
HALTED, WHOSE_HALTED = replace(ALICE, halted=True), WHOSE.replace("run-a)", "run-a, which has halted)")
WAIT = "Wait for the end of that run; only if it is dead, run again with twostep_lease_takeover=run-a."


@pytest.mark.parametrize(
    ("told", "takeover", "code", "message", "next_step"),
    [
        (
            [had("n1"), had("n2"), had("n3", left_s=299.0)], "", "lease_held",
            f"The fleet is held by {WHOSE}, on n1, n2, n3, for 300 s more unless it is renewed.", WAIT,
        ),
        ([free("n1"), had("n2"), had("n3")], "", "lease_held",
         f"The fleet is held by {WHOSE}, on n2, n3, for 300 s more unless it is renewed.", WAIT),
        ([gone("n1"), had("n2"), free("n3")], "", "lease_held",
         f"The fleet is held by {WHOSE}, on n2, for 300 s more unless it is renewed.", WAIT),
        ([had("n1", HALTED), had("n2", HALTED), free("n3")], "", "lease_held",
         f"The fleet is held by {WHOSE_HALTED}, on n1, n2, for 300 s more unless it is renewed.", WAIT),
        ([had("n1"), had("n2"), had("n3")], "run-x", "lease_held",
         f"The fleet is held by {WHOSE}, on n1, n2, n3, for 300 s more unless it is renewed, and not by run run-x.",
         "See with twostep.hotswap.status who holds it now; name that run in twostep_lease_takeover only if it is dead."),
        ([free("n1"), gone("n2"), gone("n3")], "", "lease_no_majority",
         "1 of 3 lock hosts agree to the lease, 2 must: n2: unreachable: no route; n3: unreachable: no route.",
         "Bring the hosts named back, or run again if another run began at the same moment."),
        ([free("n1"), free("n2"), gone("n3"), gone("n4")], "", "lease_no_majority",
         "2 of 4 lock hosts agree to the lease, 3 must: n3: unreachable: no route; n4: unreachable: no route.",
         "Bring the hosts named back, or run again if another run began at the same moment."),
    ],
)  # fmt: skip
def test_a_refusal_says_who_and_where_and_what_to_do(told: list[Answer], takeover: str, code: str, message: str, next_step: str) -> None:
    error = refused(lease_majority.propose, told, BOB, takeover)
    assert (error.code, error.message, error.next_step) == (code, message, next_step)


def test_more_than_half_must_have_granted_it() -> None:
    mine = replace(BOB, epoch=8)
    for others in ([free("n3")], [gone("n3")], [had("n3")]):
        lease_majority.judge([had("n1", mine), had("n2", mine), *others], BOBS, 200.0)
    for told in (
        [had("n1", mine), free("n2"), free("n3")],
        [had("n1", mine), had("n2", mine), free("n3"), free("n4")],
        [had("n1", mine), had("n2", replace(mine, epoch=9)), free("n3")],
        [had("n1", mine), had("n2", mine, left_s=0.0), free("n3")],
        [had("n1", mine), replace(had("n2", mine), problem="it failed"), free("n3")],
    ):
        assert refused(lease_majority.judge, told, BOBS, 200.0).code == "lease_no_majority"
    assert refused(lease_majority.judge, [had("n1", mine), had("n2"), had("n3")], BOBS, 200.0).code == "lease_held"


def test_a_lease_that_came_too_late_is_none() -> None:
    told = [had("n1", replace(BOB, epoch=8))]
    lease_majority.judge(told, BOBS, 699.0)
    assert refused(lease_majority.judge, told, BOBS, 700.0).code == "lease_late"


@pytest.mark.parametrize(
    ("now_s", "left_s", "due"), [(100.0, 600.0, False), (300.0, 400.0, False), (301.0, 399.0, True), (900.0, 0.0, True)]
)
def test_a_renewal_is_due_after_a_third(now_s: float, left_s: float, due: bool) -> None:
    assert (BOBS.left_s(now_s), BOBS.is_due(now_s)) == (left_s, due)


@pytest.mark.parametrize("longest_s", [0.0, 400.0])
def test_a_task_ends_before_the_lease_does(longest_s: float) -> None:
    lease_majority.check_length(600, longest_s)
    error = refused(lease_majority.check_length, 600, longest_s + 401)
    assert error.code == "lease_too_short"
    assert error.message.startswith("A lease of 600 s could end while a task that may take ")
    assert refused(lease_majority.check_length, 600, 600.0).next_step == (
        "Raise twostep_lease_ttl_s to 900 or more, or lower twostep_task_timeout_s."
    )


def test_the_lease_is_handed_from_task_to_task() -> None:
    assert lease_majority.held(BOBS.as_dict()) == BOBS
    for change in ({"epoch": 0}, {"run_id": "../x"}, {"held_at_s": None}, {"provider": "zookeeper"}, {"ttl_s": "600"}, {"handle": 5}):
        assert refused(lease_majority.held, {**BOBS.as_dict(), **change}).code == "no_lease"
    error = refused(lease_majority.held, None)
    assert str(error) == (
        "This run holds no lease. Next: Run the playbook from its beginning, without --start-at-task, --tags and --limit."
    )


@pytest.mark.parametrize(
    ("named", "fleet", "message"),
    [
        (["n1", "n1"], HOSTS, "The lock hosts are refused: n1 is named twice."),
        (["n1", "n9"], HOSTS, "The lock hosts are refused: the inventory has no host n9."),
        ([], [], "The lock hosts are refused: there is none."),
    ],
)
def test_bad_lock_hosts(named: list[str], fleet: list[str], message: str) -> None:
    error = refused(lease_majority.lock_hosts, named, fleet, HOSTS)
    assert (error.code, error.message) == ("bad_lock_hosts", message)
    assert lease_majority.lock_hosts([], HOSTS, HOSTS) == HOSTS
    assert lease_majority.lock_hosts(["n2"], HOSTS, HOSTS) == ("n2",)


KEPT = {**lease.as_dict(State(7, replace(ALICE, granted_at_s=5.0, boot_id="b")), Clock("b", 5.0))}


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (KEPT, Answer("n1", None, 7, ALICE, 600.0)),
        ({"highest_epoch": 3, "lease": None, "left_s": 0.0}, Answer("n1", None, 3)),
        ({**KEPT, "failed": True, "msg": "No.\x1b[2J"}, Answer("n1", "No. [2J", 7, ALICE, 600.0)),
        ({"failed": True, "msg": "No."}, Answer("n1", "No.")),
        ({"unreachable": True, "msg": "no route"}, Answer("n1", "unreachable: no route")),
        ({}, Answer("n1", "its answer does not tell of a lease")),
        ({**KEPT, "highest_epoch": 2**63}, Answer("n1", "its answer does not tell of a lease")),
        ({**KEPT, "highest_epoch": True}, Answer("n1", "its answer does not tell of a lease")),
        ({**KEPT, "left_s": "long"}, Answer("n1", "its answer does not tell of a lease")),
        ({**KEPT, "lease": {"owner": "{{ x }}"}}, Answer("n1", "its answer does not tell whose lease it is")),
        ({**KEPT, "lease": "mine"}, Answer("n1", "its answer does not tell whose lease it is")),
        (None, Answer("n1", "it was not asked")),
    ],
)
def test_what_a_host_says_is_data(record: Any, answer: Answer) -> None:
    assert lease_majority.answers(["n1"], {} if record is None else {"n1": record}) == [answer]


def test_every_lock_host_has_an_answer_in_natural_order() -> None:
    assert [one.host for one in lease_majority.answers(["n10", "n2"], {"n5": KEPT})] == ["n2", "n10"]


def test_what_status_shows() -> None:
    assert lease_majority.rows([had("n1"), had("n2", left_s=0.0), free("n3", 4), gone("n4")]) == [
        ["n1", 7, WHOSE, "300 s left"],
        ["n2", 7, WHOSE, "expired"],
        ["n3", 4, "nobody", None],
        ["n4", None, None, "unreachable: no route"],
    ]


@dataclass
class LockHost:
    """A lock host with a clock of its own."""

    state: State = field(default_factory=State)
    clock: Clock = field(default_factory=lambda: Clock("boot-0", 0.0))
    boots: int = 0

    def answer(self, name: str) -> Answer:
        told = lease.as_dict(self.state, self.clock)
        return Answer(name, None, told["highest_epoch"], lease.told(told["lease"]), told["left_s"])

    def boot(self) -> None:
        self.boots += 1
        self.clock = Clock(f"boot-{self.boots}", 0.0)


@dataclass
class Operator:
    """A controller that tries for the lease, step by step, and may be stopped between any two of them."""

    name: str
    runs: int = 0
    read: dict[str, Answer] = field(default_factory=dict)
    asked: Held | None = None
    heard: dict[str, Answer] = field(default_factory=dict)
    held: Held | None = None

    def wish(self) -> Lease:
        return Lease(1, f"run-{self.name}-{self.runs}", f"{self.name}@here", "here", "2026-01-01T00:00:00Z", 60)

    def begin(self) -> None:
        self.runs += 1
        self.read, self.asked, self.heard, self.held = {}, None, {}, None


class World:
    """Lock hosts and operators, and a clock that none of them can read."""

    def __init__(self, count: int) -> None:
        self.hosts = {f"n{number}": LockHost() for number in range(count)}
        self.operators = [Operator("a"), Operator("b")]
        self.now_s = 0.0
        self.epochs: list[int] = []

    def holders(self) -> list[Operator]:
        return [one for one in self.operators if one.held and one.held.left_s(self.now_s) > 0]

    def step(self, what: str, who: int, where: int) -> None:
        name = f"n{where % len(self.hosts)}"
        host, one = self.hosts[name], self.operators[who]
        if what == "wait":
            self.pass_by(float(where * 7))
        elif what == "boot":
            host.boot()
        elif what == "crash":
            one.begin()
        elif what == "read" and not one.asked:
            one.read[name] = host.answer(name)
        elif what == "propose" and not one.asked and not one.held:
            self.propose(one)
        elif what == "renew" and one.held and not one.asked:
            one.asked, one.heard = replace(one.held, held_at_s=self.now_s), {}
        elif what == "ask" and one.asked:
            self.ask(one, name, host)
        elif what == "judge" and one.asked:
            self.judge(one)
        elif what == "release" and one.held:
            for known in self.hosts.values():
                known.state = lease.release(known.state, one.held.run_id, one.held.epoch)
            one.begin()

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds
        for host in self.hosts.values():
            host.clock = replace(host.clock, since_boot_s=host.clock.since_boot_s + seconds)

    def propose(self, one: Operator) -> None:
        told = [one.read.get(name, Answer(name, "it was not asked")) for name in self.hosts]
        try:
            wanted = lease_majority.propose(told, one.wish())
        except TwostepError:
            return
        one.asked, one.heard = Held("hosts", wanted.epoch, wanted.run_id, wanted.owner, wanted.ttl_s, self.now_s), {}

    def ask(self, one: Operator, name: str, host: LockHost) -> None:
        asked = one.asked
        assert asked
        try:
            if one.held:
                host.state = lease.renew(host.state, asked.run_id, asked.epoch, host.clock)
            else:
                host.state = lease.grant(host.state, replace(one.wish(), epoch=asked.epoch), host.clock)
            one.heard[name] = host.answer(name)
        except TwostepError as error:
            one.heard[name] = replace(host.answer(name), problem=error.message)

    def judge(self, one: Operator) -> None:
        asked, is_new = one.asked, one.held is None
        assert asked
        told = [one.heard.get(name, Answer(name, "it was not asked")) for name in self.hosts]
        one.asked = None
        try:
            lease_majority.judge(told, asked, self.now_s)
        except TwostepError:
            one.begin()
            return
        one.held = asked
        if is_new:
            self.epochs.append(asked.epoch)


STEPS = st.tuples(
    st.sampled_from(["wait", "boot", "crash", "read", "propose", "renew", "ask", "judge", "release"]),
    st.integers(0, 1),
    st.integers(0, 9),
)


def a_try(who: int, hosts: list[int], late: int, released: bool) -> list[tuple[str, int, int]]:
    """Return a whole try of one operator: read, ask, be slow to count, and perhaps give the lease back at once."""
    asked = [("propose", who, 0), *[("ask", who, host) for host in hosts]]
    end = [("release", who, 0)] if released else []
    return [*[("read", who, host) for host in hosts], *asked, ("wait", who, late), ("judge", who, 0), *end]


# Whole tries, cut and mixed with all else, so that leases are held often.
TRY = st.builds(
    a_try,
    st.integers(0, 1),
    st.lists(st.integers(0, 4), min_size=2, max_size=5, unique=True),
    st.sampled_from([0, 0, 0, 7]),
    st.booleans(),
)
TURNS = st.lists(st.one_of(STEPS.map(lambda step: [step]), TRY), max_size=24)


@settings(max_examples=300)
@given(st.integers(1, 5), TURNS, st.randoms(use_true_random=False))
def test_there_are_never_two_holders_and_no_epoch_comes_twice(count: int, turns: list, dice: Any) -> None:
    world = World(count)
    waiting = [list(turn) for turn in turns]
    while waiting:  # the steps of one try keep their order; those of several tries mix
        turn = waiting[dice.randrange(min(2, len(waiting)))]
        world.step(*turn.pop(0))
        waiting = [left for left in waiting if left]
        assert len(world.holders()) <= 1
    assert world.epochs == sorted(set(world.epochs))


A, B = 0, 1
ALL, TWO, LAST = [0, 1, 2], [0, 1], [1, 2]
ASK_TWO = [("ask", A, 0), ("ask", A, 1), ("judge", A, 0)]


@pytest.mark.parametrize(
    ("steps", "holders", "epochs"),
    [
        ([*a_try(A, ALL, 0, False)], ["a"], [1]),
        # A lease keeps others out, also by the one host that two majorities share, until it has expired.
        ([*a_try(A, ALL, 0, False), *a_try(B, ALL, 0, False)], ["a"], [1]),
        ([*a_try(A, TWO, 0, False), *a_try(B, LAST, 0, False)], ["a"], [1]),
        ([*a_try(A, ALL, 0, False), ("wait", A, 8), *a_try(B, ALL, 0, False)], ["a"], [1]),
        ([*a_try(A, ALL, 0, False), ("wait", A, 9), *a_try(B, ALL, 0, False)], ["b"], [1, 2]),
        ([*a_try(A, ALL, 0, True), *a_try(B, ALL, 0, False)], ["b"], [1, 2]),
        # Who was slow to count does not count from the end: his lease began when he asked.
        ([*a_try(A, ALL, 7, False), ("wait", A, 2), *a_try(B, ALL, 0, False)], ["b"], [1, 2]),
        # A host that was booted does not know how long it was down.
        ([*a_try(A, ALL, 0, False), ("boot", A, 0), ("boot", A, 1), *a_try(B, ALL, 0, False)], ["a"], [1]),
        # Who has read long ago gets no epoch that was given meanwhile.
        ([("read", B, 0), ("read", B, 1), *a_try(A, ALL, 0, True), ("propose", B, 0), ("ask", B, 0), ("ask", B, 1), ("judge", B, 0)],
         [], [1]),
        # A living lease counts on the host itself, whatever higher epoch an older answer led to.
        ([*a_try(B, ALL, 0, False)[:4], ("ask", B, 2), ("crash", B, 0), ("wait", B, 9), ("read", B, 1), ("read", B, 2),
          *a_try(A, TWO, 0, False), ("propose", B, 0), ("ask", B, 1), ("ask", B, 2), ("judge", B, 0)], ["a"], [1]),
        # Two at the same moment: one gets two hosts, the other is left with one.
        (
            [*[("read", who, host) for who in (A, B) for host in ALL], ("propose", A, 0), ("propose", B, 0), ("ask", A, 0), ("ask", B, 2),
             ("ask", B, 1), ("ask", A, 1), ("ask", A, 2), ("ask", B, 0), ("judge", A, 0), ("judge", B, 0)],
            ["b"], [1],
        ),
        # A controller that dies after it has asked leaves nothing that lives longer than a lease.
        ([*a_try(A, ALL, 0, False)[:-1], ("crash", A, 0), *a_try(B, ALL, 0, False)], [], []),
        ([*a_try(A, ALL, 0, False)[:-1], ("crash", A, 0), ("wait", A, 9), *a_try(B, ALL, 0, False)], ["b"], [2]),
        # A renewal in time, and one after somebody else has got the lease.
        ([*a_try(A, ALL, 0, False), ("wait", A, 8), ("renew", A, 0), *ASK_TWO, ("wait", A, 8)], ["a"], [1]),
        ([*a_try(A, ALL, 0, False), ("wait", A, 9), *a_try(B, ALL, 0, False), ("renew", A, 0), *ASK_TWO], ["b"], [1, 2]),
    ],
)  # fmt: skip
def test_orders_that_matter(steps: list, holders: list[str], epochs: list[int]) -> None:
    world = World(3)
    for step in steps:
        world.step(*step)
        assert len(world.holders()) <= 1
    assert ([one.name for one in world.holders()], world.epochs) == (holders, epochs)


def test_half_is_no_majority() -> None:
    world = World(4)
    for step in [*a_try(A, [0, 1], 0, False), *a_try(B, [2, 3], 0, False)]:
        world.step(*step)
    assert (world.holders(), world.epochs) == ([], [])
