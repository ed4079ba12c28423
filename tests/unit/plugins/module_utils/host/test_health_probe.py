# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sources share: a small file is read, or is None."""

from __future__ import annotations

import pathlib

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_probe


def test_a_small_file_is_read_and_an_absent_one_is_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "state").write_bytes(b" in_sync \xff\n")
    (tmp_path / "endless").write_text("x" * 10000)
    assert health_probe.read(str(tmp_path / "state")) == "in_sync \ufffd"
    assert len(health_probe.read(str(tmp_path / "endless")) or "") == health_probe.MAX_FILE_BYTES
    assert health_probe.read(str(tmp_path / "absent")) is None
    assert health_probe.read(str(tmp_path)) is None
