# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: a Debian release as an unpacked root and as a disk, built once and cached by content.

The root is kept beside the disk: modules are built natively in a chroot of it.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from . import paths

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
DISK_MIB = 3072

_PACKAGES = (
    "systemd systemd-sysv dbus udev kmod dkms gcc make linux-image-cloud-amd64 linux-headers-cloud-amd64 "
    "python3 openssh-server iproute2 fio mdadm corosync etcd-server etcd-client nvme-cli procps e2fsprogs dmsetup "
    "lvm2 libcap2-bin util-linux-extra strace xz-utils"
).split()


@dataclass(frozen=True)
class Recipe:
    """What an image is made of."""

    suite: str
    packages: tuple[str, ...]


RECIPES = {
    "bookworm": Recipe("bookworm", tuple(_PACKAGES)),
    "trixie": Recipe("trixie", tuple(_PACKAGES)),
}

# Runs after the packages are in; $1 is the root. The network is set by the lab
# in /etc/lab-network at the first start of a node, and kept over a reset.
_CUSTOMISE = r"""
set -eu
root=$1 key=$2
echo lab > "$root/etc/hostname"
printf '127.0.0.1 localhost\n10.77.0.11 n1\n10.77.0.12 n2\n10.77.0.13 n3\n' > "$root/etc/hosts"
printf '/dev/vda / ext4 rw,noatime 0 0\n' > "$root/etc/fstab"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$key" "$root/root/.ssh/authorized_keys"
printf 'PermitRootLogin prohibit-password\nUseDNS no\nPrintMotd no\nMaxStartups 100\nMaxSessions 100\n' \
    > "$root/etc/ssh/sshd_config.d/lab.conf"
cat > "$root/usr/local/sbin/lab-network" <<'SCRIPT'
#!/bin/sh
# Applies /etc/lab-network: NAME PRIVATE_MAC PRIVATE_ADDRESS. The first card talks to the lab.
ip link set lo up
first=$(ls /sys/class/net | grep -v '^lo$' | sort | head -n 1)
second=$(ls /sys/class/net | grep -v '^lo$' | sort | sed -n 2p)
ip link set "$first" up
ip address replace 10.0.2.15/24 dev "$first"
ip route replace default via 10.0.2.2
[ -s /etc/lab-network ] || exit 0
read -r name mac address < /etc/lab-network
hostname "$name"
echo "$name" > /etc/hostname
ip link set "$second" down
ip link set "$second" address "$mac"
ip address flush dev "$second"
ip address replace "$address/24" dev "$second"
ip link set "$second" up
SCRIPT
chmod 0755 "$root/usr/local/sbin/lab-network"
cat > "$root/etc/systemd/system/lab-network.service" <<'UNIT'
[Unit]
DefaultDependencies=no
After=systemd-udev-settle.service local-fs.target
Wants=systemd-udev-settle.service
Before=network.target ssh.service corosync.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-network
[Install]
WantedBy=multi-user.target
UNIT
for unit in lab-network ssh; do chroot "$root" systemctl enable --quiet "$unit.service"; done
for unit in corosync.service etcd.service lvm2-monitor.service mdcheck_start.timer mdcheck_continue.timer \
    mdmonitor-oneshot.timer apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer man-db.timer nvmf-autoconnect.service e2scrub_reap.service; do
    chroot "$root" systemctl --quiet disable "$unit" 2>/dev/null || echo "image: no unit $unit"
done
# Arrays and volumes are assembled by whoever tests them, not by udev behind their back.
printf 'AUTO -all\n' >> "$root/etc/mdadm/mdadm.conf"
printf '[Journal]\nStorage=volatile\n' > "$root/etc/systemd/journald.conf.d.lab" && \
    install -D -m 0644 "$root/etc/systemd/journald.conf.d.lab" "$root/etc/systemd/journald.conf.d/lab.conf" && \
    rm "$root/etc/systemd/journald.conf.d.lab"
printf 'GRUB=none\n' > "$root/etc/default/lab"
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/lib/apt/lists/*
"""


@dataclass(frozen=True)
class Image:
    """A built image."""

    name: str
    folder: pathlib.Path

    @property
    def root(self) -> pathlib.Path:
        return self.folder / "root"

    @property
    def disk(self) -> pathlib.Path:
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> str:
        """Return the kernel release inside."""
        return sorted(entry.name for entry in (self.root / "lib/modules").iterdir())[-1]

    @property
    def vmlinuz(self) -> pathlib.Path:
        return self.root / "boot" / f"vmlinuz-{self.kernel}"

    @property
    def initrd(self) -> pathlib.Path:
        return self.root / "boot" / f"initrd.img-{self.kernel}"

    @property
    def host_key(self) -> str:
        """Return the public ssh host key, ``type base64``; the same for all nodes of the image."""
        words = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()
        return " ".join(words[:2])

    @property
    def key(self) -> str:
        """Return what layers are keyed by."""
        return self.folder.name


def ssh_key() -> pathlib.Path:
    """Return the lab's own private ssh key; its public part is baked into the images."""
    key = paths.cache() / "ssh_key"
    with paths.locked(key):
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(key)], check=True)
    return key


def get(name: str) -> Image:
    """Return the image, built first if it is not in the cache (one to two minutes)."""
    recipe = RECIPES[name]
    public = f"{ssh_key()}.pub"
    with open(public, encoding="ascii") as file:
        key = paths.digest(recipe.suite, *recipe.packages, _CUSTOMISE, str(DISK_MIB), file.read())
    folder = paths.cache() / f"image-{name}-{key}"
    with paths.locked(folder):
        if not folder.exists():
            _build(name, recipe, folder, public)
    return Image(name, folder)


def _build(name: str, recipe: Recipe, folder: pathlib.Path, public_key: str) -> None:
    begun = time.monotonic()
    print(f"lab: building image {name} ({len(recipe.packages)} packages from the Debian mirror, one to two minutes)", flush=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    work.chmod(0o755)  # the sandboxed package manager inside must pass
    try:
        script = work / "customise.sh"
        script.write_text(_CUSTOMISE, encoding="utf-8")
        log = folder.parent / f"image-{name}.log"
        with open(log, "w", encoding="utf-8") as output:
            done = subprocess.run(
                [
                    "mmdebstrap", "--variant=minbase", f"--include={','.join(recipe.packages)}",
                    f'--customize-hook=sh {script} "$1" {public_key}',
                    recipe.suite, str(work / "root"), f"deb {MIRROR} {recipe.suite} main",
                    f"deb {MIRROR} {recipe.suite}-updates main", f"deb {SECURITY} {recipe.suite}-security main",
                ],
                stdout=output, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"lab: image {name} could not be built, see {log}. Next: look at its last lines; is the Debian mirror reachable?")
        script.unlink()
        subprocess.run(
            ["mke2fs", "-q", "-t", "ext4", "-L", "lab", "-d", str(work / "root"), str(work / "disk.raw"), f"{DISK_MIB}M"], check=True
        )
        os.rename(work, folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    print(f"lab: image {name} ready after {time.monotonic() - begun:.0f} s", flush=True)
