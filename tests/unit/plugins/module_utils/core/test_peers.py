# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import peers
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Range

OLD, MIDDLE, NEW = "1.0.0", "1.1.0", "2.0.0"
SPOKEN = {OLD: Range(1, 1), MIDDLE: Range(1, 2), NEW: Range(2, 2)}


@pytest.mark.parametrize(
    ("hosts", "told", "pairs"),
    [
        ([("n1", [OLD, MIDDLE]), ("n2", [OLD, MIDDLE])], {"n1": SPOKEN}, []),
        ([("n1", [MIDDLE, NEW]), ("n2", [MIDDLE, NEW])], {"n1": SPOKEN}, []),
        ([("n1", [OLD, NEW]), ("n2", [OLD, NEW])], {"n1": SPOKEN}, [("n1", OLD, "n2", NEW)]),
        # Hot steps one after the other do not help, while others are still at the beginning.
        ([("n1", [OLD, MIDDLE, NEW]), ("n2", [OLD, MIDDLE, NEW])], {"n1": SPOKEN}, [("n1", OLD, "n2", NEW)]),
        # A host that has been left behind, and is not touched.
        ([("n1", [MIDDLE, NEW]), ("n2", [MIDDLE, NEW]), ("n3", [OLD])], {"n2": SPOKEN}, [("n1", NEW, "n3", OLD)]),
        # Nobody is there to talk to.
        ([("n1", [OLD, NEW])], {"n1": SPOKEN}, []),
        # Unknown, or none.
        ([("n1", [OLD, NEW]), ("n2", [OLD, NEW])], {}, []),
        ([("n1", [OLD, NEW]), ("n2", [OLD, NEW])], {"n1": {OLD: None, NEW: Range(2, 2)}}, []),
        # Builds of one version that differ between hosts.
        ([("n1", [OLD]), ("n2", [OLD])], {"n1": {OLD: Range(1, 1)}, "n2": {OLD: Range(2, 3)}}, [("n1", OLD, "n2", OLD)]),
    ],
)
def test_conflicts(hosts: list, told: dict, pairs: list) -> None:
    found = peers.conflicts(hosts, told)
    assert [(one.host, one.version, one.other_host, one.other_version) for one in found] == pairs


def test_a_conflict_says_what_to_do() -> None:
    (found,) = peers.conflicts([("n1", [OLD, NEW]), ("n2", [OLD, NEW])], {"n1": SPOKEN})
    assert str(found) == (
        "it would serve 1.0.0, which speaks 1-1, while n2 serves 2.0.0, which speaks 2-2; "
        "take the whole fleet to a version that speaks both first"
    )


def test_a_large_fleet_is_judged_by_its_kinds() -> None:
    hosts = [(f"n{number}", [OLD, MIDDLE, NEW]) for number in range(10_000)]
    assert len(peers.conflicts(hosts, {"n1": SPOKEN})) == 1
