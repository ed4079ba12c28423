#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Turns a freshly unpacked Debian root into a lab node. customise.sh ROOT FILES PUBLIC_KEY
set -eu
root=$1 files=$2 key=$3

echo lab > "$root/etc/hostname"
echo '127.0.0.1 localhost' > "$root/etc/hosts"
echo '/dev/vda / ext4 rw,noatime 0 0' > "$root/etc/fstab"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$key" "$root/root/.ssh/authorized_keys"
# One key exchange, by both its names (paramiko knows the older only), and one host key: every connection costs emulated instructions.
# No limit for a login: where time counts instructions, two idle minutes pass in a moment.
cat > "$root/etc/ssh/sshd_config.d/lab.conf" << 'CONF'
PermitRootLogin prohibit-password
HostKey /etc/ssh/ssh_host_ed25519_key
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
UseDNS no
LoginGraceTime 0
PrintMotd no
MaxStartups 100
MaxSessions 100
CONF

# Newer servers lock out an address that connects too often without logging in, as waiting for a node does.
install -d "$root/run/sshd"
if chroot "$root" /usr/sbin/sshd -T -o PerSourcePenalties=no > /dev/null 2>&1; then
    echo 'PerSourcePenalties no' >> "$root/etc/ssh/sshd_config.d/lab.conf"
fi

install -m 0755 "$files/lab-network" "$files/lab-identity" "$root/usr/local/sbin/"
install -m 0644 "$files/lab-network.service" "$root/etc/systemd/system/"
for unit in lab-network ssh; do
    chroot "$root" systemctl --quiet enable "$unit.service"
done
# What nobody asked to start, what wakes up by itself, and log-ins that nobody uses.
for unit in corosync.service etcd.service lvm2-monitor.service mdcheck_start.timer mdcheck_continue.timer mdmonitor-oneshot.timer \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    nvmf-autoconnect.service nvmefc-boot-connections.service getty@tty1.service pacemaker.service logd.service \
    multipathd.service; do
    chroot "$root" systemctl --quiet disable "$unit"
done
chroot "$root" systemctl --quiet mask serial-getty@ttyS0.service systemd-binfmt.service
# Arrays and volumes are assembled by whoever tests them, not by udev behind their back.
echo 'AUTO -all' >> "$root/etc/mdadm/mdadm.conf"
ln -s /dev/null "$root/etc/udev/rules.d/60-multipath.rules"
install -d "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\n' > "$root/etc/systemd/journald.conf.d/lab.conf"

# A small initrd: unpacking the standard one is a good part of an emulated boot.
printf 'MODULES=list\nCOMPRESS=gzip\nFSTYPE=ext4\n' > "$root/etc/initramfs-tools/conf.d/lab"
printf 'virtio_pci\nvirtio_blk\next4\ncrc32c_generic\n' >> "$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u -k all

rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/lib/apt/lists/*
