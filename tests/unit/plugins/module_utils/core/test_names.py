# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: what comes in, what is refused with which words, and what is made from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import names
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

CHECKS = {
    names.family: ("bad_family", ["remap", "a", "a" * 16]),
    names.version: ("bad_version", ["1.1.0", "0.0.0", "99999.1.10"]),
    names.slot: ("bad_slot", ["data", "a-b_c", "s0"]),
    names.package: ("bad_package", ["twostep", "twostep-remap"]),
    names.module: ("bad_module", ["twostep", "twostep_remap_1_1_0"]),
    names.kernel_module: ("bad_module", ["dm_writeboost", "Nvidia2", "8021q", "a" * 55]),
    names.kernel: ("bad_kernel", ["6.1.0-56-cloud-amd64", "6.12.117+deb13-cloud-amd64", "5.14.0-1.el9~x.x86_64"]),
    names.identifier: ("bad_id", ["a", "20260101t000000-1f"]),
}
HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "-rf",
    "--help",
    "a b",
    "a\n",
    "\na",
    "a;b",
    "$(a)",
    "a\0",
    "é",
    "٣.1.0",
    "{{ a }}",
    "%s",
    "A\u212a",
]


@pytest.mark.parametrize(("check", "value"), [(check, value) for check, (_code, values) in CHECKS.items() for value in values])
def test_a_good_name_comes_back_as_it_is(check, value) -> None:
    assert check(value) == value


@pytest.mark.parametrize("check", list(CHECKS))
@pytest.mark.parametrize("value", [*HOSTILE, None, 1, 1.1, True, ["a"], {"a": 1}, b"remap", "a" * 100])
def test_anything_else_is_refused_with_its_code_and_a_next_step(check, value) -> None:
    with pytest.raises(TwostepError) as caught:
        check(value)
    assert caught.value.code == CHECKS[check][0]
    assert caught.value.next_step.endswith(".")


@given(st.text(max_size=70), st.sampled_from(list(CHECKS)))
def test_what_passed_is_safe_in_a_path_and_in_an_argument_list(text, check) -> None:
    try:
        passed = check(text)
    except TwostepError:
        return
    assert passed == text
    assert passed.isascii()
    assert passed.isprintable()
    assert not set(passed) & set("/ \\'\"$`;&|<>(){}*?!#")
    assert passed[0] not in "-."


@pytest.mark.parametrize("value", [1.1, 1, "1.10", "1.1", "1.1.0.0", "v1.1.0", "1.1.0-rc1", "100000.0.0"])
def test_a_version_that_yaml_or_a_person_shortened_is_refused_with_the_way_to_write_it(value) -> None:
    with pytest.raises(TwostepError) as caught:
        names.version(value)
    assert str(caught.value) == (
        f"version {str(value)!r} is not a valid name. Next: Write three numbers, quoted, "
        'e.g. "1.1.0" (YAML reads an unquoted 1.10 as the number 1.1).'
    )


@pytest.mark.parametrize("value", ["dm-writeboost", "_a", "a" * 56, "a.ko"])
def test_a_module_is_named_as_lsmod_prints_it(value) -> None:
    with pytest.raises(TwostepError) as caught:
        names.kernel_module(value)
    assert (caught.value.code, caught.value.message) == ("bad_module", f"module {value!r} is not a valid name.")
    assert caught.value.next_step == "Write it as lsmod prints it: up to 55 letters, digits and _."


def test_a_long_hostile_name_is_cut_in_the_message() -> None:
    with pytest.raises(TwostepError) as caught:
        names.slot("x" * 10_000)
    assert len(str(caught.value)) < 300


def test_the_module_of_a_child_carries_its_version() -> None:
    assert names.child_module("remap", "1.10.0") == "twostep_remap_1_10_0"


def test_the_longest_family_and_version_make_a_module_name() -> None:
    assert names.module(names.child_module("a" * 16, "99999.99999.99999"))


def test_the_package_of_a_family() -> None:
    assert names.child_package("remap") == "twostep-remap"


@pytest.mark.parametrize("make", [lambda bad: names.child_module(bad, "1.0.0"), names.child_package])
def test_what_is_made_from_a_bad_name_is_refused(make) -> None:
    with pytest.raises(TwostepError):
        make("../x")


def test_versions_are_ordered_as_numbers() -> None:
    assert sorted(["1.10.0", "1.9.0", "1.2.10", "1.2.9"], key=names.version_key) == ["1.2.9", "1.2.10", "1.9.0", "1.10.0"]
