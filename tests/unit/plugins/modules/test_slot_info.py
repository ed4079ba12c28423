# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.modules import slot_info
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, FakeParent


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.add_slot("logs", "1.1.0")
    return fake


def differ(fake: FakeParent) -> slot_info.Differ:
    return slot_info.differ(fake.paths, fake.status, fake.run, RELEASE)


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(slot_info.DOCUMENTATION)["options"]
    for name, option in slot_info.argument_spec().items():
        assert {key: documented[name].get(key) for key in ("type", "elements")} == {key: option.get(key) for key in ("type", "elements")}
    assert set(documented) == set(slot_info.argument_spec())


def test_fake_parent_everything(fake_parent: FakeParent) -> None:
    told = slot_info.gather(fake_parent.status, None, None)
    assert told["changed"] is False
    assert told["parent"] == {"contract": "1.0", "version": "1.0.0"}
    assert [(slot["slot"], slot["version"], slot["parked"]) for slot in told["slots"]] == [("data", "1.0.0", None), ("logs", "1.1.0", None)]
    assert [child["module"] for child in told["children"]] == ["twostep_remap_1_0_0", "twostep_remap_1_1_0"]


def test_fake_parent_everything_that_is_returned_is_documented(fake_parent: FakeParent) -> None:
    told = slot_info.gather(fake_parent.status, None, None, differ(fake_parent))
    documented = yaml.safe_load(slot_info.RETURN)
    assert set(told["slots"][0]) == set(documented["slots"]["contains"])
    assert set(told["children"][0]) == set(documented["children"]["contains"])
    assert set(told["parent"]) == set(documented["parent"]["contains"])
    assert set(told) - {"changed"} <= set(documented)


def test_fake_parent_drift_is_told_when_it_is_asked_for(fake_parent: FakeParent) -> None:
    (fake_parent.root / "boot").mkdir()
    (fake_parent.root / f"boot/initrd.img-{RELEASE}").touch()
    fake_parent.install("1.0.0")
    told = slot_info.gather(fake_parent.status, None, None, differ(fake_parent))
    assert [[found["code"] for found in slot["drift"]] for slot in told["slots"]] == [[], ["file_missing"]]
    assert [call[0] for call in fake_parent.calls] == ["lsinitramfs"]
    assert "drift" not in slot_info.gather(fake_parent.status, None, None)["slots"][0]


def test_fake_parent_scratch_slots_are_told_of_by_name_only(fake_parent: FakeParent) -> None:
    fake_parent.add_slot("rehearse-0123456")
    assert [slot["slot"] for slot in slot_info.gather(fake_parent.status, None, None)["slots"]] == ["data", "logs"]
    assert [slot["slot"] for slot in slot_info.gather(fake_parent.status, ["rehearse-0123456"], None)["slots"]] == ["rehearse-0123456"]


def test_fake_parent_named_slots(fake_parent: FakeParent) -> None:
    told = slot_info.gather(fake_parent.status, ["logs", "logs"], None)
    assert [slot["slot"] for slot in told["slots"]] == ["logs"]
    assert slot_info.gather(fake_parent.status, [], None)["slots"] == []


def test_fake_parent_a_family(fake_parent: FakeParent) -> None:
    fake_parent.set("logs", family="cache")
    told = slot_info.gather(fake_parent.status, None, "remap")
    assert [slot["slot"] for slot in told["slots"]] == ["data"]
    assert slot_info.gather(fake_parent.status, None, "other") == {**told, "slots": [], "children": []}


@pytest.mark.parametrize(
    ("slots", "family", "code"), [(["other"], None, "no_slot"), (["../x"], None, "bad_slot"), (None, "Remap", "bad_family")]
)
def test_fake_parent_bad_questions(fake_parent: FakeParent, slots: list | None, family: str | None, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        slot_info.gather(fake_parent.status, slots, family)
    assert caught.value.code == code
