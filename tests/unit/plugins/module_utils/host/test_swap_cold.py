# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls for the cold way against a pretended parent, whose host is booted between them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot as core_boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.trial import Trial
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, boot, ledger, swap_folder, trials
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.host.test_swap_job import (
    BOOT,
    apply,
    job,
    pending,
    refused,
    started,
)


class Host(FakeParent):
    """A host whose slot has no hot way to the version that is installed."""

    def reboot(self, serves: str, state: str = "serving", reason: str = "") -> None:
        """Boot into a version, and leave the trial as the boot unit would."""
        self.boot(2)
        for version in ("1.0.0", "2.0.0"):
            self.drop(f"twostep_remap_{version.replace('.', '_')}")
        self.add_slot(version=serves)
        found = self.trial()
        if found:
            trials.write(self.paths, found.moved(state, trials.boot_id(self.paths), reason))

    def trial(self) -> Trial | None:
        return trials.read(self.paths, "data")

    def committed(self) -> str:
        found = boot.read_slot(self.paths, "data")
        return found.version if found else ""


@pytest.fixture
def fake_parent(tmp_path: Path) -> Host:
    fake = Host(tmp_path)
    fake.add_slot()
    fake.install("1.0.0")
    fake.install("2.0.0", twostep_schema_reads="7-7", twostep_schema_writes="7-7")
    fake.put(tmp_path / "etc/twostep/slots.d/data.json", BOOT)
    fake.put(tmp_path / "usr/bin/python3", "")
    fake.put(tmp_path / "etc/systemd/system/twostep-slots.service", "of an older agent")
    fake.on_start = lambda swap_id: agent.main(["swap", swap_id], fake.world)
    return fake


def arm(fake: Host) -> None:
    assert apply(fake, "2.0.0", mode="cold").result.outcome == "armed"  # type: ignore[union-attr]


def test_fake_parent_armed_and_nothing_else_changes(fake_parent: Host) -> None:
    wanted = job(fake_parent, "2.0.0", mode="cold", run_id="run-9")
    predicted = wanted.check()
    assert (fake_parent.trial(), started(fake_parent)) == (None, [])
    outcome = wanted.apply()
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.mode, outcome.verdict["mode"]) == ("armed", "cold", "cold")
    assert (predicted.after, predicted.verdict) == (outcome.after, outcome.verdict)
    assert outcome.after == {**outcome.before, "trial": "2.0.0"}
    assert fake_parent.trial() == Trial("data", "2.0.0", "1.0.0", outcome.result.swap_id, "run-9", trials.boot_id(fake_parent.paths))
    assert [(entry.phase, entry.event) for entry in ledger.read(fake_parent.paths)] == [("arm", "begin"), ("arm", "end")]
    assert (fake_parent.writes, fake_parent.committed(), fake_parent.is_loaded("2.0.0")) == ([], "1.0.0", False)


def test_fake_parent_the_unit_of_the_boot_knows_trials(fake_parent: Host) -> None:
    arm(fake_parent)
    unit = (fake_parent.root / "etc/systemd/system/twostep-slots.service").read_text()
    assert unit == core_boot.render_unit("/agent.pyz")


@pytest.mark.parametrize("missing", ["etc/twostep/slots.d/data.json", "etc/systemd/system/twostep-slots.service"])
def test_fake_parent_a_slot_that_no_boot_brings_up_is_refused(fake_parent: Host, missing: str) -> None:
    os.unlink(fake_parent.root / missing)
    error = refused(fake_parent, "2.0.0", mode="cold")
    assert (error.code, fake_parent.trial(), started(fake_parent)) == ("not_configured", None, [])
    assert swap_folder.unfinished(fake_parent.paths, "data") is None


def test_fake_parent_armed_again_changes_nothing(fake_parent: Host) -> None:
    arm(fake_parent)
    again = apply(fake_parent, "2.0.0", mode="cold")
    assert (again.step.action, again.result, again.before == again.after, len(started(fake_parent))) == ("boot", None, True, 1)


def test_fake_parent_after_the_boot_it_is_committed(fake_parent: Host) -> None:
    arm(fake_parent)
    fake_parent.reboot("2.0.0")
    assert apply(fake_parent, "2.0.0", mode="cold", commit=False).step.action == "none"
    assert fake_parent.committed() == "1.0.0"
    outcome = apply(fake_parent, "2.0.0", mode="cold")
    assert outcome.result is not None
    assert (outcome.step.action, outcome.result.outcome) == ("commit", "committed")
    assert (fake_parent.committed(), fake_parent.trial()) == ("2.0.0", None)
    assert apply(fake_parent, "2.0.0", mode="cold").step.action == "none"


def test_fake_parent_a_boot_that_went_back_is_told_once_and_then_armed_anew(fake_parent: Host) -> None:
    arm(fake_parent)
    fake_parent.reboot("1.0.0", "failed", "Module twostep_remap_2_0_0 is not there.")
    assert job_error(fake_parent) == "returned"
    assert fake_parent.trial() is not None  # check mode changes nothing
    error = refused(fake_parent, "2.0.0", mode="cold")
    assert (error.code, fake_parent.trial(), fake_parent.committed()) == ("returned", None, "1.0.0")
    assert str(error) == (
        "The boot that was to bring slot data to 2.0.0 went back to the committed version: Module twostep_remap_2_0_0 is not there. "
        "Next: Correct what kept it from serving; the same task then arms the next boot."
    )
    arm(fake_parent)


def job_error(fake: Host) -> str:
    with pytest.raises(TwostepError) as caught:
        job(fake, "2.0.0", mode="cold").check()
    return caught.value.code


@pytest.mark.parametrize("state", ["armed", "trying", "serving"])
def test_fake_parent_a_boot_that_did_not_bring_it_up(fake_parent: Host, state: str) -> None:
    arm(fake_parent)
    trial = fake_parent.trial()
    fake_parent.reboot("1.0.0", state)
    if state == "armed" and trial:
        trials.write(fake_parent.paths, trial)
    error = refused(fake_parent, "2.0.0", mode="cold")
    assert (error.code, fake_parent.trial()) == ("trial_missed", None)
    assert error.message.endswith(f"2.0.0 does not serve slot data: its trial is {state}.")


def test_fake_parent_a_call_for_what_serves_takes_it_back(fake_parent: Host) -> None:
    arm(fake_parent)
    wanted = job(fake_parent, "1.0.0")
    predicted = wanted.check()
    assert predicted.step.action == "commit"
    outcome = wanted.apply()
    assert (outcome.result is not None and outcome.result.outcome, outcome.after) == ("committed", predicted.after)
    assert (fake_parent.trial(), fake_parent.committed(), fake_parent.is_loaded("1.0.0")) == (None, "1.0.0", True)


def test_fake_parent_a_commit_of_another_version_takes_it_back(fake_parent: Host) -> None:
    arm(fake_parent)
    fake_parent.install("1.1.0")
    apply(fake_parent, "1.1.0")
    assert (fake_parent.trial(), fake_parent.committed()) == (None, "1.1.0")


@pytest.mark.parametrize("booted", [False, True])
def test_fake_parent_an_agent_that_died(fake_parent: Host, booted: bool) -> None:
    request = pending(fake_parent, to="2.0.0")
    fake_parent.install("2.0.0", twostep_schema_reads="7-7", twostep_schema_writes="7-7")
    trials.write(fake_parent.paths, Trial("data", "2.0.0", "1.0.0", request.swap_id, "run", trials.boot_id(fake_parent.paths)))
    if booted:
        fake_parent.reboot("2.0.0")
    outcome = apply(fake_parent, "2.0.0", mode="cold")
    assert outcome.step.action == ("commit" if booted else "boot")
    assert "ended before its first phase without an answer." in outcome.notes[0]


def test_fake_parent_what_the_initramfs_brings_up_has_no_trial(fake_parent: Host) -> None:
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", BOOT.replace("}", ', "early": true}'))
    error = refused(fake_parent, "2.0.0", mode="cold")
    assert (error.code, error.message) == ("early_slot", "Slot data is brought up by the initramfs, which knows no trial.")
    assert (fake_parent.trial(), started(fake_parent)) == (None, [])
