# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core import initramfs


def test_listings_of_both_programs() -> None:
    # lsinitramfs on Debian 12, lsinitrd on Fedora.
    debian = [
        "usr/lib/modules/6.1.0-56-cloud-amd64/updates/dkms/twostep_remap_1_0_0.ko",
        "usr/lib/modules/k/kernel/fs/ext4/ext4.ko",
        "bin",
        "usr/lib/modules/k/updates/dkms/twostep.ko",
    ]
    fedora = ["-rw-r--r--   1 root     root        12345 Jan  1  1970 usr/lib/modules/k/extra/twostep_remap_1_1_0.ko.xz", "", "====="]
    assert initramfs.modules_in(debian) == (
        "twostep",
        "twostep_remap_1_0_0",
    )
    assert initramfs.modules_in(fedora) == ("twostep_remap_1_1_0",)


def test_the_slots_that_it_brings_up_have_a_digest() -> None:
    assert initramfs.early_in(["etc", "etc/twostep/early", "etc/twostep/early-0123456789ab"]) == "0123456789ab"
    assert initramfs.early_in(["-rw-r--r--   1 root     root            0 Jan  1  1970 etc/twostep/early-0123456789ab"]) == "0123456789ab"
    assert initramfs.early_in(["etc/twostep/early", "var/etc/twostep/early-0123456789ab"]) == ""


def test_any_module_is_found_in_a_listing_by_the_name_that_the_kernel_gives_it() -> None:
    listing = [
        "usr/lib/modules/k/updates/dkms/dm-writeboost.ko",
        "-rw-r--r-- 1 root root 1 Jan 1 1970 usr/lib/k/lower.ko.zst",
        "usr/lower.ko.d",
    ]
    assert initramfs.which_in(listing, ["dm_writeboost", "lower", "upper"]) == ("dm_writeboost", "lower")
    assert initramfs.which_in(listing, []) == ()
    assert initramfs.module_of("a/b/dm-crypt.ko.xz") == "dm_crypt"
    assert initramfs.module_of("a/dm-crypt.ko.old") is None
