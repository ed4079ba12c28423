# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command natively inside an image's root: kernel modules are built in seconds that way.

The cached root is not changed: it is the lower layer of an overlay in a mount
namespace of its own. One folder may be shared with the outside, at the same path.
"""

from __future__ import annotations

import pathlib
import subprocess
import tempfile

from . import image

_SCRIPT = r"""
set -eu
root=$1 scratch=$2 shared=$3
shift 3
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/up" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/up,workdir=$scratch/work" "$scratch/root"
if [ "$shared" ]; then
    mkdir -p "$scratch/root$shared"
    mount --bind "$shared" "$scratch/root$shared"
fi
mount -t proc proc "$scratch/root/proc"
mount --bind /dev "$scratch/root/dev"
exec chroot "$scratch/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root "$@"
"""


def argv(root: pathlib.Path, scratch: str, shared: str, command: list[str], *namespaces: str) -> list[str]:
    """Return the command line; ``scratch`` is an empty folder, ``namespaces`` are more options of unshare."""
    inside = ["sh", "-c", _SCRIPT, "chroot", str(root), scratch, shared, *command]
    return ["unshare", "--mount", "--propagation", "private", *namespaces, *inside]


def run(built: image.Image, shared: pathlib.Path, command: list[str]) -> int:
    """Run ``command`` with ``shared`` visible at its own path; returns its status."""
    with tempfile.TemporaryDirectory(prefix="twostep-chroot-") as scratch:
        return subprocess.run(argv(built.root, scratch, str(shared.resolve()), command), check=False).returncode
