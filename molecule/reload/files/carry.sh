#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# carry.sh make: has an initramfs made that carries the modules, too. What this node does not boot from is left out: an emulated processor
# takes minutes to put it in.
# carry.sh same: fails unless what it carries is what is installed, byte for byte.
set -eu
case $1 in
make)
    (cd /usr/share/initramfs-tools/hooks && chmod a-x btrfs dmsetup fsck keymap lvm2 mdadm resume sg3-utils thermal)
    printf '%s\n' dm_writeboost twostep >> /etc/initramfs-tools/modules
    update-initramfs -u -k "$(uname -r)"
    touch /root/carried
    ;;
same)
    folder=$(mktemp -d)
    unmkinitramfs "/boot/initrd.img-$(uname -r)" "$folder"
    for name in dm-writeboost twostep; do
        cmp "$(find "$folder" -name "$name.ko")" "$(modinfo -n "$name")"
    done
    rm -r "$folder"
    ;;
esac
