# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import candidate
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Contract, Range
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import modinfo_of


def fields(**changes: str) -> dict[str, list[str]]:
    return {key: [value] for key, value in modinfo_of("1.1.0", **changes).items()}


def test_modinfo_becomes_typed() -> None:
    found = candidate.parse(fields(depends="twostep,libcrc32c"), True, "/m.ko")
    assert (found.name, found.version, found.family) == ("twostep_remap_1_1_0", "1.1.0", "remap")
    assert (found.contract, found.schema_reads, found.features) == (Contract(1, 0), Range(1, 2), ("flush", "fua"))
    assert (found.request_bytes, found.depends, found.signed) == (64, ("twostep", "libcrc32c"), True)


def test_a_child_may_speak_a_protocol() -> None:
    assert candidate.parse(fields(), False, "/m.ko").protocol is None
    assert candidate.parse(fields(twostep_protocol="2-3"), False, "/m.ko").protocol == Range(2, 3)


def test_srcversion_and_depends_may_be_missing() -> None:
    facts = fields()
    del facts["srcversion"], facts["depends"]
    found = candidate.parse(facts, False, "/m.ko")
    assert (found.srcversion, found.depends) == ("", ())


@pytest.mark.parametrize("key", ["twostep_contract", "twostep_family", "version", "name", "twostep_features", "vermagic"])
def test_a_missing_fact_is_named(key: str) -> None:
    facts = fields()
    del facts[key]
    with pytest.raises(TwostepError) as caught:
        candidate.parse(facts, False, "/m.ko")
    assert caught.value.code == "not_a_child"
    assert caught.value.message == f"The module file /m.ko is not a child of twostep: its modinfo has no {key}."
    assert caught.value.next_step == "Build a module that uses TWOSTEP_CHILD."


@pytest.mark.parametrize(
    ("key", "value"),
    [("twostep_contract", "1"), ("twostep_family", "../x"), ("version", "1.1"), ("name", "-x"), ("twostep_schema_reads", "2-1"),
     ("twostep_request_bytes", "many"), ("twostep_features", "a b c;"), ("twostep_protocol", "2")],
)  # fmt: skip
def test_a_bad_fact_is_shown(key: str, value: str) -> None:
    with pytest.raises(TwostepError, match=f"its modinfo has the {key} '{value}'"):
        candidate.parse(fields(**{key: value}), False, "/m.ko")
