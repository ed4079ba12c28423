# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's builder: an image's root at native speed, reached by ssh like any host, without a kernel and a network of its own.

It is a namespace that the keeper holds open. Each connection is an sshd of its own on a pipe, so there is no port; all of them end
with the namespace's first process.
"""

from __future__ import annotations

import pathlib
import shlex

from . import chroot, image

NAME = "builder"
_FIRST = "mkdir -p /run/sshd && echo ready && exec sleep infinity"
_SSHD = ("/usr/sbin/sshd", "-i", "-e", "-o", "UsePAM=no", "-o", "LogLevel=ERROR")


def argv(built: image.Image, scratch: str) -> list[str]:
    """Return the command line that makes the namespace; it prints ``ready``. ``scratch`` is an empty folder that it mounts over."""
    return chroot.argv(built.root, scratch, "", ["sh", "-c", _FIRST], "--pid", "--fork", "--kill-child")


def first_process(unshare: int) -> int:
    """Return the namespace's first process, as seen from here; it is the only child of ``unshare``."""
    return int(pathlib.Path(f"/proc/{unshare}/task/{unshare}/children").read_text(encoding="ascii").split()[0])


def proxy_command(first: int) -> str:
    """Return what ssh is to talk to instead of a port."""
    return shlex.join(["nsenter", f"--target={first}", "--mount", "--pid", "--root", "--wd=/", *_SSHD])
