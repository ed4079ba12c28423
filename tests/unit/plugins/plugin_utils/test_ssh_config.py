# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a configuration file of ssh, the real reader on real files."""

from __future__ import annotations

import pytest

pytest.importorskip("paramiko")

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import ssh_config


def test_what_it_says_of_a_host(tmp_path) -> None:
    (tmp_path / "config").write_text("Host n*\n  User ops\n  IdentityFile /key\nHost other\n  Port 23\n")
    assert ssh_config.lookup(str(tmp_path / "config"), "n1") == {"hostname": "n1", "user": "ops", "identityfile": ["/key"]}


def test_no_file_says_nothing(tmp_path) -> None:
    assert ssh_config.lookup(str(tmp_path / "config"), "n1") == {}


def test_a_file_that_cannot_be_read(tmp_path) -> None:
    (tmp_path / "config").write_text("Match nonsense\n")
    with pytest.raises(TwostepError) as caught:
        ssh_config.lookup(str(tmp_path / "config"), "n1")
    assert caught.value.code == "no_session"
