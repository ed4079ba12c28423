#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What stands on the four slots: /dev/md0 on "data" and a plain disk, two mounts and two services on "more", a swap area on "room", and
# "paths" is one path of a multipath map; the other one is a second loop device on its file.
# One of the services says that it needs the mount, the other one does not.
set -eu
mdadm --create /dev/md0 --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 --bitmap=internal /dev/twostep/data /dev/vdc
mkfs.ext4 -q /dev/md0
mkfs.ext4 -q /dev/twostep/more
mkswap /dev/twostep/room
mkdir -p /srv/data /srv/more /srv/twice
mount /dev/md0 /srv/data
echo '/dev/twostep/more /srv/more ext4 noatime,noauto 0 0' >> /etc/fstab
cat > /etc/systemd/system/writer.service << 'EOF'
[Unit]
RequiresMountsFor=/srv/more
[Service]
ExecStart=/bin/sh -c 'while :; do date >> /srv/more/written; sync /srv/more/written; sleep 1; done'
EOF
cat > /etc/systemd/system/reader.service << 'EOF'
[Service]
ExecStart=/bin/sh -c 'cd /srv/more && exec sleep infinity'
EOF
systemctl daemon-reload
systemctl start srv-more.mount
mount -o noexec /dev/twostep/more /srv/twice
systemctl start writer.service reader.service
swapon -p 7 /dev/twostep/room
modprobe -a dm-multipath dm-round-robin
other=$(losetup --find --show /root/paths)
size=$(blockdev --getsz /dev/twostep/paths)
dmsetup create shared --uuid mpath-shared --table \
    "0 $size multipath 3 queue_if_no_path queue_mode bio 0 1 1 round-robin 0 2 1 /dev/twostep/paths 1 $other 1"
python3 /root/workload.py start /srv/data 20
