# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_log

# captured, DKMS 3.0.10, kernel 6.1
COMPILER = """\
DKMS make.log for twostep-remap-1.1.0 for kernel 6.1.0-56-cloud-amd64 (x86_64)
Mon Nov 23 21:06:47 UTC 2026
make: Entering directory '/usr/src/linux-headers-6.1.0-56-cloud-amd64'
  CC [M]  /var/lib/dkms/twostep-remap/1.1.0/build/remap/remap.o
/var/lib/dkms/twostep-remap/1.1.0/build/remap/remap.c:10:2: error: #error broken
   10 | #error broken
      |  ^~~~~
make[1]: *** [/usr/src/linux-headers-6.1.0-56-common/scripts/Makefile.build:255: /var/lib/dkms/x/remap.o] Error 1
make: *** [/usr/src/linux-headers-6.1.0-56-common/Makefile:2065: /var/lib/dkms/twostep-remap/1.1.0/build/remap] Error 2
make: Leaving directory '/usr/src/linux-headers-6.1.0-56-cloud-amd64'
"""


def test_a_compiler_error_with_its_excerpt() -> None:
    assert dkms_log.relevant(COMPILER) == [
        "/var/lib/dkms/twostep-remap/1.1.0/build/remap/remap.c:10:2: error: #error broken",
        "   10 | #error broken",
        "      |  ^~~~~",
    ]


def test_modpost_and_missing_rules() -> None:
    log = (
        "ERROR: modpost: \"twostep_answer\" [/x/remap.ko] undefined!\nmake[2]: *** No rule to make target 'a.o', needed by 'b.o'.  Stop.\n"
    )
    assert dkms_log.relevant(log) == log.splitlines()


def test_without_an_error_the_end_is_told() -> None:
    lines = [f"line {number}" for number in range(dkms_log.MAX_LINES * 2)]
    assert dkms_log.relevant("\n".join(lines)) == lines[-dkms_log.MAX_LINES :]


def test_never_more_than_the_limit() -> None:
    log = "a.c:1:1: error: no\n" * (dkms_log.MAX_LINES * 3)
    assert len(dkms_log.relevant(log)) == dkms_log.MAX_LINES
    assert all(len(line) <= 300 for line in dkms_log.relevant("x error: " + "y" * 5000))


def test_an_empty_log() -> None:
    assert dkms_log.relevant("") == []


def test_a_full_disk() -> None:
    assert dkms_log.is_disk_full("as: /tmp/x.s: No space left on device\n")
    assert not dkms_log.is_disk_full(COMPILER)
