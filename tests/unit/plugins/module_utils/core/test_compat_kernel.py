# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel has against a file: each row changes facts of a file that it would load, and says what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import compat, compat_kernel
from ansible_collections.twostep.hotswap.plugins.module_utils.core.candidate import Candidate
from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import Kernel, Question
from ansible_collections.twostep.hotswap.plugins.module_utils.core.elf import Machine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.linkage import Linkage
from ansible_collections.twostep.hotswap.plugins.module_utils.core.modprobe_conf import Rule
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Child, Contract, LastSwap, Range, Slot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.symbols import Export, Symbols

RELEASE = "6.1.0-56-amd64"
VERMAGIC = f"{RELEASE} SMP preempt mod_unload modversions"
NAME = "twostep_remap_1_1_0"
OLD = Child("twostep_remap_1_0_0", "remap", "1.0.0", Contract(1, 0), (), Range(1, 2), Range(1, 2), 64, 1)
NEW = Candidate(NAME, "1.1.0", "remap", Contract(1, 0), (), Range(1, 2), Range(1, 2), 64, VERMAGIC, "ABC", ("twostep",), False)
LOADED = Child(NAME, "remap", "1.1.0", Contract(1, 0), (), Range(1, 2), Range(1, 2), 64, 0)
SLOT = Slot("data", "serving", "remap", "lower=/dev/vdb", "1.0.0", OLD.module, 3, None, 0, 1, LastSwap(result="ok"))
AMD64 = Machine(62, True, "<")
KERNEL = Kernel(RELEASE, VERMAGIC, machine=AMD64, module_bytes=896)
LINKAGE = Linkage(AMD64, ("_printk", "twostep_register_child"), {"module_layout": 1, "_printk": 2, "twostep_register_child": 3}, {}, 896)
EXPORTS = {"module_layout": Export("vmlinux", 1), "_printk": Export("vmlinux", 2), "twostep_register_child": Export("twostep", 3)}
SYMBOLS = Symbols(EXPORTS, True, "/lib/modules/x/build/Module.symvers")
QUESTION = Question(SLOT, Contract(1, 0), "1.1.0", KERNEL, RELEASE, NEW, None, OLD, 256, linkage=LINKAGE, symbols=SYMBOLS)
IS_LOADED = {"loaded": LOADED, "loaded_srcversion": "ABC"}
SHARED = {"linkage": replace(LINKAGE, exports={"shared": 9, "shared_too": None})}


def link(**changes: object) -> dict[str, object]:
    return {"linkage": replace(LINKAGE, **changes)}


def crc(**changes: int) -> dict[str, object]:
    return link(versions={**(LINKAGE.versions or {}), **changes})


def known(complete: bool = True, source: str | None = "x", running: dict | None = None, without: tuple = ()) -> dict[str, object]:
    exports = {name: export for name, export in EXPORTS.items() if name not in without}
    return {"symbols": Symbols(exports, complete, source, running or {})}


def tainted(bits: int | None) -> dict[str, object]:
    return {"kernel": replace(KERNEL, taint=bits)}


def rule(kind: str, module: str = NAME, command: str = "", line: int = 3) -> dict[str, object]:
    return {"rules": (Rule(kind, module, command, "/etc/modprobe.d/x.conf" if line else "/proc/cmdline", line),)}


# what differs, verdict, codes in order
TABLE = {
    "nothing differs": ({}, "hot", []),
    "a checksum of the kernel": (crc(_printk=9), "refuse", ["symbol_crc"]),
    "the kernel's own layout": (crc(module_layout=9), "refuse", ["symbol_crc"]),
    "a checksum of the parent": (crc(twostep_register_child=9), "refuse", ["symbol_crc"]),
    "a checksum, but the build is loaded": ({**crc(_printk=9), **IS_LOADED}, "hot", ["symbol_crc"]),
    "another build is loaded": ({**crc(_printk=9), "loaded": LOADED, "loaded_srcversion": "OLD"}, "refuse", ["symbol_crc", "stale_module"]),
    "no checksums": (link(versions=None), "refuse", ["symbol_crc"]),
    "no checksums, and none are wanted": (
        {**link(versions=None), "kernel": replace(KERNEL, vermagic="x SMP"), "candidate": replace(NEW, vermagic="x SMP")}, "hot", [],
    ),
    "checksums in an unknown layout": (link(versions=None, unreadable="it is odd"), "hot", ["versions_unreadable"]),
    "the exporting side has no checksum": ({"symbols": Symbols({**EXPORTS, "_printk": Export("vmlinux", None)}, True, "x")}, "hot", []),
    "a symbol is missing": (link(needs=("gone",)), "refuse", ["symbol_missing"]),
    "a symbol is missing, but the build is loaded": ({**link(needs=("gone",)), **IS_LOADED}, "hot", ["symbol_missing"]),
    "a symbol is there, without a checksum": (
        known(running={"twostep_register_child": "twostep"}, without=("twostep_register_child",)), "hot", ["symbol_crc_unknown"],
    ),
    "not all modules are known": (
        known(False, without=("twostep_register_child",)), "hot", ["symbols_unknown", "symbol_crc_unknown"],
    ),
    "nothing is known of symbols": ({"symbols": Symbols()}, "hot", ["symbols_unknown", "symbol_crc_unknown"]),
    "a file that cannot be unpacked": ({"linkage": None}, "hot", ["symbols_unknown"]),
    "another processor": (link(machine=Machine(183, True, "<")), "refuse", ["architecture"]),
    "another class": (link(machine=Machine(62, False, "<")), "refuse", ["architecture"]),
    "a processor that is not known": ({"kernel": replace(KERNEL, machine=None, module_bytes=None)}, "hot", []),
    "another struct module": (link(module_bytes=960), "refuse", ["module_layout"]),
    "exports what the old one exports": ({**SHARED, "exporters": {"shared": OLD.module}}, "two_step", ["duplicate_export"]),
    "exports what the old one exports, which serves elsewhere": (
        {**SHARED, "exporters": {"shared": OLD.module}, "old": replace(OLD, users=2)}, "refuse", ["duplicate_export"],
    ),
    "exports what a third module exports": ({**SHARED, "exporters": {"shared": "other"}}, "refuse", ["duplicate_export"]),
    "exports what the kernel exports": ({**SHARED, "exporters": {"shared": "vmlinux"}}, "refuse", ["duplicate_export"]),
    "exports what two export": (
        {**SHARED, "exporters": {"shared": OLD.module, "shared_too": "other"}}, "refuse", ["duplicate_export", "duplicate_export"],
    ),
    "exports what it exports itself, in another build": (
        {**SHARED, "exporters": {"shared": NAME}, "loaded": LOADED, "loaded_srcversion": "OLD"}, "hot", ["stale_module"],
    ),
    "exports, and is loaded": ({**SHARED, "exporters": {"shared": OLD.module}, **IS_LOADED}, "hot", []),
    "exports, and nothing is known": ({**SHARED, "exporters": None}, "hot", ["exports_unknown"]),
    "exports nothing, and nothing is known": ({"exporters": None}, "hot", []),
    "blacklisted": (rule("blacklist"), "refuse", ["blacklisted"]),
    "blacklisted on the command line": (rule("blacklist", line=0), "refuse", ["blacklisted"]),
    "blacklisted, but loaded": ({**rule("blacklist"), **IS_LOADED}, "hot", ["blacklisted"]),
    "another one blacklisted": (rule("blacklist", "other"), "hot", []),
    "a command instead": (rule("install", command="/bin/false"), "refuse", ["install_command"]),
    "a command instead, for a pattern": (rule("install", "twostep_*", "/bin/false"), "refuse", ["install_command"]),
    "forced": (tainted(1 << 1 | 1 << 12), "refuse", ["tainted_forced", "tainted"]),
    "an oops": (tainted(1 << 7), "hot", ["tainted_defect"]),
    "from outside the tree and unsigned": (tainted(1 << 12 | 1 << 13), "hot", ["tainted"]),
    "proprietary": (tainted(1), "hot", []),
    "taint unknown": (tainted(None), "hot", ["taint_unknown"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_truth_table(name: str) -> None:
    changes, verdict, codes = TABLE[name]
    answer = compat.decide(replace(QUESTION, **changes))
    assert (answer.verdict, [reason.code for reason in answer.reasons]) == (verdict, codes)
    for reason in answer.reasons:
        assert reason.message.endswith(".")
        assert reason.next_step.endswith(".")


SENTENCES = {
    "symbol_crc": (
        crc(twostep_register_child=9),
        f"{NAME} is built against twostep_register_child with checksum 0x00000009; that of module twostep is 0x00000003.",
        "Build it again for this kernel and the installed parent.",
    ),
    "symbol_missing": (
        link(needs=("a", "b", "c", "d")),
        f"{NAME} needs a, b, c and 1 more, which neither kernel {RELEASE} nor a known module exports.",
        "Build it again for this kernel and the installed parent, and load the modules that it depends on.",
    ),
    "symbols_unknown": (
        {"symbols": Symbols()},
        f"Whether kernel {RELEASE} exports _printk, twostep_register_child, which {NAME} needs, cannot be told.",
        "Install the kernel's headers to know before the load.",
    ),
    "symbol_crc_unknown": (
        known(running={"_printk": "vmlinux"}, without=("_printk",)),
        f"The checksums of _printk in the kernel are not to be had, so {NAME} is not compared with them.",
        "Install the kernel's headers to know before the load.",
    ),
    "versions_unreadable": (
        link(versions=None, unreadable="it is odd"),
        f"The symbol checksums of {NAME} cannot be read: it is odd.",
        "Load it on a test host of the same kernel first.",
    ),
    "architecture": (
        link(machine=Machine(183, True, "<")),
        f"{NAME} is for machine 183, 64 bits, little endian; the kernel's own modules are for machine 62, 64 bits, little endian.",
        "Build the module on this host, or for its architecture.",
    ),
    "module_layout": (
        link(module_bytes=960),
        f"{NAME} has a struct module of 960 bytes; in kernel {RELEASE} it has 896.",
        "Build it again, against the headers of exactly this kernel.",
    ),
    "duplicate_export": (
        {**SHARED, "exporters": {"shared": OLD.module}},
        f"{NAME} exports shared, which twostep_remap_1_0_0 exports, too.",
        "Nothing to do: the old module goes before the new one comes. A child that exports nothing would swap faster.",
    ),
    "exports_unknown": (
        {**SHARED, "exporters": None},
        f"Whether a loaded module exports shared, shared_too, as {NAME} does, cannot be told.",
        "Look at /proc/kallsyms on the host; the load will tell.",
    ),
    "blacklisted": (
        rule("blacklist"),
        f"{NAME} is blacklisted in line 3 of /etc/modprobe.d/x.conf.",
        "Remove that entry if the module may be loaded.",
    ),
    "install_command": (
        rule("install", command="/bin/false"),
        f"Instead of loading {NAME}, modprobe runs '/bin/false': so says line 3 of /etc/modprobe.d/x.conf.",
        "Remove that line if the module may be loaded.",
    ),
    "tainted_forced": (
        tainted(2),
        "A module was forced into the kernel (taint F), so what its checks say of modules cannot be relied on.",
        "Reboot the host, and load no module with force.",
    ),
    "tainted_defect": (
        tainted(1 << 5 | 1 << 9),
        "The kernel has recorded a defect since it booted (taint BW).",
        "Read the kernel log; reboot the host if the defect was in a module.",
    ),
    "tainted": (
        tainted(1 << 12 | 1 << 13),
        "The kernel has modules from outside its tree, or without a trusted signature (taint OE).",
        "Nothing to do: the parent is such a module.",
    ),
    "taint_unknown": (tainted(None), "The kernel's taint cannot be read.", "Look at /proc/sys/kernel/tainted on the host."),
}


@pytest.mark.parametrize("code", SENTENCES)
def test_sentences(code: str) -> None:
    changes, message, next_step = SENTENCES[code]
    found = {reason.code: (reason.message, reason.next_step) for reason in compat.decide(replace(QUESTION, **changes)).reasons}
    assert found[code] == (message, next_step)


def test_every_code_of_the_table_has_its_sentence_tested() -> None:
    assert {code for _changes, _verdict, codes in TABLE.values() for code in codes} - {"stale_module"} == set(SENTENCES)


@pytest.mark.parametrize(
    ("changes", "message", "next_step"),
    [
        (
            {"exporters": {"shared": "vmlinux"}},
            f"{NAME} exports shared, which the kernel exports, too.",
            "Build a child that does not export it.",
        ),
        (
            {"exporters": {"shared": "other"}},
            f"{NAME} exports shared, which other exports, too.",
            "Build a child that does not export it, or unload other first.",
        ),
        (
            {"exporters": {"shared": OLD.module}, "old": replace(OLD, users=2)},
            f"{NAME} exports shared, which twostep_remap_1_0_0 exports, too, and another slot uses that one.",
            "Swap the other slots away from it first, or build a child that exports nothing.",
        ),
    ],
)
def test_who_exports_decides_what_to_do(changes: dict, message: str, next_step: str) -> None:
    (reason,) = compat.decide(replace(QUESTION, **SHARED, **changes)).reasons
    assert (reason.message, reason.next_step) == (message, next_step)


def test_a_shared_export_demands_that_the_old_child_can_take_its_state_back() -> None:
    asked = replace(
        QUESTION, **SHARED, exporters={"shared": OLD.module}, old=replace(OLD, schema_reads=Range(1, 1), schema_writes=Range(2, 2))
    )
    assert [reason.code for reason in compat.decide(asked).reasons] == ["schema_none", "duplicate_export"]


def test_letters_of_the_taint() -> None:
    assert compat_kernel.taint_letters(1 << 12 | 1 << 13) == ["O", "E"]
    assert compat_kernel.taint_letters(1 | 2) == ["P", "F"]
    assert compat_kernel.taint_letters(0) == compat_kernel.taint_letters(None) == []
