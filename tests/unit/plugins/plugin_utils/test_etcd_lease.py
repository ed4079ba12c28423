# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease in a real etcd: one holder, fencing numbers that only grow, and what happens when etcd is not there."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import Lease
from ansible_collections.twostep.hotswap.plugins.module_utils.host import http
from ansible_collections.twostep.hotswap.plugins.plugin_utils import etcd_lease
from ansible_collections.twostep.hotswap.plugins.plugin_utils.etcd_lease import Etcd
from ansible_collections.twostep.hotswap.tests.unit.plugins.plugin_utils import etcd_server

if not os.path.exists(etcd_server.PROGRAM):
    pytest.skip("there is no etcd on this machine", allow_module_level=True)

ALICE = Lease(1, "run-a", "alice@deploy1", "deploy1", "2026-01-31T23:59:58Z", 600)
BOB = Lease(1, "run-b", "bob@deploy2", "deploy2", "2026-02-01T00:10:00Z", 600)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with etcd_server.serving(tmp_path_factory.mktemp("etcd")) as found:
        yield found


@pytest.fixture
def etcd(server, request) -> Etcd:
    """A fleet of its own for each test."""
    return Etcd((server.endpoint,), request.node.name)


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


def test_the_whole_life_of_a_lease(etcd: Etcd) -> None:
    assert etcd.holder() is None
    mine = etcd.hold(ALICE, "", 100.0)
    kept = etcd.holder()
    assert kept.lease == replace(ALICE, epoch=mine.epoch)
    assert (mine.provider, mine.run_id, mine.held_at_s, mine.ttl_s, mine.handle) == ("etcd", "run-a", 100.0, 600, kept.handle)
    assert 590 < etcd.left_s(kept) <= 600
    assert etcd.renew(mine, 300.0) == replace(mine, held_at_s=300.0)
    etcd.halt(mine)
    assert etcd.holder().lease == replace(ALICE, epoch=mine.epoch, halted=True)
    etcd.release(mine)
    assert etcd.holder() is None
    etcd.release(mine)


def test_a_second_operator_is_told_of_the_first(etcd: Etcd) -> None:
    mine = etcd.hold(ALICE, "", 100.0)
    error = refused(etcd.hold, BOB, "", 100.0)
    assert error.code == "lease_held"
    assert error.message.startswith("The fleet is held by alice@deploy1 on deploy1 (run run-a) since 2026-01-31T23:59:58Z, on etcd, for ")
    assert error.next_step == "Wait for the end of that run; only if it is dead, run again with twostep_lease_takeover=run-a."
    assert etcd.renew(mine, 200.0).epoch == mine.epoch


@pytest.mark.parametrize(("halted", "owner", "takeover", "granted"), [
    (False, "alice@deploy1", "", False), (True, "alice@deploy1", "", True), (True, "bob@deploy2", "", False),
    (False, "bob@deploy2", "run-a", True), (False, "bob@deploy2", "run-x", False),
])  # fmt: skip
def test_it_is_broken_only_by_a_resumption_or_a_takeover(etcd: Etcd, halted: bool, owner: str, takeover: str, granted: bool) -> None:
    first = etcd.hold(ALICE, "", 100.0)
    if halted:
        etcd.halt(first)
    if not granted:
        assert refused(etcd.hold, replace(BOB, owner=owner), takeover, 100.0).code == "lease_held"
        assert etcd.holder().lease.run_id == "run-a"
        return
    second = etcd.hold(replace(BOB, owner=owner), takeover, 100.0)
    assert second.epoch > first.epoch
    assert etcd.holder().lease.taken_from == "run-a"
    for act in (lambda: etcd.renew(first, 200.0), lambda: etcd.halt(first)):
        error = refused(act)
        assert error.message == (
            f"Run run-a does not hold the lease of epoch {first.epoch} any more: now {owner} on deploy2 (run run-b) since "
            "2026-02-01T00:10:00Z has it."
        )
    etcd.release(first)  # leaves the other's alone
    assert etcd.renew(second, 200.0).epoch == second.epoch


def test_a_request_that_is_sent_again_is_granted_once(etcd: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to the transaction is lost, and the next endpoint is asked the same."""
    fetch, lost = http.fetch, []

    def deaf(url: str, *arguments: object):
        said = fetch(url, *arguments)
        if url.endswith("kv/txn") and not lost:
            lost.append(said)
            raise TwostepError("command_timeout", "Nothing came.", "Ask.")
        return said

    monkeypatch.setattr(etcd_lease.http, "fetch", deaf)
    twice = replace(etcd, endpoints=etcd.endpoints * 2)
    mine = twice.hold(ALICE, "", 100.0)
    assert (len(lost), mine.epoch) == (1, int(json.loads(lost[0][1])["header"]["revision"]))
    assert twice.renew(mine, 200.0)


def test_an_expired_lease_is_lost_and_the_next_has_a_higher_epoch(etcd: Etcd) -> None:
    mine = etcd.hold(ALICE, "", 100.0)
    etcd._revoke(mine.handle)  # what etcd does by itself at the end of its life
    assert refused(etcd.renew, mine, 200.0).message == f"Run run-a does not hold the lease of epoch {mine.epoch} any more: it has expired."
    assert etcd.hold(BOB, "", 300.0).epoch > mine.epoch


def test_a_refused_try_leaves_nothing_behind(etcd: Etcd) -> None:
    etcd.hold(ALICE, "", 100.0)
    before = etcd._ask("lease/leases", {}).get("leases")
    refused(etcd.hold, BOB, "", 100.0)
    assert etcd._ask("lease/leases", {}).get("leases") == before


def test_fleets_do_not_see_each_other(etcd: Etcd) -> None:
    etcd.hold(ALICE, "", 100.0)
    assert replace(etcd, fleet="another").hold(BOB, "", 100.0).run_id == "run-b"


def test_what_others_wrote_into_the_key_is_no_lease_and_not_overwritten(etcd: Etcd) -> None:
    for value in (b"mine", b'{"owner": "{{ x }}"}', b"\xff"):
        etcd._ask("kv/put", {"key": etcd._key(), "value": base64.b64encode(value).decode()})
        assert refused(etcd.holder).code == "etcd_answer"
        assert refused(etcd.hold, ALICE, "", 100.0).message == (
            f"etcd's answer cannot be used: the key /twostep/lease/{etcd.fleet} does not tell whose lease it is."
        )


def test_the_first_endpoint_that_answers_is_enough(etcd: Etcd) -> None:
    dead = replace(etcd, endpoints=("http://127.0.0.1:1", *etcd.endpoints))
    assert dead.hold(ALICE, "", 100.0).run_id == "run-a"


def test_a_member_that_is_killed_is_told_and_knows_everything_when_it_is_back(tmp_path) -> None:
    with etcd_server.serving(tmp_path) as server:
        etcd = Etcd((server.endpoint,), "storage")
        mine = etcd.hold(ALICE, "", 100.0)
        server.kill()
        for act in (lambda: etcd.renew(mine, 200.0), lambda: etcd.hold(BOB, "", 200.0), etcd.holder):
            error = refused(act)
            assert error.code == "etcd_unreachable"
            assert error.message.startswith(f"No endpoint of etcd has answered: {server.endpoint}/v3/")
        server.start()
        assert refused(etcd.hold, BOB, "", 200.0).code == "lease_held"
        assert etcd.renew(mine, 300.0).held_at_s == 300.0


def test_users_of_etcds_own(tmp_path) -> None:
    right, guessed = "secret", "guess"
    with etcd_server.serving(tmp_path) as server:
        open_to_all = Etcd((server.endpoint,), "storage")
        open_to_all._ask("auth/user/add", {"name": "root", "password": right})
        open_to_all._ask("auth/role/add", {"name": "root"})
        open_to_all._ask("auth/user/grant", {"user": "root", "role": "root"})
        open_to_all._ask("auth/enable", {})
        assert refused(open_to_all.holder).code == "etcd_unreachable"
        wrong = refused(replace(open_to_all, user="root", password=guessed).holder)
        assert wrong.message == f"No endpoint of etcd has answered: {server.endpoint} refuses user root."
        assert replace(open_to_all, user="root", password=right).hold(ALICE, "", 100.0).run_id == "run-a"


@pytest.mark.parametrize(
    ("status", "text"), [(200, "[]"), (200, "{"), (200, "{}"), (200, '{"ID": "x"}'), (500, "{}"), (200, '{"error": "no"}'), (301, "moved")]
)
def test_an_answer_that_is_none_grants_nothing(status: int, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_lease.http, "fetch", lambda *_arguments: (status, text))
    assert refused(Etcd(("http://e",), "storage").hold, ALICE, "", 100.0).code in ("etcd_answer", "etcd_unreachable")
