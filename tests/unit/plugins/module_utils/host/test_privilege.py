# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.privilege import check_root


def test_root_may_act() -> None:
    check_root(0)


def test_another_user_is_told_what_to_do() -> None:
    with pytest.raises(TwostepError) as caught:
        check_root(1000)
    assert caught.value.code == "not_root"
    assert str(caught.value) == "This needs root; it runs as user 1000. Next: Set become: true."
