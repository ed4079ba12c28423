# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the module `swap` on a pretended host that has a mark of a rejected build."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rejection import Mark
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_plan import Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, rejections
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap_job import Job
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.0.0")
    fake.install("1.1.0")
    fake.on_start = lambda swap_id: agent.main(["swap", swap_id], fake.world)
    return fake


def job(fake: FakeParent, version: str = "1.1.0", **options: object) -> Job:
    return Job(fake.world, Wish("data", version, **options), "/usr/bin/python3", lambda: "/agent.pyz", lambda: f"{len(fake.calls):08x}")


def reject(fake: FakeParent, version: str = "1.1.0", srcversion: str | None = None) -> None:
    """Reject a version's build that is there, or another one."""
    build = rejections.srcversion(fake.paths, fake.status, fake.run, fake.world.release, "remap", version)
    assert build
    wanted = build if srcversion is None else srcversion
    rejections.write(fake.paths, Mark("remap", version, wanted, "2026-01-31T23:59:58Z", "run-a", "n1", "errors_up"))


@pytest.mark.parametrize("mode", ["auto", "handover", "two_step", "warm", "cold"])
@pytest.mark.parametrize("method", ["check", "apply"])
def test_fake_parent_a_rejected_build_is_not_swapped_to(fake_parent: FakeParent, mode: str, method: str) -> None:
    reject(fake_parent)
    with pytest.raises(TwostepError) as refused:
        getattr(job(fake_parent, mode=mode), method)()
    assert refused.value.code == "version_rejected"
    assert [call for call in fake_parent.calls if call[0] == "systemd-run"] == []
    assert fake_parent.writes == []


@pytest.mark.parametrize("method", ["check", "apply"])
def test_fake_parent_a_build_that_serves_uncommitted_is_not_committed(fake_parent: FakeParent, method: str) -> None:
    job(fake_parent, commit=False).apply()
    reject(fake_parent)
    assert fake_parent.status.loaded_srcversion(module_of("1.1.0"))
    with pytest.raises(TwostepError) as refused:
        getattr(job(fake_parent), method)()
    assert refused.value.code == "version_rejected"
    slot = fake_parent.status.slot("data")
    assert (slot.version, slot.parked) == ("1.1.0", "1.0.0")


def test_fake_parent_the_way_back_from_it_is_free(fake_parent: FakeParent) -> None:
    job(fake_parent, commit=False).apply()
    reject(fake_parent)
    job(fake_parent, "1.0.0").apply()
    slot = fake_parent.status.slot("data")
    assert (slot.version, slot.parked) == ("1.0.0", None)


def test_fake_parent_a_mended_build_is_another_one(fake_parent: FakeParent) -> None:
    reject(fake_parent, srcversion="0000")
    job(fake_parent).apply()
    assert fake_parent.status.slot("data").version == "1.1.0"


def test_fake_parent_what_is_committed_stays_and_is_no_error(fake_parent: FakeParent) -> None:
    job(fake_parent).apply()
    reject(fake_parent)
    assert job(fake_parent).apply().step.action == "none"
