# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload on a pretended host whose disk gets full in any phase: everybody is back all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.ledger import Entry
from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger, reload
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import EVERYBODY, KilledError, ReloadDouble

OLD, NEW = ["1.0", "1.0"], ["2.0", "2.0"]


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    return fake


def with_room_for(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ledger take so many lines more."""
    left = list(range(lines))
    append = ledger.append

    def until_full(paths: Paths, entry: Entry) -> Entry:
        if not left:
            raise TwostepError("ledger_unusable", "The ledger is full.", "Make room.")
        left.pop()
        return append(paths, entry)

    monkeypatch.setattr(ledger, "append", until_full)


@pytest.mark.parametrize("lines", range(14))
def test_fake_parent_a_ledger_that_gets_full_keeps_nobody_down(
    fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    request = fake_parent.request()
    with_room_for(lines, monkeypatch)
    result = reload.Transaction(fake_parent.world, request).perform()
    # Two lines for each of seven phases; once everybody is back on the new modules, they stay.
    outcome, loaded = ("failed", OLD) if lines < 2 else ("returned", OLD) if lines < 10 else ("failed", NEW)
    assert (result.outcome, result.code, fake_parent.loaded(), fake_parent.users()) == (outcome, "ledger_unusable", loaded, EVERYBODY)
    assert result.message.startswith("The ledger is full. lower is ")


def test_fake_parent_a_full_ledger_keeps_nobody_down_after_a_death(fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    request = fake_parent.request()
    fake_parent.die_at = fake_parent.moments + 6
    with pytest.raises(KilledError):
        reload.Transaction(fake_parent.world, request).perform()
    assert fake_parent.users() != EVERYBODY
    with_room_for(0, monkeypatch)
    assert reload.settle(fake_parent.world, request).code == "agent_died"
    assert (fake_parent.loaded(), fake_parent.users()) == (OLD, EVERYBODY)
