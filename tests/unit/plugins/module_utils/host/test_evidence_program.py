# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that looks at a host: packed, run alone, one question in and one answer out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import evidence
from ansible_collections.twostep.hotswap.plugins.module_utils.host import evidence_program, packed
from ansible_collections.twostep.hotswap.plugins.module_utils.host.evidence import World
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent


def test_it_runs_alone(tmp_path) -> None:
    path = tmp_path / "program.pyz"
    path.write_bytes(packed.pack(evidence_program, "p"))
    done = subprocess.run(
        [sys.executable, "-I", str(path)], input='{"family": "Remap"}', capture_output=True, text=True, check=True, cwd="/", timeout=120
    )
    assert json.loads(done.stdout)["code"] == "bad_family"


def test_an_answer_is_evidence_on_the_other_side(tmp_path) -> None:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    told = json.loads(json.dumps(evidence_program.answer(World(fake.paths, fake.status, lambda: 1.0), {"family": "remap"})))
    found = evidence.parse(told["evidence"])
    assert found is not None
    assert ([slot.slot for slot in found.slots], found.log) == (["data"], None)


@pytest.mark.parametrize(("family", "code"), [("../x", "bad_family"), ("remap", "no_parent")])
def test_a_refusal_is_an_answer(tmp_path, family: str, code: str) -> None:
    fake = FakeParent(tmp_path)
    (tmp_path / "sys/kernel/twostep/contract").unlink()
    found = evidence_program.answer(World(fake.paths, fake.status), {"family": family})
    assert (found["failed"], found["code"]) == (True, code)
