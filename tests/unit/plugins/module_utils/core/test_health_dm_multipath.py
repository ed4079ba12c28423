# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""multipathd show maps json: which maps count as healthy. The documents have the form of libmultipath/print.c, multipath-tools 0.9.4."""

from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_dm_multipath as core
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN


def path(dev: str, port: str = "[undef]", **changed: object) -> dict:
    return {
        "dev": dev,
        "dev_t": "8:16",
        "dm_st": "active",
        "dev_st": "running",
        "chk_st": "ready",
        "checker": "tur",
        "pri": 50,
        "host_wwnn": "[undef]",
        "target_wwnn": "iqn.2026-01.example:store",
        "host_wwpn": "[undef]",
        "target_wwpn": port,
        "host_adapter": "10.0.0.9",
        "lun_hex": "0x0001000000000000",
        "marginal_st": "normal",
        **changed,
    }


def group(*paths: dict) -> dict:
    return {"selector": "service-time 0", "pri": 50, "dm_st": "active", "marginal_st": "normal", "group": 1, "paths": list(paths)}


def a_map(*groups: dict, **changed: object) -> dict:
    return {
        "name": "mpatha",
        "uuid": "36001405a1",
        "sysfs": "dm-0",
        "failback": "-",
        "queueing": "off",
        "paths": 2,
        "write_prot": "rw",
        "dm_st": "active",
        "features": "0",
        "hwhandler": "1 alua",
        "action": "",
        "path_faults": 0,
        "path_groups": list(groups),
        **changed,
    }


def document(*maps: dict) -> str:
    return json.dumps({"major_version": 0, "minor_version": 1, "maps": list(maps)})


P1, P2 = "0x2018e00084ee7ec9", "0x2008e00084ee7ec9"
ISCSI = a_map(group(path("sda"), path("sdb")))
STANDBY = a_map(group(path("sda", P1)), group(path("sdb", P2)))
OLD = a_map(group(*({key: value for key, value in path(dev).items() if key not in ("marginal_st", "lun_hex")} for dev in ("sda", "sdb"))))
STARTS, PORTS = "mpatha is active. All 2 paths of mpatha are in order. mpatha has 2 paths in order", "through 2 ports."
UNNAMED = f"{STARTS}, whose targets do not all name their port."
WANTED = "it must be active, ready, running, normal."


def with_b(**changed: object) -> dict:
    return a_map(group(path("sda"), path("sdb", **changed)))


def broken(words: str) -> str:
    return f"Path sdb of mpatha is not in order: {words}; {WANTED} mpatha has 1 paths in order, and needs 2."


@pytest.mark.parametrize(
    ("said", "verdict", "reason"),
    [
        (ISCSI, OK, UNNAMED),
        (OLD, OK, UNNAMED),
        ({**ISCSI, "queueing": "on"}, OK, UNNAMED),
        (STANDBY, OK, f"{STARTS} {PORTS}"),
        (a_map(group(path("sda", P1), path("sdb"))), OK, UNNAMED),
        (
            a_map(group(path("sda", P1), path("sdb", P1))),
            NOT_OK,
            f"mpatha has 2 paths in order, but all go through port {P1} of the target.",
        ),
        (a_map(group(path("sda"))), NOT_OK, "mpatha has 1 paths in order, and needs 2."),
        (a_map(), NOT_OK, "mpatha has 0 paths in order, and needs 2."),
        (with_b(dm_st="failed", chk_st="faulty"), NOT_OK, broken("failed, faulty, running, normal")),
        (with_b(chk_st="faulty"), NOT_OK, broken("active, faulty, running, normal")),
        (with_b(chk_st="ghost"), NOT_OK, broken("active, ghost, running, normal")),
        (with_b(chk_st="shaky"), NOT_OK, broken("active, shaky, running, normal")),
        (with_b(chk_st="i/o pending"), NOT_OK, broken("active, i/o pending, running, normal")),
        (with_b(chk_st="i/o timeout"), NOT_OK, broken("active, i/o timeout, running, normal")),
        (with_b(dm_st="failed", chk_st="delayed"), NOT_OK, broken("failed, delayed, running, normal")),
        (with_b(dev_st="offline"), NOT_OK, broken("active, ready, offline, normal")),
        (with_b(marginal_st="marginal"), NOT_OK, broken("active, ready, running, marginal")),
        # Two are left, and yet one has failed.
        (
            a_map(group(path("sda"), path("sdb")), group(path("sdc", dm_st="failed", chk_st="faulty"))),
            NOT_OK,
            f"Path sdc of mpatha is not in order: failed, faulty, running, normal; {WANTED}",
        ),
        ({**ISCSI, "dm_st": "suspend"}, NOT_OK, "mpatha is suspended."),
        ({**ISCSI, "dm_st": "undef"}, UNKNOWN, "mpatha does not tell its state."),
        *[
            (with_b(**{key: value}), UNKNOWN, "Path sdb of mpatha does not tell its state.")
            for key in ("dm_st", "chk_st", "dev_st")
            for value in ("undef", None, 1, "Ready", "")
        ],
        (with_b(marginal_st="odd"), UNKNOWN, "Path sdb of mpatha does not tell its state."),
    ],
)
def test_judge(said: dict, verdict: str, reason: str) -> None:
    (one,) = core.parse(document(said))
    finding = core.judge(one)
    assert (finding.verdict, finding.reason) == (verdict, reason)


def test_every_map_is_told() -> None:
    assert [one.name for one in core.parse(document(ISCSI, {**ISCSI, "name": "mpathb"}))] == ["mpatha", "mpathb"]
    assert core.parse(document()) == []


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        document(ISCSI)[:-9],
        "timeout\n",
        "fail\n",
        "error -104 receiving packet\n",
        "ok\n",
        "[]",
        "{}",
        json.dumps({"major_version": 1, "minor_version": 0, "maps": []}),
        json.dumps({"major_version": 0, "minor_version": 1}),
        json.dumps({"major_version": 0, "minor_version": 1, "maps": {}}),
        document({**ISCSI, "name": ""}),
        document({**ISCSI, "path_groups": None}),
        document(a_map(group(path("sda"), path("sdb")), {"paths": None})),
        document(a_map(group(path("sda"), "sdb"))),  # type: ignore[arg-type]
        document(a_map(group(path("sda"), path("")))),
    ],
)
def test_another_form_is_refused_as_a_whole(stdout: str) -> None:
    with pytest.raises(TwostepError) as caught:
        core.parse(stdout)
    assert (caught.value.code, caught.value.message) == ("unreadable_answer", "The answer of multipathd could not be read.")


def test_evidence_has_the_states() -> None:
    (one,) = core.parse(document(STANDBY))
    assert core.evidence(one) == {
        "state": "active",
        "paths": [["sda", "active", "ready", "running", P1], ["sdb", "active", "ready", "running", P2]],
    }
