#!/bin/sh
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What stands on the modules: a file system with a service on a device that a unit makes of dm-writeboost, and one on the slot "data".
set -eu
truncate --size=256M /root/backing
truncate --size=64M /root/cache
mkdir -p /srv/cached /srv/data
cat > /root/cached.sh << 'EOF'
#!/bin/sh
# The device /dev/mapper/cached, unless it is there.
set -eu
case $1 in
start)
    ! dmsetup info cached || exit 0
    backing=$(losetup --find --show /root/backing)
    cache=$(losetup --find --show /root/cache)
    modprobe dm-writeboost
    dmsetup create cached --table "0 $(blockdev --getsz "$backing") writeboost $backing $cache"
    ;;
stop)
    dmsetup remove cached
    losetup --associated /root/backing --output NAME --noheadings | xargs losetup --detach
    losetup --associated /root/cache --output NAME --noheadings | xargs losetup --detach
    ;;
esac
EOF
cat > /etc/systemd/system/cached.service << 'EOF'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /root/cached.sh start
ExecStop=/bin/sh /root/cached.sh stop
EOF
for name in cached data; do
    cat > /etc/systemd/system/writer-$name.service << END
[Unit]
RequiresMountsFor=/srv/$name
[Service]
ExecStart=/bin/sh -c 'while :; do date >> /srv/$name/written; sync /srv/$name/written; sleep 1; done'
END
done
cat >> /etc/fstab << 'EOF'
/dev/mapper/cached /srv/cached ext4 noauto 0 0
/dev/twostep/data /srv/data ext4 noauto 0 0
EOF
systemctl daemon-reload
systemctl start cached.service
mkfs.ext4 -q /dev/mapper/cached
mkfs.ext4 -q /dev/twostep/data
systemctl start srv-cached.mount srv-data.mount
for name in cached data; do
    dd if=/dev/urandom of=/srv/$name/content bs=1M count=8 status=none
    (cd /srv/$name && sha256sum content > /root/$name.sha256)
done
systemctl start writer-cached.service writer-data.service
