# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""btrfs: which snapshots of a file system count as healthy.

The figures of HEALTHY, DEGRADED, CAME_BACK and SCRUBBED are those of one file system on two loop devices under Linux 6.18.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_btrfs
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

UUID = "f6a87bf9-b56e-489e-8d15-cee0e47b5ef3"
NO_ERRORS = "write_errs 0\nread_errs 0\nflush_errs 0\ncorruption_errs 0\ngeneration_errs 0"
FIRST = health_btrfs.Device("1", "0", "1", "0", NO_ERRORS)
SECOND = replace(FIRST, number="2")
CHUNKS = {"data": {"raid1": "67108864"}, "metadata": {"raid1": "33554432"}, "system": {"raid1": "8388608"}}
SPLIT = {**CHUNKS, "data": {"raid1": "33554432", "single": "54525952"}}
HEALTHY = health_btrfs.Filesystem("twoboth", UUID, "none", (FIRST, SECOND), CHUNKS)
DEGRADED = replace(HEALTHY, devices=(FIRST, replace(SECOND, missing="1")))
# Mounted again with both devices: nothing is missing, no counter is raised, and yet the second lacks what was written meanwhile.
CAME_BACK = replace(HEALTHY, chunks=SPLIT)
SCRUBBED = replace(CAME_BACK, devices=(FIRST, replace(SECOND, error_stats=NO_ERRORS[:-1] + "6")))
SINGLE = replace(
    HEALTHY, devices=(FIRST,), chunks={"data": {"single": "8388608"}, "metadata": {"dup": "33554432"}, "system": {"dup": "8388608"}}
)
RAID5 = replace(HEALTHY, chunks={"data": {"raid5": "134217728"}, "metadata": {"raid1c3": "33554432"}, "system": {"raid1c3": "8388608"}})

WHOLE = (
    "All 2 devices of twoboth are there. Each device of twoboth holds its part. twoboth is not being changed. "
    "No device of twoboth has counted an error. twoboth keeps each kind of chunk in one profile."
)
COUNTED = (
    "twoboth has counted errors and may lack what was to be written then: device 2 (generation_errs 6). "
    "Run btrfs scrub, then btrfs device stats --reset."
)
ADVICE = "Finish with btrfs balance and its convert filters, then run btrfs scrub."


def second(**changed: str | None) -> health_btrfs.Filesystem:
    return replace(HEALTHY, devices=(FIRST, replace(SECOND, **changed)))


def chunks(**changed: dict) -> health_btrfs.Filesystem:
    return replace(HEALTHY, chunks={**CHUNKS, **changed})


@pytest.mark.parametrize(
    ("fs", "verdict", "reason"),
    [
        (
            HEALTHY,
            OK,
            WHOLE,
        ),
        (RAID5, OK, None),
        (DEGRADED, NOT_OK, "twoboth is degraded: of its 2 devices number 2 is missing."),
        (
            CAME_BACK,
            NOT_OK,
            f"twoboth keeps chunks of one kind in several profiles, some perhaps without a second copy: data (raid1, single). {ADVICE}",
        ),
        (
            replace(SCRUBBED, chunks=CHUNKS),
            NOT_OK,
            COUNTED,
        ),
        (replace(HEALTHY, exclusive_operation="balance"), NOT_OK, "twoboth is busy with balance."),
        (replace(HEALTHY, exclusive_operation="balance paused"), NOT_OK, "twoboth is busy with balance paused."),
        (replace(HEALTHY, exclusive_operation="device replace"), NOT_OK, "twoboth is busy with device replace."),
        (replace(HEALTHY, exclusive_operation="UNKNOWN"), UNKNOWN, "twoboth does not tell whether it is being changed."),
        (replace(HEALTHY, exclusive_operation=""), UNKNOWN, None),
        (replace(HEALTHY, exclusive_operation=None), UNKNOWN, None),
        (second(missing=None), UNKNOWN, "twoboth does not tell whether its device 2 is missing."),
        (second(missing="perhaps"), UNKNOWN, None),
        (replace(HEALTHY, devices=()), UNKNOWN, None),
        (second(replace_target="1"), NOT_OK, "Device 2 of twoboth does not hold its part yet."),
        (second(in_fs_metadata="0"), NOT_OK, "Device 2 of twoboth does not hold its part yet."),
        (second(in_fs_metadata=None), UNKNOWN, "twoboth does not tell whether each device holds its part."),
        (second(replace_target=None), UNKNOWN, None),
        # Linux before 5.14, counters that were not read from the disk, and half a file.
        (second(error_stats=None), UNKNOWN, "twoboth does not tell the errors of its device 2."),
        (second(error_stats="invalid"), UNKNOWN, None),
        (second(error_stats="write_errs 0\nread_errs 0"), UNKNOWN, None),
        (second(error_stats=NO_ERRORS.replace("read_errs 0", "read_errs -1")), UNKNOWN, None),
        (second(error_stats=""), UNKNOWN, None),
        (second(error_stats=NO_ERRORS.replace("read_errs 0", "read_errs 3")), NOT_OK, None),
        (second(error_stats=NO_ERRORS + "\nfuture_errs 1"), NOT_OK, None),
        (second(error_stats=NO_ERRORS + "\nfuture_errs 0"), OK, None),
        (chunks(metadata={"raid1": "1", "dup": "1"}, data={"raid1": "1", "raid1c3": "1"}), NOT_OK, None),
        (chunks(data={"raid1": "1", "single": "0"}), OK, None),
        (chunks(data={}), OK, None),
        (chunks(data={"raid0": "1"}), OK, None),
        (chunks(**{"data-reloc": {"raid1": "1"}}), OK, None),
        (chunks(data={"raid1": None}), UNKNOWN, "twoboth does not tell how large its chunks are."),
        (chunks(data={"raid1": "much"}), UNKNOWN, None),
        (chunks(data={"raid7": "1"}), UNKNOWN, "twoboth has chunks of a profile that is not understood: raid7."),
        (chunks(system={}), UNKNOWN, "twoboth does not tell the profiles of its chunks."),
        (chunks(metadata={"raid1": "0"}), UNKNOWN, None),
        (replace(HEALTHY, chunks={}), UNKNOWN, None),
        (replace(DEGRADED, chunks={}), NOT_OK, "twoboth is degraded: of its 2 devices number 2 is missing."),
        (SINGLE, OK, "All 1 devices of twoboth are there. twoboth keeps no copies on other devices that could be lost."),
        (replace(SINGLE, exclusive_operation="balance"), OK, None),
        (replace(SINGLE, chunks={"mixed": {"single": "8388608"}, "system": {"single": "4194304"}}), OK, None),
        (replace(SINGLE, devices=(replace(FIRST, missing="1"),)), NOT_OK, None),
        (replace(SINGLE, devices=()), UNKNOWN, None),
    ],
)
def test_judge(fs: health_btrfs.Filesystem, verdict: str, reason: str | None) -> None:
    finding = health_btrfs.judge(fs)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_every_trouble_is_named() -> None:
    finding = health_btrfs.judge(replace(DEGRADED, chunks=SPLIT, exclusive_operation="device replace"))
    assert finding.reason == (
        "twoboth is degraded: of its 2 devices number 2 is missing. twoboth is busy with device replace. "
        f"twoboth keeps chunks of one kind in several profiles, some perhaps without a second copy: data (raid1, single). {ADVICE}"
    )


def test_evidence_is_small_and_has_the_uuid() -> None:
    none = dict.fromkeys(("write_errs", "read_errs", "flush_errs", "corruption_errs", "generation_errs"), 0)
    assert health_btrfs.evidence(SCRUBBED) == {
        "uuid": UUID,
        "exclusive_operation": "none",
        "profiles": {"data": ["raid1", "single"], "metadata": ["raid1"], "system": ["raid1"]},
        "missing": {"1": "0", "2": "0"},
        "errors": {"1": none, "2": {**none, "generation_errs": 6}},
    }
