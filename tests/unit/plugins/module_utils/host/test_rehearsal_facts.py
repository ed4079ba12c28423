# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.exercise import Offers
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal import Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rehearsal_facts
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.rehearsal_double import RehearsalDouble

WISH = Wish("data", "1.1.0")


@pytest.fixture
def fake(tmp_path) -> RehearsalDouble:
    return RehearsalDouble(tmp_path)


def refused(fake: RehearsalDouble, wish: Wish = WISH) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        rehearsal_facts.gather(fake.world, wish)
    return caught.value


def test_fake_parent_facts(fake: RehearsalDouble) -> None:
    facts = rehearsal_facts.gather(fake.world, WISH)
    assert (facts.running, facts.features, facts.devices, facts.absent_drivers) == ("1.0.0", ("flush", "fua"), ("nbd", "loop"), ())
    assert (facts.is_loaded, facts.has_way_back, facts.block_bytes, facts.template) == (False, True, 4096, "lower={device}")
    assert facts.relied_on == Offers(flush=True)
    assert facts.candidate is not None
    assert facts.path.endswith("/twostep_remap_1_1_0.ko")


def test_fake_parent_a_version_that_serves_needs_no_rehearsal(fake: RehearsalDouble) -> None:
    assert rehearsal_facts.gather(fake.world, Wish("data", "1.0.0")).candidate is None


def test_fake_parent_what_compat_rules_out_is_not_rehearsed(fake: RehearsalDouble) -> None:
    assert refused(fake, Wish("data", "3.0.0")).code == "not_built"
    fake.install("1.1.0", twostep_features="flush")
    assert refused(fake).code == "feature_dropped"
    fake.install("1.1.0", twostep_schema_writes="9-9")
    assert refused(fake).code == "no_way_back"
    assert not rehearsal_facts.gather(fake.world, Wish("data", "1.1.0", one_way=True)).has_way_back


def test_fake_parent_another_build_is_loaded(fake: RehearsalDouble) -> None:
    fake.register("1.1.0")
    assert rehearsal_facts.gather(fake.world, WISH).is_loaded
    fake.register("1.1.0", srcversion="OTHER")
    error = refused(fake)
    assert error.code == "other_build"
    assert str(error) == (
        "The kernel has another build of twostep_remap_1_1_0 loaded than the one that is installed. "
        "Next: Unload it if nothing uses it, or give the new build a version of its own."
    )
    assert error.data == {"loaded": "OTHER", "installed": "SRC1.1.0"}


def test_fake_parent_memory_is_short(fake: RehearsalDouble) -> None:
    fake.put(fake.root / "proc/meminfo", "MemAvailable: 92160 kB")
    assert refused(fake).data == {"available_mib": 90, "needed_mib": 96}
    fake.put(fake.root / "proc/meminfo", "MemTotal: 102400 kB")
    assert refused(fake).code == "memory_short"


def test_fake_parent_a_folder(fake: RehearsalDouble) -> None:
    (fake.root / "scratch").mkdir()
    rehearsal_facts.gather(fake.world, Wish("data", "1.1.0", "/scratch", 4))
    error = refused(fake, Wish("data", "1.1.0", "/nowhere", 4))
    assert error.code == "no_scratch"
    assert str(error) == "/nowhere cannot be used: No such file or directory. Next: Choose a folder that exists, or memory."


def test_fake_parent_drivers_that_can_be_loaded(fake: RehearsalDouble) -> None:
    for name in ("nbd0", "loop-control"):
        (fake.root / "dev" / name).unlink()
    assert rehearsal_facts.gather(fake.world, WISH).absent_drivers == ("nbd", "loop")
    assert ["modinfo", "-n", "nbd"] in fake.calls
    fake.answers["modinfo"] = Result(1, "", "not found")
    error = refused(fake)
    assert error.code == "no_scratch"
    assert str(error) == (
        "The kernel has neither nbd nor loop, so there is no scratch device. Next: Install the kernel modules nbd and loop."
    )


def test_fake_parent_slots_that_were_touched(fake: RehearsalDouble) -> None:
    fake.add_slot("logs", generation=4)
    fake.add_slot("rehearse-0123456")
    before = rehearsal_facts.generations(fake.world)
    assert before == {"data": (1, "1.0.0"), "logs": (4, "1.0.0")}
    rehearsal_facts.refuse_touched(before, dict(before))
    with pytest.raises(TwostepError) as caught:
        rehearsal_facts.refuse_touched(before, {"data": (1, "1.0.0"), "logs": (5, "1.1.0")})
    assert caught.value.code == "other_slot_changed"
    assert str(caught.value) == (
        "During the rehearsal slot logs went from generation 4 with 1.0.0 to generation 5 with 1.1.0. "
        "Next: Find out who has swapped it. If nobody has, do not use this version."
    )
    with pytest.raises(TwostepError, match=r"from generation 4 with 1\.0\.0 to nothing"):
        rehearsal_facts.refuse_touched(before, {"data": (1, "1.0.0")})
