# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests of the lab. They start no virtual machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import accel, image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, with a key pair that opens nothing."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("TWOSTEP_CACHE", str(folder))
    (folder / "ssh_key").write_text("private")
    (folder / "ssh_key.pub").write_text("ssh-ed25519 AAAA lab\n")
    return folder


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> image.Image:
    """An image as the cache has it, without its content."""
    monkeypatch.setattr(accel, "_kvm_works", lambda _built: False)
    folder = tmp_path / "image-bookworm-0123456789ab"
    (folder / "root/lib/modules/6.1.0-1-cloud-amd64").mkdir(parents=True)
    keys = folder / "root/etc/ssh"
    keys.mkdir(parents=True)
    (keys / "ssh_host_ed25519_key.pub").write_text("ssh-ed25519 HOSTKEY root@lab\n")
    return image.Image("bookworm", folder)
