# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hung-task detector of a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import hung_task
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


@pytest.mark.parametrize(("text", "expected"), [("120\n", 120), ("0\n", 0), ("soon\n", 0), (None, 0)])
def test_a_host_without_a_detector_has_no_limit(tmp_path: Path, text: str | None, expected: int) -> None:
    path = tmp_path / "proc/sys/kernel/hung_task_timeout_secs"
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
    assert hung_task.timeout_s(Paths(str(tmp_path))) == expected
