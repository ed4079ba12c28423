# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth table of compatibility: each row changes facts of a step that is hot, and says what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import compat
from ansible_collections.twostep.hotswap.plugins.module_utils.core.candidate import Candidate
from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import Kernel, Question
from ansible_collections.twostep.hotswap.plugins.module_utils.core.elf import Machine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.linkage import Linkage
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Child, Contract, LastSwap, Range, Slot

RELEASE = "6.1.0-56-amd64"
VERMAGIC = f"{RELEASE} SMP preempt mod_unload modversions"
OLD = Child("twostep_remap_1_0_0", "remap", "1.0.0", Contract(1, 0), ("flush", "fua"), Range(1, 2), Range(1, 2), 64, 1)
NEW = Candidate(
    "twostep_remap_1_1_0", "1.1.0", "remap", Contract(1, 0), ("flush", "fua"), Range(1, 2), Range(1, 2), 64,
    VERMAGIC, "ABC", ("twostep",), False,
)  # fmt: skip
SLOT = Slot("data", "serving", "remap", "lower=/dev/vdb", "1.0.0", OLD.module, 3, None, 0, 1, LastSwap(result="ok"))
KERNEL = Kernel(RELEASE, VERMAGIC)
LINKAGE = Linkage(Machine(62, True, "<"), versions={})
QUESTION = Question(SLOT, Contract(1, 0), "1.1.0", KERNEL, RELEASE, NEW, None, OLD, 256, linkage=LINKAGE)
LOADED = Child("twostep_remap_1_1_0", "remap", "1.1.0", Contract(1, 0), ("flush", "fua"), Range(1, 2), Range(1, 2), 64, 0)
SAME_NAME = {"candidate": replace(NEW, name=OLD.module), "loaded": OLD, "loaded_srcversion": "OLD"}


def new(**changes: object) -> dict[str, object]:
    return {"candidate": replace(NEW, **changes)}


def slot(**changes: object) -> dict[str, object]:
    return {"slot": replace(SLOT, **changes)}


def kernel(**changes: object) -> dict[str, object]:
    return {"kernel": replace(KERNEL, **changes)}


# what differs, verdict, codes in order, axis of the first
TABLE = {
    "nothing differs": ({}, "hot", [], None),
    "serves already": (slot(version="1.1.0"), "current", [], None),
    "serves already, in probation": (slot(version="1.1.0", parked="1.0.0"), "current", ["commit_missing"], "slot"),
    "serves already, whatever the file": ({**slot(version="1.1.0"), "candidate": None}, "current", [], None),
    "an older one": ({"version": "0.9.0", **new(version="0.9.0")}, "hot", ["downgrade"], "contract"),
    "no file": ({"candidate": None}, "refuse", ["not_built"], "kernel"),
    "no module": (
        {"candidate": None, "problem": TwostepError("not_a_module", "The file x is not a kernel module.", "Build.")},
        "refuse", ["not_a_module"], "kernel",
    ),
    "another version in the file": (new(version="1.2.0"), "refuse", ["version_mismatch"], "contract"),
    "another family": (new(family="cache"), "refuse", ["family"], "contract"),
    "contract major": (new(contract=Contract(2, 0)), "cold", ["contract_major"], "contract"),
    "contract minor newer": (new(contract=Contract(1, 1)), "cold", ["contract_minor"], "contract"),
    "contract minor older": ({"contract": Contract(1, 3)}, "hot", [], None),
    "a promise dropped": (new(features=("flush",)), "warm", ["feature_dropped"], "contract"),
    "a promise more": (new(features=("flush", "fua", "discard")), "hot", ["promise_gained"], "contract"),
    "no schema": (new(schema_reads=Range(3, 4)), "warm", ["schema_none"], "state"),
    "one common schema": (new(schema_reads=Range(2, 9)), "hot", [], None),
    "writes what the old one does not read": (new(schema_writes=Range(3, 3)), "hot", ["no_way_back"], "state"),
    "more request data": (new(request_bytes=257), "warm", ["request_bytes"], "state"),
    "as much request data": (new(request_bytes=256), "hot", [], None),
    "request data unknown": ({**new(request_bytes=4096), "request_bytes": None}, "hot", [], None),
    "version magic": (new(vermagic=f"{RELEASE} SMP mod_unload"), "refuse", ["vermagic"], "kernel"),
    "version magic unknown, release fits": (kernel(vermagic=None), "hot", [], None),
    "version magic unknown, other release": ({**kernel(vermagic=None), **new(vermagic="6.1.0-1 SMP")}, "refuse", ["vermagic"], "kernel"),
    "for another kernel": ({"kernel_release": "6.12.0"}, "cold", ["other_kernel"], "kernel"),
    "for another kernel, wrongly built": (
        {"kernel_release": "6.12.0", **new(vermagic="5.10.0 SMP")}, "refuse", ["vermagic", "other_kernel"], "kernel",
    ),
    "signatures demanded": (kernel(sig_enforce=True), "refuse", ["unsigned"], "kernel"),
    "signatures demanded, signed": ({**kernel(sig_enforce=True), **new(signed=True)}, "hot", [], None),
    "locked down": (kernel(lockdown="integrity"), "refuse", ["unsigned"], "kernel"),
    "locked down, signed": ({**kernel(lockdown="confidentiality"), **new(signed=True)}, "hot", [], None),
    "no module can be loaded": (kernel(modules_disabled=True), "cold", ["modules_disabled"], "kernel"),
    "no module can be loaded, this one is": (
        {**kernel(modules_disabled=True), "loaded": LOADED, "loaded_srcversion": "ABC"}, "hot", [], None,
    ),
    "a swap runs": (slot(last_swap=LastSwap(result="running", to_version="1.2.0")), "refuse", ["slot_busy"], "slot"),
    "held": (slot(state="held"), "refuse", ["slot_busy"], "slot"),
    "another parked": (slot(parked="0.9.0"), "refuse", ["slot_busy"], "slot"),
    "back to the parked one": (slot(parked="1.1.0"), "hot", ["ends_probation"], "slot"),
    "nothing serves yet": ({**slot(state="empty", version=None, module=None), "old": None}, "refuse", ["not_serving"], "slot"),
    "detached": ({**slot(state="detached", version=None, module=None), "old": None}, "refuse", ["not_serving"], "slot"),
    "loaded already": ({"loaded": LOADED, "loaded_srcversion": "ABC"}, "hot", [], None),
    "another build loaded, unused": ({"loaded": LOADED, "loaded_srcversion": "OLD"}, "hot", ["stale_module"], "slot"),
    "another build loaded, used elsewhere": (
        {"loaded": replace(LOADED, users=1), "loaded_srcversion": "OLD"}, "refuse", ["other_build"], "slot",
    ),
    "another build is the parked one": (
        {**slot(parked="1.1.0"), "loaded": replace(LOADED, users=1), "loaded_srcversion": "OLD"},
        "hot", ["ends_probation", "stale_module"], "slot",
    ),
    "the serving module's name": (SAME_NAME, "two_step", ["same_module"], "slot"),
    "the serving module's name, used elsewhere": ({**SAME_NAME, "loaded": replace(OLD, users=2)}, "refuse", ["other_build"], "slot"),
    "two_step asked for": ({"ask_two_step": True}, "two_step", ["asked_two_step"], "slot"),
    "two_step: the old one must read its state back": (
        {"ask_two_step": True, "old": replace(OLD, schema_reads=Range(1, 1), schema_writes=Range(2, 2))},
        "warm", ["schema_none", "asked_two_step"], "state",
    ),
    "peers that speak one more version": (
        {"old_file": replace(NEW, name=OLD.module, protocol=Range(1, 1)), **new(protocol=Range(1, 2))}, "hot", [], None,
    ),
    "peers with nothing in common": (
        {"old_file": replace(NEW, name=OLD.module, protocol=Range(1, 1)), **new(protocol=Range(2, 2))},
        "hot", ["peers_disjoint"], "peers",
    ),
    "peers of which one has no protocol": ({"old_file": NEW, **new(protocol=Range(2, 2))}, "hot", [], None),
    "the worst reason wins": (
        new(features=("flush",), contract=Contract(2, 0), vermagic="x"),
        "refuse", ["vermagic", "contract_major", "feature_dropped"], "kernel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_truth_table(name: str) -> None:
    changes, verdict, codes, axis = TABLE[name]
    answer = compat.decide(replace(QUESTION, **changes))
    assert (answer.verdict, [reason.code for reason in answer.reasons]) == (verdict, codes)
    assert answer.mode == {"hot": "handover", "two_step": "two_step"}.get(verdict)
    assert (answer.reasons[0].axis if codes else None) == axis
    blocking = answer.blocking
    assert (blocking.code if blocking else None) == (codes[0] if verdict in ("warm", "cold", "refuse") else None)
    for reason in answer.reasons:
        assert reason.message.endswith(".")
        assert reason.next_step.endswith(".")


SENTENCES = {
    "feature_dropped": (
        new(features=()),
        "twostep_remap_1_1_0 does not promise flush, fua, which twostep_remap_1_0_0 does.",
        "Choose a version that keeps the promise, or take the slot down and create it with the new version.",
    ),
    "schema_none": (
        new(schema_reads=Range(7, 8)),
        "twostep_remap_1_0_0 writes schemas 1-2, twostep_remap_1_1_0 reads 7-8: they have none in common.",
        "Go through a version between them, or take the slot down and create it with the new version.",
    ),
    "not_built": (
        {"candidate": None},
        f"twostep_remap_1_1_0 is not installed for kernel {RELEASE}.",
        "Build it with twostep.hotswap.dkms.",
    ),
    "version_mismatch": (
        new(version="1.2.0"),
        "The file of twostep_remap_1_1_0 carries version 1.2.0, asked for is 1.1.0.",
        "Build the module from the sources of the version asked for.",
    ),
    "family": (
        new(family="cache"),
        "twostep_remap_1_1_0 is of family cache, slot data of remap.",
        "Choose a module of the slot's family.",
    ),
    "contract_major": (
        new(contract=Contract(2, 0)),
        "twostep_remap_1_1_0 is built for contract 2.0, the loaded parent has 1.0.",
        "Upgrade the parent first, with its slots down; parent and child are never upgraded in one step.",
    ),
    "contract_minor": (
        new(contract=Contract(1, 1)),
        "twostep_remap_1_1_0 needs contract 1.1, the loaded parent has 1.0.",
        "Upgrade the parent first, with its slots down; parent and child are never upgraded in one step.",
    ),
    "request_bytes": (
        new(request_bytes=512),
        "twostep_remap_1_1_0 wants 512 bytes with each request, the slot has 256.",
        "Take the slot down and create it with the new version and a larger request_bytes.",
    ),
    "vermagic": (
        new(vermagic="6.1.0-1 SMP"),
        f"twostep_remap_1_1_0 is built for '6.1.0-1 SMP', kernel {RELEASE} wants '{VERMAGIC}'.",
        "Build it again with twostep.hotswap.dkms.",
    ),
    "unsigned": (
        kernel(lockdown="integrity"),
        "twostep_remap_1_1_0 is not signed, and the kernel is locked down (integrity).",
        "Sign it with a key that the kernel trusts.",
    ),
    "modules_disabled": (
        kernel(modules_disabled=True),
        "kernel.modules_disabled is 1: no module can be loaded until the next boot.",
        "Reboot the host with the new version committed in its boot configuration.",
    ),
    "other_kernel": (
        {"kernel_release": "6.12.0"},
        f"The file is for kernel 6.12.0, {RELEASE} runs.",
        "Boot that kernel, or build the module for the running one.",
    ),
    "no_way_back": (
        new(schema_writes=Range(3, 3)),
        "There is no way back: twostep_remap_1_1_0 writes schemas 3-3, twostep_remap_1_0_0 reads 1-2.",
        "Consent with one_way if that is meant; going back later means taking the slot down.",
    ),
    "promise_gained": (
        new(features=("flush", "fua", "discard")),
        "After the commit there is no hot way back: twostep_remap_1_1_0 promises discard, which twostep_remap_1_0_0 does not.",
        "Go on if that is meant; going back later means taking the slot down.",
    ),
    "slot_busy": (
        slot(parked="0.9.0"),
        "Slot data serves 1.0.0 in probation; 0.9.0 is parked.",
        "Commit 1.0.0 or swap back to 0.9.0 first.",
    ),
    "not_serving": (
        slot(state="detached", version=None, module=None, last_swap=LastSwap(result="detached", reason="waiting for 1.1.0")),
        "Slot data is detached: waiting for 1.1.0.",
        "Bring it up with twostep.hotswap.parent.",
    ),
    "commit_missing": (
        slot(version="1.1.0", parked="1.0.0"),
        "Slot data serves 1.1.0 in probation; 1.0.0 is parked.",
        "Commit with twostep.hotswap.swap, or swap back.",
    ),
    "ends_probation": (
        slot(parked="1.1.0"),
        "1.1.0 is parked on slot data; it is released, and takes over by a swap of its own.",
        "Nothing to do.",
    ),
    "downgrade": ({"version": "0.9.0", **new(version="0.9.0")}, "0.9.0 is older than 1.0.0.", "Nothing to do if that is meant."),
    "other_build": (
        {"loaded": replace(LOADED, users=1), "loaded_srcversion": "OLD"},
        "The kernel has another build of twostep_remap_1_1_0 (1.1.0), and another slot uses it.",
        "Swap the other slots away from it first, or give the new build a version of its own.",
    ),
    "same_module": (
        SAME_NAME,
        "twostep_remap_1_0_0 1.0.0 serves, and a kernel has one module of a name.",
        "Nothing to do: the old module goes before the new one comes. A name with the version in it would swap faster.",
    ),
    "stale_module": (
        {"loaded": LOADED, "loaded_srcversion": "OLD"},
        "The kernel has another build of twostep_remap_1_1_0 loaded; nothing uses it.",
        "Nothing to do: it is unloaded first.",
    ),
    "peers_disjoint": (
        TABLE["peers with nothing in common"][0],
        "twostep_remap_1_0_0 speaks versions 1-1 of its wire protocol, twostep_remap_1_1_0 2-2: they cannot talk to each other.",
        "Go through a version that speaks both, on the whole fleet, before any host goes on.",
    ),
    "asked_two_step": ({"ask_two_step": True}, "Mode two_step was asked for.", "Nothing to do."),
}


@pytest.mark.parametrize("code", SENTENCES)
def test_sentences(code: str) -> None:
    changes, message, next_step = SENTENCES[code]
    found = {reason.code: (reason.message, reason.next_step) for reason in compat.decide(replace(QUESTION, **changes)).reasons}
    assert found[code] == (message, next_step)


def test_every_code_of_the_table_has_its_sentence_tested() -> None:
    assert {code for _changes, _verdict, codes, _axis in TABLE.values() for code in codes} - {"not_a_module"} == set(SENTENCES)


def test_the_level_tells_what_a_reason_forces() -> None:
    answer = compat.decide(replace(QUESTION, **new(schema_writes=Range(3, 3), contract=Contract(1, 1))))
    assert [(reason.code, reason.level) for reason in answer.reasons] == [("contract_minor", "cold"), ("no_way_back", "warning")]
    assert answer.as_dict()["reasons"][0]["level"] == "cold"


@pytest.mark.parametrize(
    ("writes", "back", "reads", "schema"),
    [(Range(1, 2), Range(1, 2), Range(1, 2), None), (Range(1, 3), Range(1, 3), Range(1, 2), 2), (Range(1, 3), Range(1, 2), Range(1, 3), 2),
     (Range(1, 1), Range(1, 1), Range(1, 2), None)],
)  # fmt: skip
def test_two_step_names_the_schema_only_where_the_newest_would_not_do(writes: Range, back: Range, reads: Range, schema: int | None) -> None:
    old = replace(OLD, schema_writes=writes, schema_reads=back)
    answer = compat.decide(replace(QUESTION, old=old, ask_two_step=True, **new(schema_reads=reads)))
    assert (answer.verdict, answer.schema) == ("two_step", schema)


def test_a_handover_never_names_a_schema() -> None:
    assert compat.decide(replace(QUESTION, **new(schema_reads=Range(1, 1)))).schema is None
