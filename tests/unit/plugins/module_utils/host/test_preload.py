# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import preload
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of

MODULE = module_of("1.1.0")
REQUEST = SwapRequest(
    "data-1", "run-1", "data", "remap", "1.0.0", "1.1.0", 1, "t", path="/m.ko", module=MODULE, old_module="twostep_remap_1_0_0",
    srcversion="SRC1.1.0",
)  # fmt: skip


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.1.0")
    return fake


def programs(fake: FakeParent) -> list[list[str]]:
    return [call for call in fake.calls if call[0] != "dmesg"]


def test_fake_parent_loads_the_candidate(fake_parent: FakeParent) -> None:
    assert preload.load(fake_parent.world, REQUEST).loaded
    assert programs(fake_parent) == [["modprobe", MODULE]]


def test_fake_parent_has_it_already(fake_parent: FakeParent) -> None:
    fake_parent.register("1.1.0")
    assert not preload.load(fake_parent.world, REQUEST).loaded
    assert programs(fake_parent) == []


def test_fake_parent_an_unused_other_build_is_replaced(fake_parent: FakeParent) -> None:
    fake_parent.register("1.1.0", srcversion="OTHER")
    assert preload.load(fake_parent.world, REQUEST).loaded
    assert programs(fake_parent) == [["rmmod", MODULE], ["modprobe", MODULE]]


def test_fake_parent_a_used_other_build_is_left(fake_parent: FakeParent) -> None:
    fake_parent.register("1.1.0", srcversion="OTHER")
    fake_parent.use("1.1.0", 1)
    with pytest.raises(TwostepError) as caught:
        preload.load(fake_parent.world, REQUEST)
    assert caught.value.code == "other_build"
    assert caught.value.message == f"The kernel has another build of {MODULE}, and a slot uses it."
    assert caught.value.next_step == "Swap that slot away from it first, or give the new build a version of its own."
    assert programs(fake_parent) == []


def test_fake_parent_modprobe_found_another_file(fake_parent: FakeParent) -> None:
    original = fake_parent.register
    fake_parent.register = lambda version: original(version, srcversion="OTHER")  # type: ignore[method-assign]
    with pytest.raises(TwostepError) as caught:
        preload.load(fake_parent.world, REQUEST)
    assert caught.value.code == "not_registered"
    assert caught.value.message == f"The module {MODULE} that modprobe loaded is not the remap 1.1.0 of /m.ko."
    assert caught.value.next_step == "Run depmod, and look for a second file of that name below /lib/modules."
    assert programs(fake_parent) == [["modprobe", MODULE], ["rmmod", MODULE]]


def test_fake_parent_the_kernel_log_is_told(fake_parent: FakeParent) -> None:
    fake_parent.answers["modprobe"] = Result(1, "", f"modprobe: ERROR: could not insert '{MODULE}': Exec format error")
    fake_parent.log = "\n".join([f"[1] {MODULE}: line {number}" for number in range(9)] + ["[2] unrelated", "[3] twostep: contract"])
    with pytest.raises(TwostepError) as caught:
        preload.load(fake_parent.world, REQUEST)
    assert caught.value.code == "load_failed"
    assert caught.value.data["cause"] == "wrong_kernel"
    assert caught.value.message.startswith(
        f"Module {MODULE} cannot be loaded: Exec format error. The kernel log says: [1] {MODULE}: line 5 |"
    )
    assert caught.value.message.endswith("| [3] twostep: contract")
    assert len(caught.value.data["kernel_log"]) == 5


def test_fake_parent_without_a_kernel_log(fake_parent: FakeParent) -> None:
    def run(argv: list[str], timeout_s: float = 60.0) -> Result:
        raise TwostepError("no_command", f"No {argv[0]}.", "Install it.")

    fake_parent.run = run  # type: ignore[method-assign]
    world = fake_parent.world.__class__(**{**fake_parent.world.__dict__, "run": run})
    assert preload.kernel_log(world, MODULE) == []
