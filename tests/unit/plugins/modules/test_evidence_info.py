# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core import evidence as core_evidence
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.evidence import World
from ansible_collections.twostep.hotswap.plugins.modules import evidence_info
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent


@pytest.fixture
def world(tmp_path) -> World:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_bytes(b"3,1,0,-;usb 1-1: device descriptor read/64, error -71\n")
    return World(fake.paths, fake.status)


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(evidence_info.DOCUMENTATION)["options"]
    assert set(documented) == set(evidence_info.argument_spec())
    for name, option in evidence_info.argument_spec().items():
        assert {key: documented[name].get(key) for key in ("type", "required")} == option


def test_everything_that_is_returned_is_documented(world: World) -> None:
    told = evidence_info.gather(world, "remap")
    documented = yaml.safe_load(evidence_info.RETURN)["evidence"]["contains"]
    assert told["changed"] is False
    assert set(told["evidence"]) == set(documented)
    assert set(told["evidence"]["slots"][0]) == set(documented["slots"]["contains"])
    assert set(told["evidence"]["log"]) == set(documented["log"]["contains"])
    assert core_evidence.parse(told["evidence"]) is not None


def test_a_family_that_is_none(world: World) -> None:
    with pytest.raises(TwostepError) as caught:
        evidence_info.gather(world, "Remap")
    assert caught.value.code == "bad_family"
