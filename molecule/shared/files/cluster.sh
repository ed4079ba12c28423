#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a lab node a working one: corosync, /dev/md0 as RAID1 of the slot and a
# plain disk, ext4 on it, and the verified workload. Returns once the node is
# quorate and fio writes. Run on all nodes at once: quorum needs two of them.
set -eu
slot=$1
rate=$2
mdadm --create /dev/md0 --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 --bitmap=internal \
    "/dev/twostep/$slot" /dev/vdc
mkfs.ext4 -q /dev/md0
mkdir -p /srv/data
mount /dev/md0 /srv/data
install -m 0644 /root/corosync.conf /etc/corosync/corosync.conf
systemctl start corosync
waited=0
until corosync-quorumtool -s > /dev/null 2>&1; do
    waited=$((waited + 1))
    if [ "$waited" -gt 120 ]; then
        echo "not quorate after 120 tries" >&2
        corosync-quorumtool -s >&2
        exit 1
    fi
    sleep 1 # corosync offers nothing to wait on
done
python3 /root/workload.py start /srv/data "$rate"
