# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy files as people write them: each mistake is told with its line, and nothing else happens, whatever the file has."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import policy_file

SCHEMA = policy_file.schema()
GOOD = b"""\
# yaml-language-server: $schema=policy.schema.json
---
twostep_version: "1.10.0"
twostep_wave_size: 2
twostep_canary: "{{ groups.all | length // 10 }}"
twostep_allow_warm: yes
twostep_health_shelf_life_s: 1.5
twostep_health_settings:
  etcd: {endpoints: ["https://10.0.0.1:2379"]}
twostep_windows:
  - {from: "22:00", to: '04:00', days: [sat, sun]}
"""
# What the file has; the line, the message and the next step that it gets.
BAD = {
    "a near miss": ("\ntwostep_wave_sise: 2", 2, "twostep_wave_sise is not known.", "Write twostep_wave_size, or remove it."),
    "text for a number": (
        "# x\n\ntwostep_wave_size: two",
        3,
        'twostep_wave_size is "two"; it must be a whole number, 1 or more.',
        "Correct it, or remove the line for the default, 1.",
    ),
    "a number in quotes": (
        'twostep_wave_size: "2"',
        1,
        'twostep_wave_size is "2"; it must be a whole number, 1 or more.',
        "Correct it, or remove the line for the default, 1.",
    ),
    "out of range": (
        "twostep_canary: -1",
        1,
        "twostep_canary is -1; it must be a whole number, 0 or more.",
        "Correct it, or remove the line for the default, 1.",
    ),
    "above the range": (
        "twostep_deadline_ms: 10001",
        1,
        "twostep_deadline_ms is 10001; it must be a whole number from 1 to 10000.",
        "Correct it, or remove the line for the default, 500.",
    ),
    "a time without quotes": (
        'twostep_windows:\n  - from: 22:00\n    to: "04:00"\n',
        2,
        'twostep_windows[0].from is 22:00 without quotes, which YAML reads as the number 1320; it must be text such as "22:00".',
        'Write it in quotes: "22:00".',
    ),
    "no time": (
        'twostep_windows:\n  - from: "22:00"\n    to: "4:00"\n',
        3,
        'twostep_windows[0].to is "4:00"; it must be text such as "22:00".',
        "Correct it, or remove the line.",
    ),
    "a window without an end": ('twostep_windows:\n  - from: "22:00"', 2, "twostep_windows[0] has no to.", "Add to."),
    "a day that is none": (
        'twostep_windows:\n  - from: "22:00"\n    to: "04:00"\n    days:\n      - sat\n      - sunday\n',
        6,
        'twostep_windows[0].days[1] is "sunday"; it must be one of mon, tue, wed, thu, fri, sat, sun.',
        "Correct it, or remove the line.",
    ),
    "a version without quotes": (
        "twostep_version: 1.10",
        1,
        'twostep_version is 1.10 without quotes, which YAML reads as the number 1.1; it must be text such as "1.10.0".',
        "Correct it, or remove the line.",
    ),
    "a version and the end of its line": (
        "twostep_version: |\n  1.1.0\n",
        1,
        'twostep_version is "1.1.0"; it must be text such as "1.10.0".',
        "Correct it, or remove the line.",
    ),
    "a version that looks like a number": (
        "twostep_reload_version: 2.20",
        1,
        "twostep_reload_version is 2.20 without quotes, which YAML reads as the number 2.2; it must be text.",
        'Write it in quotes: "2.20".',
    ),
    "a word that is false": (
        "twostep_builder: no",
        1,
        "twostep_builder is no without quotes, which YAML reads as false; it must be text.",
        'Write it in quotes: "no".',
    ),
    "a date": (
        "twostep_reload_version: 2026-01-31",
        1,
        "twostep_reload_version is 2026-01-31 without quotes, which YAML does not read as text; it must be text.",
        'Write it in quotes: "2026-01-31".',
    ),
    "a flag in quotes": (
        'twostep_one_way: "no"',
        1,
        'twostep_one_way is "no"; it must be true or false.',
        "Correct it, or remove the line for the default, false.",
    ),
    "octal": (
        "twostep_wave_size: 010",
        1,
        "twostep_wave_size is 010 without quotes, which YAML reads as the number 8; it must be a whole number, 1 or more.",
        "Correct it, or remove the line for the default, 1.",
    ),
    "no number": (
        "twostep_health_shelf_life_s: .nan",
        1,
        "twostep_health_shelf_life_s is .nan without quotes, which YAML reads as the number nan; it must be a number, more than 0.",
        "Correct it, or remove the line for the default, 60.",
    ),
    "a choice that is none": (
        "twostep_reload_way:\n  hot",
        2,
        'twostep_reload_way is "hot"; it must be one of warm, cold.',
        "Correct it, or remove the line for the default, warm.",
    ),
    "a list that is none": (
        "twostep_warm_units: a.service",
        1,
        'twostep_warm_units is "a.service"; it must be a list.',
        "Correct it, or remove the line for the default.",
    ),
    "a name in a mapping": (
        "twostep_sign:\n  certificate: /x\n  keys: /y",
        3,
        "twostep_sign.keys is not known.",
        "Write key, or remove it.",
    ),
    "no value": ("twostep_time_zone:", 1, "twostep_time_zone has no value.", "Correct it, or remove the line for the default, UTC."),
    "a name twice": (
        "twostep_canary: 1\n\n'twostep_canary': 2",
        3,
        "twostep_canary is here a second time, after line 1.",
        "Remove one of the two.",
    ),
    "what belongs to a host": (
        "twostep_canary: 1\ntwostep_domain: rack1",
        2,
        "twostep_domain does not belong into a policy: it says where one host stands.",
        "Set it in host_vars or group_vars of the inventory.",
    ),
    "an empty file": ("", 1, "The policy is empty, not a mapping.", "Give lines such as twostep_wave_size: 2."),
    "comments alone": ("# x\n", 1, "The policy is empty, not a mapping.", "Give lines such as twostep_wave_size: 2."),
    "a list": ("- twostep_canary", 1, "The policy is a list, not a mapping.", "Give lines such as twostep_wave_size: 2."),
    "a tab": (
        "twostep_canary: 1\n\ttwostep_wave_size: 1",
        2,
        "This is no YAML: found character '\\t' that cannot start any token.",
        "Correct it.",
    ),
    "a missing space": ("twostep_canary: 1\ntwostep_wave_size:2\n", 3, "This is no YAML: could not find expected ':'.", "Correct it."),
    "a colon too many": ("twostep_fleet: a: b", 1, "This is no YAML: mapping values are not allowed here.", "Correct it."),
    "two documents": ("twostep_canary: 1\n---\ntwostep_canary: 2", 2, "This is no YAML: but found another document.", "Correct it."),
    "an alias": ("twostep_fleet: &a x\ntwostep_family: *a", 2, "A policy has no aliases such as *a.", "Write the value itself."),
    "a merge": (
        "<<: {twostep_canary: 1}",
        1,
        "<< is not known without quotes, which YAML does not read as text.",
        "Remove it; known are the twostep_ variables of the roles.",
    ),
    "a tag": ("twostep_fleet: !vault x", 1, "A policy has no tags such as !vault.", "Write the value itself."),
    "a forbidden character": ("twostep_canary: 1\n\n# \x07", 3, "A character here may not be in YAML.", "Remove it."),
    "nesting without end": ("\n" + "[" * 20000, 1, "Lists and mappings are nested too deeply.", "Write a mapping of twostep_ variables."),
}


def told(content: bytes) -> str:
    with pytest.raises(TwostepError) as caught:
        policy_file.check(content, "policy.yml", SCHEMA)
    assert caught.value.code == "bad_policy"
    return str(caught.value)


@pytest.mark.parametrize("kind", BAD)
def test_a_mistake_is_told_with_its_line(kind: str) -> None:
    content, line, message, next_step = BAD[kind]
    assert told(content.encode()) == f"policy.yml:{line}: {message} Next: {next_step}"


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    assert told(b"twostep_canary: 1\n# \xff") == "policy.yml:2: This is no UTF-8. Next: Save the file as UTF-8."


def test_all_mistakes_are_told_at_once() -> None:
    lines = told(b"twostep_canary: -1\ntwostep_wave_sise: 1\ntwostep_one_way: maybe\n").splitlines()
    assert lines[0] == "The policy policy.yml has 3 errors:"
    assert [line.split(" ")[0] for line in lines[1:4]] == ["policy.yml:1:", "policy.yml:2:", "policy.yml:3:"]


def test_a_good_policy_gives_its_names() -> None:
    names = policy_file.check(GOOD, "policy.yml", SCHEMA)
    assert names[:3] == ["twostep_version", "twostep_wave_size", "twostep_canary"]
    assert len(names) == 7


@settings(max_examples=400)
@given(st.one_of(st.binary(), st.text().map(str.encode), st.text(alphabet=" \n:-[]{}#&*!|>'\"?%@`,.0123twosep_~=<\t").map(str.encode)))
@example(b"? [a]\n: b")
@example(b"? {a: b}\n: - c")
@example(b"twostep_canary: 0x_")
@example(b"twostep_canary: " + b"9" * 5000)
@example(b"twostep_canary: 1:99:99.5")
@example(b"=: =")
@example(b"twostep_reload_version: 2026-99-99")
@example(b"\xef\xbb\xbftwostep_canary: 1")
@example(b"\xff\xfe")
@example(b"%YAML 9.9\n---\na: b")
def test_whatever_it_has_it_is_taken_or_refused(content: bytes) -> None:
    try:
        names = policy_file.check(content, "policy.yml", SCHEMA)
    except TwostepError as error:
        assert error.code == "bad_policy"
        assert str(error).startswith(("policy.yml:", "The policy policy.yml has "))
    else:
        assert set(names) <= set(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_bytes(b"#" * (64 * 1024 + 1)), "it has more than 65536 bytes"),
        (lambda path: path.symlink_to("/dev/null"), "it is no file"),
    ],
)
def test_a_file_that_is_none(tmp_path, make, why: str) -> None:
    make(tmp_path / "policy.yml")
    with pytest.raises(TwostepError) as caught:
        policy_file.content(str(tmp_path / "policy.yml"), "policy.yml")
    assert caught.value.code == "no_policy_file"
    assert str(caught.value) == (
        f"The policy policy.yml cannot be read: {why}. "
        "Next: Correct twostep_policy_file; a relative path begins where ansible-playbook was started."
    )


def test_a_file_is_read(tmp_path) -> None:
    (tmp_path / "policy.yml").write_bytes(GOOD)
    assert policy_file.content(str(tmp_path / "policy.yml"), "policy.yml") == GOOD


@pytest.mark.parametrize("content", [None, "{"])
def test_a_collection_that_is_not_whole(tmp_path, monkeypatch, content) -> None:
    monkeypatch.setattr(policy_file, "SCHEMA", str(tmp_path / "policy.schema.json"))
    if content:
        (tmp_path / "policy.schema.json").write_text(content)
    with pytest.raises(TwostepError) as caught:
        policy_file.schema()
    assert (caught.value.code, "Install the collection again." in str(caught.value)) == ("no_policy_schema", True)
