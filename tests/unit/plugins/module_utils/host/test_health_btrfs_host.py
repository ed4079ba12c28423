# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading btrfs from sysfs: trees as Linux 6.18 shows them, whole, half and unreadable."""

from __future__ import annotations

import os
import shutil

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_btrfs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

UUID = "f6a87bf9-b56e-489e-8d15-cee0e47b5ef3"
OTHER = "0c1e2a3b-b56e-489e-8d15-cee0e47b5ef3"
ERRORS = "write_errs 0\nread_errs 0\nflush_errs 0\ncorruption_errs 0\ngeneration_errs 0\n"
DEVICE = {
    "error_stats": ERRORS,
    "fsid": f"{UUID}\n",
    "in_fs_metadata": "1\n",
    "missing": "0\n",
    "replace_target": "0\n",
    "scrub_speed_max": "0\n",
    "writeable": "1\n",
}
# What mkfs.btrfs -m raid1 -d raid1 -L twoboth of btrfs-progs 6.2 made of two devices, less the files that nobody reads.
RAID1 = {
    **{f"devinfo/{number}/{name}": value for number in (1, 2) for name, value in DEVICE.items()},
    "allocation/data/bytes_used": "0\n",
    "allocation/data/flags": "1\n",
    "allocation/data/raid1/total_bytes": "67108864\n",
    "allocation/data/raid1/used_bytes": "0\n",
    "allocation/data/size_classes": "none 1\nsmall 0\nmedium 0\nlarge 0\n",
    "allocation/global_rsv_size": "5767168\n",
    "allocation/metadata/raid1/total_bytes": "33554432\n",
    "allocation/metadata/raid1/used_bytes": "131072\n",
    "allocation/system/raid1/total_bytes": "8388608\n",
    "allocation/system/raid1/used_bytes": "16384\n",
    "exclusive_operation": "none\n",
    "features/skinny_metadata": "1\n",
    "label": "twoboth\n",
    "metadata_uuid": f"{UUID}\n",
}
# The same one mounted with -o degraded and written to.
DEGRADED = {
    **RAID1,
    "allocation/data/raid1/total_bytes": "33554432\n",
    "allocation/data/single/total_bytes": "54525952\n",
    "devinfo/2/missing": "1\n",
    "devinfo/2/writeable": "0\n",
}
# The same one during btrfs replace.
TARGET = {f"devinfo/0/{name}": value for name, value in {**DEVICE, "replace_target": "1\n"}.items()}
REPLACE = {**RAID1, **TARGET, "exclusive_operation": "device replace\n"}


def put(root: str, files: dict[str, str], uuid: str = UUID) -> str:
    for path, content in {"features/raid1c34": "0\n", **{f"{uuid}/{name}": content for name, content in files.items()}}.items():
        full = f"{root}/sys/fs/btrfs/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as stream:
            stream.write(content)
    return f"{root}/sys/fs/btrfs/{uuid}"


def look(root: object) -> dict:
    def run(*args: object, **named: object) -> None:
        raise AssertionError("no command is needed")

    world = World(run, Paths(str(root)), lambda: "", lambda seconds: None, 7.0, 0.0)  # type: ignore[arg-type]
    return {sample.subject: sample for sample in health_btrfs.sample(Question(1.0), world)}


@pytest.mark.parametrize(
    ("files", "verdict", "part"),
    [
        (RAID1, "ok", "All 2 devices of twoboth are there."),
        (DEGRADED, "not_ok", "of its 2 devices number 2 is missing."),
        ({**RAID1, "exclusive_operation": "balance paused\n"}, "not_ok", "busy with balance paused."),
        (REPLACE, "not_ok", "Device 0 of twoboth does not hold its part yet. twoboth is busy with device replace."),
        ({**RAID1, **TARGET}, "not_ok", "Device 0 of twoboth does not hold its part yet."),
        ({**RAID1, "devinfo/2/error_stats": ERRORS.replace("generation_errs 0", "generation_errs 6")}, "not_ok", "(generation_errs 6)"),
        ({**RAID1, "devinfo/2/error_stats": "invalid\n"}, "unknown", "the errors of its device 2."),
        ({name: content for name, content in RAID1.items() if not name.endswith("error_stats")}, "unknown", "of its device 1, 2."),
        ({name: content for name, content in RAID1.items() if not name.startswith("allocation")}, "unknown", "the profiles"),
        ({name: content for name, content in RAID1.items() if not name.startswith("devinfo")}, "unknown", "its devices."),
        ({**RAID1, "devinfo/1/missing": "\x00\x00"}, "unknown", "its device 1 is missing."),
        ({"label": "twoboth\n"}, "unknown", "does not tell"),
    ],
)
def test_sample(tmp_path, files: dict, verdict: str, part: str) -> None:
    put(str(tmp_path), files)
    ((subject, sample),) = look(tmp_path).items()
    assert (subject, sample.finding.verdict, sample.evidence["uuid"]) == ("twoboth", verdict, UUID)
    assert part in sample.finding.reason


def test_a_file_that_cannot_be_read_is_unknown(tmp_path) -> None:
    folder = put(str(tmp_path), RAID1)
    os.remove(f"{folder}/devinfo/2/missing")
    os.mkdir(f"{folder}/devinfo/2/missing")  # gives an OSError to root too
    assert look(tmp_path)["twoboth"].finding.verdict == "unknown"


def test_devices_are_read_in_the_order_of_their_number(tmp_path) -> None:
    put(str(tmp_path), {**RAID1, **{f"devinfo/{number}/missing": "0\n" for number in (10, 3)}})
    assert [device.number for device in health_btrfs.read_filesystem(UUID, "x", Paths(str(tmp_path))).devices] == ["1", "2", "3", "10"]


@pytest.mark.parametrize(
    ("labels", "subjects"),
    [
        (("", "data"), [UUID, "data"]),
        (("data", "data"), [UUID, OTHER]),
        (("data", UUID), ["data", OTHER]),
        (("a\x1b[2J  b", "c"), ["a [2J b", "c"]),
    ],
)
def test_a_label_is_used_if_it_says_which_one(tmp_path, labels: tuple, subjects: list) -> None:
    for uuid, label in zip((UUID, OTHER), labels):
        put(str(tmp_path), {**RAID1, "label": f"{label}\n"}, uuid)
    assert {subject: sample.evidence["uuid"] for subject, sample in look(tmp_path).items()} == dict(zip(subjects, (UUID, OTHER)))


@pytest.mark.parametrize("make", [lambda root: None, lambda root: shutil.rmtree(put(root, RAID1))])
def test_a_host_without_a_file_system_cannot_say_ok(tmp_path, make) -> None:
    make(str(tmp_path))
    ((subject, sample),) = look(tmp_path).items()
    assert (subject, sample.finding.verdict) == ("file systems", "unknown")
    assert sample.finding.reason == (
        "This host has no mounted btrfs file system. Take btrfs out of twostep_health_sources if it is not meant to have one."
    )
