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
import time
from dataclasses import dataclass

from . import debug_kernel, paths

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
DISK_MIB = 3072
GUEST_FILES = pathlib.Path(__file__).parent / "guest"

_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "kmod", "dkms", "gcc", "make",
    "linux-image-cloud-amd64", "linux-headers-cloud-amd64", "python3", "openssh-server", "iproute2", "fio", "mdadm", "corosync",
    "etcd-server", "etcd-client", "nvme-cli", "procps", "e2fsprogs", "dmsetup", "lvm2", "libcap2-bin",
    "util-linux-extra", "strace", "xz-utils", "cryptsetup-bin", "drbd-utils", "fdisk", "stress-ng",
    "pacemaker", "pacemaker-cli-utils", "btrfs-progs", "multipath-tools",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What an image is made of."""

    suite: str
    packages: tuple[str, ...]

    def sources(self) -> list[str]:
        """Return the apt sources."""
        return [
            f"deb {MIRROR} {self.suite} main",
            f"deb {MIRROR} {self.suite}-updates main",
            f"deb {SECURITY} {self.suite}-security main",
        ]

    def key(self, guest_files: pathlib.Path, public_key: str) -> str:
        """Return what names an image of this recipe: a digest of all that goes into it."""
        files = [f"{path.name}\0{path.read_text(encoding='utf-8')}" for path in sorted(guest_files.iterdir())]
        return paths.digest(*self.sources(), *self.packages, str(DISK_MIB), *files, public_key)


RECIPES = {
    "bookworm": Recipe("bookworm", _PACKAGES),
    "trixie": Recipe("trixie", _PACKAGES),
}
DEBUG = "debug"  # bookworm with the debug kernel
NAMES = (*RECIPES, DEBUG)
DEBUG_FILES = {
    # On a busy machine it takes udev minutes to come to the network cards, and nodes without them are no nodes.
    "etc/systemd/system.conf.d/slow.conf": "[Manager]\nDefaultDeviceTimeoutSec=15min\nDefaultTimeoutStartSec=15min\n",
    "etc/sysctl.d/50-pid-max.conf": "# A kernel made from tinyconfig does not take Debian's.\n",
}


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
    def initrd(self) -> pathlib.Path | None:
        """Return the initial root; a kernel that needs none has none."""
        path = self.root / "boot" / f"initrd.img-{self.kernel}"
        return path if path.exists() else None

    @property
    def kernel_arguments(self) -> str:
        """Return what this image's kernel wants on its command line."""
        # ACPI's interpreter under KASAN and emulation takes minutes for the interrupt routing, which virtio does not need.
        # KASAN would tell of the first defect only, which may be one that a test makes.
        return "acpi=noirq kasan_multi_shot" if self.name == DEBUG else ""

    @property
    def memory_mib(self) -> int:
        """Return what a machine of this image needs; KASAN takes an eighth, and keeps what was freed."""
        return 2048 if self.name == DEBUG else 1024

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
    if not pathlib.Path(f"{key}.pub").exists():
        with paths.locked(key):
            if not pathlib.Path(f"{key}.pub").exists():
                key.unlink(missing_ok=True)  # half a pair
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(key)], check=True)
    return key


def get(name: str) -> Image:
    """Return the image, built first if it is not in the cache (one to two minutes; the debug kernel's a quarter of an hour)."""
    if name == DEBUG:
        return _get_debug()
    recipe = RECIPES[name]
    public = pathlib.Path(f"{ssh_key()}.pub")
    folder = paths.cache() / f"image-{name}-{recipe.key(GUEST_FILES, public.read_text(encoding='ascii'))}"
    with paths.locked(folder):
        if not folder.exists():
            _build(name, recipe, folder, public)
        paths.touch(folder)
    return Image(name, folder)


def _get_debug() -> Image:
    base, kernel = get("bookworm"), debug_kernel.get()
    folder = paths.cache() / f"image-{DEBUG}-{paths.digest(base.key, kernel.name, *DEBUG_FILES, *DEBUG_FILES.values())}"
    with paths.locked(folder):
        if not folder.exists():
            paths.say("building image debug: bookworm's with the debug kernel")
            with paths.publishing(folder) as work:
                subprocess.run(["cp", "-a", "--reflink=auto", str(base.root), str(work / "root")], check=True)
                debug_kernel.install(kernel, work / "root")
                subprocess.run(["chroot", str(work / "root"), "depmod", Image(DEBUG, work).kernel], check=True)
                for name, text in DEBUG_FILES.items():
                    (work / "root" / name).parent.mkdir(parents=True, exist_ok=True)
                    (work / "root" / name).write_text(text, encoding="ascii")
                _write_disk(work)
        paths.touch(folder)
    return Image(DEBUG, folder)


def _write_disk(work: pathlib.Path) -> None:
    subprocess.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "lab", "-d", str(work / "root"), str(work / "disk.raw"), f"{DISK_MIB}M"],
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def _build(name: str, recipe: Recipe, folder: pathlib.Path, public_key: pathlib.Path) -> None:
    if os.geteuid() != 0:
        raise SystemExit(f"lab: image {name} must be built as root, so that its files belong to root. Next: sudo make, or run as root.")
    begun = time.monotonic()
    paths.say(f"building image {name}: {len(recipe.packages)} packages and what they need from {MIRROR}, one to two minutes")
    with paths.publishing(folder) as work:
        _bootstrap(name, recipe, work / "root", public_key, begun)
        paths.say(f"image {name}, {time.monotonic() - begun:.0f} s: writing the disk")
        _write_disk(work)
    paths.say(f"image {name} ready after {time.monotonic() - begun:.0f} s")


def _bootstrap(name: str, recipe: Recipe, root: pathlib.Path, public_key: pathlib.Path, begun: float) -> None:
    """Unpack the packages into ``root``, passing on mmdebstrap's own lines about what it does."""
    script = f'sh {GUEST_FILES}/customise.sh "$1" {GUEST_FILES} {public_key}'
    argv = ["mmdebstrap", "--variant=minbase", '--aptopt=Acquire::Retries "3"', f"--include={','.join(recipe.packages)}",
            f"--customize-hook={script}", recipe.suite, str(root), *recipe.sources()]  # fmt: skip
    log = paths.cache() / f"image-{name}.log"
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None  # noqa: S101
    with process, open(log, "w", encoding="utf-8") as copy:
        for line in process.stdout:
            copy.write(line)
            if line.startswith("I: ") and line.rstrip().endswith("..."):
                paths.say(f"image {name}, {time.monotonic() - begun:.0f} s: {line[3:].strip()}")
    if process.returncode != 0:
        shutil.copy(log, f"{log}.failed")
        raise SystemExit(f"lab: image {name} could not be built. Next: read the end of {log}; can this machine reach {MIRROR}?")
