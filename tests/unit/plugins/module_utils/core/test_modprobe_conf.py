# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import modprobe_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.modprobe_conf import Rule

MODULE = "twostep_remap_1_1_0"
PATH = "/etc/modprobe.d/local.conf"
TEXT = """\
# blacklist twostep_remap_1_1_0

options dm_bufio max_age_seconds=3
blacklist twostep-remap-1_1_0
install twostep_remap_1_1_0 \\
        /bin/false  --quiet
install twostep_* /bin/true
blacklist other
alias blacklist twostep_remap_1_1_0
blacklist
softdep twostep pre: other
"""


def test_rules_with_their_lines() -> None:
    assert modprobe_conf.parse(PATH, TEXT) == [
        Rule("blacklist", MODULE, "", PATH, 4),
        Rule("install", MODULE, "/bin/false  --quiet", PATH, 5),
        Rule("install", "twostep_*", "/bin/true", PATH, 7),
        Rule("blacklist", "other", "", PATH, 8),
    ]


def test_of_a_module_every_blacklisting_and_the_first_command_counts() -> None:
    rules = modprobe_conf.parse(PATH, TEXT)
    assert [(rule.kind, rule.line) for rule in modprobe_conf.about(MODULE, rules)] == [("blacklist", 4), ("install", 5)]
    assert [(rule.kind, rule.line) for rule in modprobe_conf.about("twostep_cache_1_0_0", rules)] == [("install", 7)]
    assert modprobe_conf.about("dm_bufio", rules) == []


def test_a_name_for_blacklisting_is_no_pattern() -> None:
    assert modprobe_conf.about(MODULE, modprobe_conf.parse(PATH, "blacklist twostep_*\n")) == []


@pytest.mark.parametrize("key", ["module_blacklist", "modprobe.blacklist"])
def test_the_command_line(key: str) -> None:
    (first, second) = modprobe_conf.parse_command_line(f"root=/dev/vda ro {key}=pcspkr,twostep-remap-1_1_0 quiet")
    assert (first.module, second.module) == ("pcspkr", MODULE)
    assert second.place == "the kernel's command line"
    assert modprobe_conf.parse_command_line("root=/dev/vda module_blacklist") == []


def test_a_place_in_words() -> None:
    assert Rule("blacklist", MODULE, "", PATH, 4).place == f"line 4 of {PATH}"


def test_a_file_hides_that_of_its_name_in_a_later_folder() -> None:
    files = ["/etc/modprobe.d/b.conf", "/etc/modprobe.d/README", "/lib/modprobe.d/a.conf", "/lib/modprobe.d/b.conf"]
    assert modprobe_conf.order(files) == ["/lib/modprobe.d/a.conf", "/etc/modprobe.d/b.conf"]


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    for rule in modprobe_conf.parse(PATH, text) + modprobe_conf.parse_command_line(text):
        assert rule.kind in ("blacklist", "install")
        assert len(rule.command) <= 120
    modprobe_conf.about(MODULE, modprobe_conf.parse(PATH, text))
