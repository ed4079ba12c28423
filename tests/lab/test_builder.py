# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builder's namespace: who is its first process, and how ssh gets there."""

from __future__ import annotations

import os
import select
import shlex
import subprocess

import pytest

from lab import builder
from lab.image import Image


def test_it_ends_with_whoever_holds_it(built: Image) -> None:
    argv = builder.argv(built, "/scratch")
    assert argv[0] == "unshare"
    assert {"--mount", "--pid", "--fork", "--kill-child"} <= set(argv)
    assert str(built.root) in argv


def test_the_first_process_is_the_only_child() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert builder.first_process(parent.pid) == child
        finally:
            os.kill(child, 9)


def test_ssh_enters_all_of_the_namespace() -> None:
    words = shlex.split(builder.proxy_command(7))
    assert words[:1] == ["nsenter"]
    assert {"--target=7", "--mount", "--pid", "--root"} <= set(words)
    assert "-i" in words


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
def test_its_processes_end_with_it() -> None:
    argv = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "echo ready; exec sleep 1000"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        handle = os.pidfd_open(builder.first_process(holder.pid))
        holder.kill()
        assert select.select([handle], [], [], 20.0)[0]
        os.close(handle)
