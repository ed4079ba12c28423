# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of `dkms status`: captured from 2.8.4 (Debian 11), 3.0.10 (Debian 12) and 3.2.2 (Debian 13), unless said otherwise."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_status
from ansible_collections.twostep.hotswap.plugins.module_utils.core.dkms_status import StatusLine

K = "6.1.0-56-cloud-amd64"
DIFF_30 = "WARNING! Diff between built and installed module!"
DIFF_32 = "Differences between built and installed modules"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # captured, 2.8.4
        ("twostep, 1.0.0: added\n", StatusLine("twostep", "1.0.0", "added")),
        (f"twostep, 1.0.0, {K}, x86_64: built\n", StatusLine("twostep", "1.0.0", "built", K, "x86_64")),
        (f"twostep-remap, 1.1.0, {K}, x86_64: installed\n", StatusLine("twostep-remap", "1.1.0", "installed", K, "x86_64")),
        (f"twostep, 1.0.0, {K}, x86_64: installed ({DIFF_30})\n", StatusLine("twostep", "1.0.0", "installed", K, "x86_64", (DIFF_30,))),
        # captured, 3.0.10
        ("twostep/1.0.0: added\n", StatusLine("twostep", "1.0.0", "added")),
        (f"twostep-remap/1.0.0, {K}, x86_64: built\n", StatusLine("twostep-remap", "1.0.0", "built", K, "x86_64")),
        (f"twostep/1.0.0, {K}, x86_64: installed ({DIFF_30})\n", StatusLine("twostep", "1.0.0", "installed", K, "x86_64", (DIFF_30,))),
        # captured, 3.2.2
        (f"twostep/1.0.0, {K}, x86_64: installed\n", StatusLine("twostep", "1.0.0", "installed", K, "x86_64")),
        (f"twostep/1.0.0, {K}, x86_64: installed ({DIFF_32})\n", StatusLine("twostep", "1.0.0", "installed", K, "x86_64", (DIFF_32,))),
        ("twostep-remap/1.0.0: broken\n", StatusLine("twostep-remap", "1.0.0", "broken")),
        # after the source of 3.2.2 and 3.4.3, not captured
        (
            f"a/1.0, {K}, x86_64: installed (Original modules exist) ({DIFF_32})\n",
            StatusLine("a", "1.0", "installed", K, "x86_64", ("Original modules exist", DIFF_32)),
        ),
        (
            "zfs, 2.1.5, 5.14.0-70.el9.x86_64, x86_64: installed-weak from 5.14.0-68.el9.x86_64\n",
            StatusLine("zfs", "2.1.5", "installed-weak", "5.14.0-70.el9.x86_64", "x86_64", (), "5.14.0-68.el9.x86_64"),
        ),
        # after the sources of 2.8.5 (the last with commas), 2.8.6 (the first with a slash), 3.0.13 and 3.1.5, not captured
        ("acme, 1.0.0: added\n", StatusLine("acme", "1.0.0", "added")),
        (
            f"acme/1.0.0, {K}, x86_64: installed (original_module exists)\n",
            StatusLine("acme", "1.0.0", "installed", K, "x86_64", ("original_module exists",)),
        ),
        ("acme/1.0.0: broken\n", StatusLine("acme", "1.0.0", "broken")),
        (
            f"acme/1.0.0, {K}, x86_64: installed (Built modules are missing in the kernel modules folder)\n",
            StatusLine("acme", "1.0.0", "installed", K, "x86_64", ("Built modules are missing in the kernel modules folder",)),
        ),
        (f"acme, 1.0.0, {K}, aarch64: installed\r\n", StatusLine("acme", "1.0.0", "installed", K, "aarch64")),
    ],
)
def test_one_line(text: str, expected: StatusLine) -> None:
    assert dkms_status.parse(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Deprecated feature: REMAKE_INITRD (/var/lib/dkms/x/1.0/source/dkms.conf)\n",
        "Error! twostep-remap/1.0.0: Missing the module source directory or the symbolic link pointing to it.\n",
        "Manual intervention is required!\n",
        "twostep/1.0.0\n",
        "twostep/1.0.0, k: installed\n",
        "a/b/c: added\n",
        # Localised: the runner sets the locale, and what comes in another one is no status, never a wrong one.
        f"twostep/1.0.0, {K}, x86_64: \u0443\u0441\u0442\u0430\u043d\u043e\u0432\u043b\u0435\u043d\n",
        f"twostep/1.0.0, {K}, x86_64: Installed\n",
        "Fehler! twostep/1.0.0: Das Quellverzeichnis fehlt.\n",
    ],
)
def test_other_text_is_passed_over(text: str) -> None:
    assert dkms_status.parse(text) == []


# captured, 3.0.10, after two versions were installed and one other build failed
SEVERAL = f"""\
twostep-remap/1.0.0, {K}, x86_64: built
twostep-remap/1.1.0, {K}, x86_64: installed
twostep-remap/1.2.0: added
twostep/1.0.0, {K}, x86_64: installed
"""


@pytest.mark.parametrize(
    ("package", "version", "kernel", "expected"),
    [
        ("twostep-remap", "1.0.0", K, "built"),
        ("twostep-remap", "1.1.0", K, "installed"),
        ("twostep-remap", "1.1.0", "6.1.0-57-cloud-amd64", "added"),
        ("twostep-remap", "1.2.0", K, "added"),
        ("twostep-remap", "1.3.0", K, "absent"),
        ("twostep", "1.0.0", K, "installed"),
        ("twoste", "1.0.0", K, "absent"),
    ],
)
def test_state_of(package: str, version: str, kernel: str, expected: str) -> None:
    assert dkms_status.state_of(dkms_status.parse(SEVERAL), package, version, kernel) == expected


def test_broken_outweighs_everything() -> None:
    lines = dkms_status.parse(f"a/1.0.0: broken\na/1.0.0, {K}, x86_64: installed\n")
    assert dkms_status.state_of(lines, "a", "1.0.0", K) == "broken"


def test_a_localised_word_is_kept_and_is_none_of_ours() -> None:
    lines = dkms_status.parse(f"twostep/1.0.0, {K}, x86_64: installiert\n")
    assert dkms_status.state_of(lines, "twostep", "1.0.0", K) == "installiert"


def test_an_unknown_word_is_kept() -> None:
    assert dkms_status.state_of(dkms_status.parse(f"a/1.0.0, {K}, x86_64: frobbed\n"), "a", "1.0.0", K) == "frobbed"
