# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import shell_assignment
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

DECLARED = frozenset({"kernelver"})


def values(text: str) -> dict[str, str]:
    return {f"{item.name}[{item.index}]": item.value for item in shell_assignment.parse(text, DECLARED)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# a comment with $(id) and \u00e9\n\n  A=1", {"A[0]": "1"}),
        ('A="1 2"  # why', {"A[0]": "1 2"}),
        ("A='1 2'\t", {"A[0]": "1 2"}),
        ("A=", {"A[0]": ""}),
        ("A=b\"c d\"'e'", {"A[0]": "bc de"}),
        ("A[2]=x\nA[0]=y", {"A[2]": "x", "A[0]": "y"}),
        ('A="x"\nB="${A}-$A"', {"A[0]": "x", "B[0]": "x-x"}),
        ('A="-C $kernelver/x"', {"A[0]": "-C ${kernelver}/x"}),
        ("A='${kernelver}'", {"A[0]": "${kernelver}"}),
        ('A="one \\\ntwo"\nB=3', {"A[0]": "one two", "B[0]": "3"}),
        ('A="^(5|6)\\.$"', {"A[0]": "^(5|6)\\.$"}),
        ('A="a\\"b\\\\c"', {"A[0]": 'a"b\\c'}),
        ("A=^5.*[0-9]", {"A[0]": "^5.*[0-9]"}),
    ],
)
def test_what_is_understood(text: str, expected: dict[str, str]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("A=1\nB=$(id)", "vendor_conf_executable", "line 2 has a command substitution"),
        ('A="$(touch /pwned)"', "vendor_conf_executable", "line 1 has a command substitution"),
        ("A='$(touch /pwned)'", "vendor_conf_executable", "line 1 has a command substitution"),
        ("A=`id`", "vendor_conf_executable", "line 1 has a command substitution"),
        ("A='`id`'", "vendor_conf_executable", "line 1 has a command substitution"),
        ('A="$((1+1))"', "vendor_conf_executable", "line 1 has a command substitution"),
        ('A="${B:-$(id)}"', "vendor_conf_executable", "line 1 has an expansion"),
        ('A="${!B}"', "vendor_conf_executable", "line 1 has an expansion"),
        ('A="$1"', "vendor_conf_executable", "line 1 has an expansion"),
        ('A="$$"', "vendor_conf_executable", "line 1 has an expansion"),
        ('A="\\$(id)"', "vendor_conf_executable", "line 1 has an escaped expansion"),
        ('A="\\`id\\`"', "vendor_conf_executable", "line 1 has an escaped expansion"),
        ("A=1;id", "vendor_conf_executable", "line 1 has a second command (;)"),
        ("A=1 ; id", "vendor_conf_executable", "line 1 has something behind the value ('; id')"),
        ("A=1 id", "vendor_conf_executable", "line 1 has something behind the value ('id')"),
        ("A=1&id", "vendor_conf_executable", "line 1 has a second command (&)"),
        ("A=1|id", "vendor_conf_executable", "line 1 has a pipe"),
        ("A=1>x", "vendor_conf_executable", "line 1 has a redirection"),
        ("A=<x", "vendor_conf_executable", "line 1 has a redirection"),
        ("touch /pwned", "vendor_conf_executable", "line 1 has something that is no assignment ('touch /pwned')"),
        ("\n\nif true; then", "vendor_conf_executable", "line 3 has something that is no assignment ('if true; then')"),
        ("f() { id; }", "vendor_conf_executable", "line 1 has something that is no assignment ('f() { id; }')"),
        ("export A=1", "vendor_conf_executable", "line 1 has something that is no assignment ('export A=1')"),
        (". /tmp/x", "vendor_conf_executable", "line 1 has something that is no assignment ('. /tmp/x')"),
        ("A+=1", "vendor_conf_executable", "line 1 has something that is no assignment ('A+=1')"),
        ("A[$(id)]=1", "vendor_conf_executable", "line 1 has something that is no assignment ('A[$(id)]=1')"),
        ("A=(1 2)", "bad_vendor_conf", "line 1 has '(' outside of quotes"),
        ("A=a\\ b", "bad_vendor_conf", "line 1 has '\\\\' outside of quotes"),
        ('A="x', "bad_vendor_conf", "line 1 opens a quote and does not close it"),
        ("A='x\n'", "bad_vendor_conf", "line 1 opens a quote and does not close it"),
        ("A=$B", "bad_vendor_conf", "line 1 uses $B, which is not known"),
        ("A=1\nA=2", "bad_vendor_conf", "line 2 sets A[0] once more"),
        ("A=1\r\nB=2", "bad_vendor_conf", "line 1 has a character that is not printable ASCII"),
        ("A=\u0430", "bad_vendor_conf", "line 1 has a character that is not printable ASCII"),
        ("A=1\0", "bad_vendor_conf", "line 1 has a character that is not printable ASCII"),
        ("A=1\\", "bad_vendor_conf", "line 1 goes on beyond the end of the file"),
        ("A=" + "x" * 3000, "bad_vendor_conf", "line 1 is longer than 2048 characters"),
        ("#" * 70000, "bad_vendor_conf", "line 1 and the others have more than 65536 bytes"),
    ],
)
def test_what_is_refused(text: str, code: str, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        shell_assignment.parse(text, DECLARED)
    assert caught.value.code == code
    assert message in caught.value.message
    assert caught.value.data["line"] == int(message.split()[1])


@given(st.text(alphabet="AB=\"'$(){}`;\\ \n#x1[]|&<>", max_size=30))
def test_what_passes_is_what_a_shell_would_assign(text: str) -> None:
    try:
        found = shell_assignment.parse(text, frozenset())
    except TwostepError as error:
        assert error.code in ("vendor_conf_executable", "bad_vendor_conf")
        assert error.data["line"] >= 1
        return
    if not found:
        return
    shown = "".join(f'printf "%s\\0" "${{{item.name}[{item.index}]}}"\n' for item in found)
    done = subprocess.run(["bash", "-r"], input=text + "\n" + shown, capture_output=True, text=True, check=True, env={"PATH": "/nowhere"})
    assert done.stderr == ""
    assert done.stdout.split("\0")[:-1] == [item.value for item in found]
