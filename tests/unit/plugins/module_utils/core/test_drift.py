# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import drift
from ansible_collections.twostep.hotswap.plugins.module_utils.core.drift import Facts, FileFact, Initramfs
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import LastSwap, Slot

MODULE = "twostep_remap_1_1_0"
FILE = f"/lib/modules/k/updates/dkms/{MODULE}.ko"
PARENT = "/lib/modules/k/updates/dkms/twostep.ko"
IMAGE = "/boot/initrd.img-k"
SLOT = Slot("data", "serving", "remap", "lower=/dev/vdb", "1.1.0", MODULE, 3, None, 0, 1, LastSwap(result="ok"))
FACTS = Facts(SLOT, "AAA", FileFact(FILE, "AAA"), "PPP", FileFact(PARENT, "PPP"), "1.1.0")
REMAKE = "Make the initramfs again (update-initramfs -u, or dracut -f), or leave the children out of it."

# what differs: what, loaded, found, code, message, next step
TABLE = {
    "nothing": ({}, None),
    "the file": (
        {"file": FileFact(FILE, "BBB")},
        ("file", "AAA", "BBB", "file_other", f"{MODULE} is loaded with srcversion AAA; {FILE} has BBB.",
         "Give the new build a version of its own and swap to it, or install the build that serves."),
    ),
    "a file without a checksum": (
        {"file": FileFact(FILE)},
        ("file", "AAA", None, "file_other", f"{MODULE} is loaded with srcversion AAA; {FILE} has none.",
         "Give the new build a version of its own and swap to it, or install the build that serves."),
    ),
    "no file": (
        {"file": FileFact()},
        ("file", "AAA", None, "file_missing", f"{MODULE} is loaded, but no file of it is installed: after a reboot it would be missing.",
         "Build and install it with twostep.hotswap.dkms."),
    ),
    "rubbish": (
        {"file": FileFact(FILE, problem="The file is odd.")},
        ("file", "AAA", None, "file_unreadable", f"The installed file of {MODULE} cannot be compared with the loaded one: The file is odd.",
         "Build and install it again with twostep.hotswap.dkms."),
    ),
    "the parent": (
        {"parent_file": FileFact(PARENT, "QQQ")},
        ("parent", "PPP", "QQQ", "parent_other", f"twostep is loaded with srcversion PPP; {PARENT} has QQQ.",
         "Go to it with twostep.hotswap.rolling_reload at a quiet time: the parent is not upgraded hot."),
    ),
    "the committed version": (
        {"committed": "1.0.0"},
        ("boot", "1.1.0", "1.0.0", "boot_other", "Slot data serves 1.1.0, but its boot configuration has 1.0.0.",
         "Commit what serves with twostep.hotswap.swap."),
    ),
    "the committed version, in probation": ({"committed": "1.0.0", "slot": replace(SLOT, parked="1.0.0")}, None),
    "a trial": (
        {"trial": "2.0.0"},
        ("trial", "1.1.0", "2.0.0", "trial_armed", "The next boot tries 2.0.0 for slot data, which serves 1.1.0.",
         "Reboot at a quiet time, or take it back with twostep.hotswap.swap for the version that serves."),
    ),
    "no boot configuration": ({"committed": None}, None),
    "a damaged boot configuration": (
        {"committed": None, "boot_problem": "It is damaged."},
        ("boot", "1.1.0", None, "boot_unreadable", "It is damaged.", "Write it again with twostep.hotswap.parent."),
    ),
    "an initramfs without children": ({"initramfs": Initramfs(IMAGE, ("twostep",))}, None),
    "an initramfs with the committed one": ({"initramfs": Initramfs(IMAGE, ("twostep", "twostep_remap_1_0_0", MODULE))}, None),
    "an initramfs with another family": ({"initramfs": Initramfs(IMAGE, ("twostep_cache_1_0_0",))}, None),
    "an initramfs with another version": (
        {"initramfs": Initramfs(IMAGE, ("twostep", "twostep_remap_1_0_0"))},
        ("initramfs", "1.1.0", "twostep_remap_1_0_0", "initramfs_other",
         f"{IMAGE} has twostep_remap_1_0_0, but 1.1.0 is to serve slot data after a boot.", REMAKE),
    ),
    "an early slot that the initramfs has not": (
        {"early": True, "initramfs": Initramfs(IMAGE, ("twostep",))},
        (
            "initramfs",
            "1.1.0",
            None,
            "initramfs_missing",
            f"Slot data is to be brought up by the initramfs, but {IMAGE} has no module of remap.",
            "Run twostep.hotswap.parent for the slot with early: true; it makes the initramfs again.",
        ),
    ),
    "an early slot that it has": ({"early": True, "initramfs": Initramfs(IMAGE, ("twostep", "twostep_remap_1_1_0"))}, None),
    "an early slot without its parent": (
        {"early": True, "initramfs": Initramfs(IMAGE, ("twostep_remap_1_1_0",))},
        (
            "initramfs",
            "1.1.0",
            None,
            "initramfs_missing",
            f"Slot data is to be brought up by the initramfs, but {IMAGE} has no twostep.",
            "Run twostep.hotswap.parent for the slot with early: true; it makes the initramfs again.",
        ),
    ),
    "an initramfs from before": (
        {"initramfs": Initramfs(IMAGE, (MODULE,), older=True)},
        ("initramfs", "1.1.0", MODULE, "initramfs_older",
         f"{IMAGE} has a {MODULE} from before the installed file was written: it may be another build.", REMAKE),
    ),
    "an initramfs that cannot be listed": (
        {"initramfs": Initramfs(IMAGE, problem="nobody can.")},
        ("initramfs", "1.1.0", None, "initramfs_unknown", f"What {IMAGE} has of our modules cannot be told: nobody can.",
         "Install the program that lists it, or look into it by hand."),
    ),
    "nothing serves": ({"slot": replace(SLOT, version=None, module=None), "committed": "1.0.0", "file": FileFact()}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str) -> None:
    changes, wanted = TABLE[name]
    found = [tuple(difference.as_dict().values()) for difference in drift.differences(replace(FACTS, **changes))]
    assert found == ([] if wanted is None else [wanted])


def test_several_at_once() -> None:
    facts = replace(FACTS, file=FileFact(), committed="1.0.0", initramfs=Initramfs(IMAGE, ("twostep_remap_1_1_0",)))
    assert [found.code for found in drift.differences(facts)] == ["file_missing", "boot_other", "initramfs_other"]
