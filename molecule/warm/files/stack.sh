#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What stands on the three slots: /dev/md0 on "data" and a plain disk, two mounts and two services on "more", a swap area on "room".
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
python3 /root/workload.py start /srv/data 20
