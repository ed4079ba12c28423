# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be asked of a reload, what it replaces, and each refusal in its words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload
from ansible_collections.twostep.hotswap.plugins.module_utils.core.boot import BootSlot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import Kernel
from ansible_collections.twostep.hotswap.plugins.module_utils.core.elf import Machine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.linkage import Linkage
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import ModuleFacts, Part, Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import LastSwap, Slot

KERNEL = Kernel("6.1.0")
OLD, NEW = Identity("aa" * 20, "OLD", "1.0"), Identity("bb" * 20, "NEW", "2.0")
LOWER = ModuleFacts("lower", "live", OLD, "/m/lower.ko", NEW, ("upper",), "/k/lower.ko")
UPPER = ModuleFacts("upper", "live", OLD, "/m/upper.ko", NEW, (), "/k/upper.ko")
SAME = replace(LOWER, file=OLD)
PARENT = ModuleFacts("twostep", "live", OLD, "/m/twostep.ko", NEW, ("twostep_remap_1_0_0",), "/k/twostep.ko")
BOTH = Wish(("lower", "upper"))
SLOT = Slot("data", "serving", "remap", "lower=/dev/vdb", "1.0.0", "twostep_remap_1_0_0", 1, None, 0, 0, LastSwap())
BOOT = BootSlot("data", "remap", "lower=/dev/vdb", "1.0.0")
MACHINE = Machine(62, True, "<")
MARK = "1.0 (aaaaaaaaaaaa)"


def refused(act, *arguments: object, **options: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments, **options)
    return caught.value


def test_a_wish() -> None:
    assert reload.wish(["dm_writeboost"]) == Wish(("dm_writeboost",))
    full = reload.wish(["lower", "Upper_2"], ["/dev/mapper/a-b", "/dev/sdb"], ["a.service"], ["b.timer"], "2.0~rc1+x", True, "run-7", 9.0)
    assert full == Wish(
        ("lower", "Upper_2"), ("/dev/mapper/a-b", "/dev/sdb"), ("a.service",), ("b.timer",), "2.0~rc1+x", True, "run-7", 9.0
    )
    assert not full.is_parent


def test_a_wish_for_the_parent() -> None:
    wanted = reload.wish(["twostep"], units=["a.service"])
    assert (wanted.is_parent, wanted.units, wanted.run_id) == (True, ("a.service",), "manual")


SIXTEEN = "modules is not a list of 1 to 16 names."
ALONE = "The parent is upgraded alone: no module beside it, and no devices, for it knows its slots."


@pytest.mark.parametrize(
    ("modules", "options", "code", "message", "next_step"),
    [
        ([], {}, "no_modules", SIXTEEN, "Name the modules in their load order."),
        ("lower", {}, "no_modules", SIXTEEN, "Name the modules in their load order."),
        (None, {}, "no_modules", SIXTEEN, "Name the modules in their load order."),
        ([f"m{number}" for number in range(17)], {}, "no_modules", SIXTEEN, "Name the modules in their load order."),
        (
            ["dm-writeboost"],
            {},
            "bad_module",
            "module 'dm-writeboost' is not a valid name.",
            "Write it as lsmod prints it: up to 55 letters, digits and _.",
        ),
        ([1], {}, "bad_module", "module '1' is not a valid name.", "Write it as lsmod prints it: up to 55 letters, digits and _."),
        (["a", "b", "a"], {}, "module_twice", "A module is named twice.", "Name each module once, in the order in which they are loaded."),
        *(
            (
                modules,
                options,
                "parent_alone",
                ALONE,
                "Reload twostep by itself; children are upgraded with twostep.hotswap.swap.",
            )
            for modules, options in [
                (["twostep", "lower"], {}),
                (["twostep_remap_1_0_0"], {}),
                (["lower", "twostep_remap_1_0_0"], {}),
                (["twostep"], {"devices": ["/dev/sdb"]}),
                (["twostep"], {"device_units": ["a.service"]}),
            ]
        ),
        *(
            (
                ["a"],
                {"devices": [device]},
                "bad_device",
                f"device {device!r} is no path below /dev.",
                "Write the path of a disk, e.g. /dev/sdb.",
            )
            for device in ("sdb", "/dev", "/dev/", "/dev/../etc/passwd", "/dev/-x", "/dev/a b", "/dev/a\n", "/etc/x")
        ),
        (["a"], {"devices": [None]}, "bad_device", "device 'None' is no path below /dev.", "Write the path of a disk, e.g. /dev/sdb."),
        *(
            (
                ["a"],
                {key: ["a.mount"]},
                "bad_unit",
                "unit 'a.mount' is not a valid name.",
                "Name a .service, .socket, .timer or .path, with its suffix.",
            )
            for key in ("units", "device_units")
        ),
        *(
            (
                ["a"],
                {"version": version},
                "bad_module_version",
                f"version {str(version)!r} is no version.",
                "Quote what modinfo shows as the version of the file.",
            )
            for version in ("", "1 0", "1.0\n", "é", 1.1)
        ),
        (["a"], {"run_id": "A/b"}, "bad_id", "id 'A/b' is not a valid name.", "Use up to 64 of a-z, 0-9 and -."),
    ],
)
def test_what_may_not_be_wished(modules: object, options: dict, code: str, message: str, next_step: str) -> None:
    error = refused(reload.wish, modules, **options)
    assert (error.code, error.message, error.next_step) == (code, message, next_step)


@given(st.one_of(st.none(), st.integers(), st.lists(st.one_of(st.text(max_size=60), st.none(), st.integers()), max_size=18)))
def test_any_modules_make_a_wish_or_are_refused(modules: object) -> None:
    try:
        wanted = reload.wish(modules)
    except TwostepError:
        return
    assert list(wanted.modules) == modules


@given(st.text(max_size=220))
def test_a_device_that_passed_stays_below_dev(device: str) -> None:
    try:
        wanted = reload.wish(["a"], devices=[f"/dev/{device}"])
    except TwostepError:
        return
    assert wanted.devices == (f"/dev/{device}",)
    assert ".." not in device
    assert device.isascii()
    assert device.isprintable()


def test_a_plan_has_both_builds_and_the_copy_of_each() -> None:
    assert reload.plan(BOTH, [LOWER, UPPER], KERNEL) == (
        Part("lower", OLD, NEW, "/m/lower.ko", "/k/lower.ko"),
        Part("upper", OLD, NEW, "/m/upper.ko", "/k/upper.ko"),
    )
    parent = Part("twostep", OLD, NEW, "/m/twostep.ko", "/k/twostep.ko")
    assert reload.plan(Wish(("twostep",)), [PARENT], KERNEL) == (parent,)


@pytest.mark.parametrize(
    "found",
    [
        [SAME, replace(UPPER, file=OLD)],
        [SAME, replace(UPPER, file=OLD, kept=None)],
        [ModuleFacts("lower"), ModuleFacts("upper", path="/m/upper.ko", file=NEW)],
        [SAME, ModuleFacts("upper")],
        [],
    ],
)
def test_nothing_is_to_be_done_where_the_kernel_has_what_is_installed(found: list) -> None:
    assert reload.plan(BOTH, found, KERNEL) == ()


def test_a_module_that_is_not_loaded_is_left_alone() -> None:
    assert [part.name for part in reload.plan(BOTH, [replace(LOWER, holders=()), ModuleFacts("upper")], KERNEL)] == ["lower"]


def test_where_one_differs_all_that_are_loaded_go_and_what_is_installed_is_its_own_copy() -> None:
    parts = reload.plan(BOTH, [replace(SAME, kept=None), UPPER], KERNEL)
    assert [(part.name, part.old == part.new, part.kept) for part in parts] == [("lower", True, ""), ("upper", False, "/k/upper.ko")]


def test_without_a_copy_only_with_consent() -> None:
    bare = [replace(LOWER, kept=None), replace(UPPER, kept=None)]
    assert [part.kept for part in reload.plan(replace(BOTH, one_way=True), bare, KERNEL)] == ["", ""]


@pytest.mark.parametrize("version", ["2.0", None])
@pytest.mark.parametrize("file", [NEW, replace(NEW, version="")])
def test_the_version_that_is_asked_for_is_there_or_none_is_told(version: str | None, file: Identity) -> None:
    wanted = replace(BOTH, version=version)
    assert len(reload.plan(wanted, [replace(LOWER, file=file), replace(UPPER, file=file)], KERNEL)) == 2


UNTOLD = replace(LOWER, loaded=Identity(version="1.0"))
HELD = "Name those among the modules, too, after it; or unload them with a hook."


@pytest.mark.parametrize(
    ("found", "code", "message", "next_step", "data"),
    [
        (
            [ModuleFacts("lower", "builtin")],
            "module_builtin",
            "lower is built into the kernel.",
            "It changes with the kernel only.",
            {"module": "lower"},
        ),
        *(
            (
                [replace(LOWER, state=state)],
                "module_unsettled",
                f"Module lower is {state} at this moment.",
                "Look at the kernel log, and run again.",
                {"module": "lower"},
            )
            for state in ("coming", "going")
        ),
        (
            [replace(LOWER, path=None, file=Identity())],
            "no_module_file",
            "Module lower is loaded, but its file cannot be had: modinfo finds none.",
            "Install the module for the running kernel, and run depmod.",
            {"module": "lower"},
        ),
        (
            [replace(LOWER, file=Identity(), problem="The file is nonsense")],
            "no_module_file",
            "Module lower is loaded, but its file cannot be had: The file is nonsense.",
            "Install the module for the running kernel, and run depmod.",
            {"module": "lower"},
        ),
        (
            [UNTOLD],
            "identity_unknown",
            "Whether the kernel has the lower of /m/lower.ko cannot be told: there is no build ID, nor a srcversion.",
            "Build it with a linker that writes build IDs (--build-id), as the kernel's own Makefile asks for.",
            {"module": "lower"},
        ),
        (
            [replace(LOWER, holders=("upper", "x", "y")), UPPER],
            "module_held",
            "Module lower is used by x, y.",
            HELD,
            {"module": "lower", "holders": ["x", "y"]},
        ),
        (
            [LOWER, replace(UPPER, holders=("twostep_remap_1_0_0",))],
            "module_held",
            "Module upper is used by twostep_remap_1_0_0.",
            HELD,
            {"module": "upper", "holders": ["twostep_remap_1_0_0"]},
        ),
        (
            [LOWER, replace(UPPER, kept=None)],
            "no_way_back",
            f"No file of the upper that is loaded, {MARK}, is kept or installed: it could not be brought back.",
            "Keep it (state: kept) before another version is installed; or consent with one_way.",
            {"module": "upper"},
        ),
    ],
)
def test_what_is_not_replaced(found: list, code: str, message: str, next_step: str, data: dict) -> None:
    error = refused(reload.plan, BOTH, found, KERNEL)
    assert (error.code, error.message, error.next_step, error.data) == (code, message, next_step, data)


def test_the_parent_may_be_held_by_its_children_only() -> None:
    error = refused(reload.plan, Wish(("twostep",)), [replace(PARENT, holders=("twostep_remap_1_0_0", "stranger"))], KERNEL)
    assert (error.code, error.message) == ("module_held", "Module twostep is used by stranger.")


@pytest.mark.parametrize("upper", [UPPER, replace(UPPER, loaded=NEW), ModuleFacts("upper", path="/m/upper.ko", file=NEW)])
def test_another_version_than_the_one_asked_for(upper: ModuleFacts) -> None:
    lower = replace(SAME, file=replace(OLD, version=""))
    error = refused(reload.plan, replace(BOTH, version="2.1"), [lower, upper], KERNEL)
    assert (error.code, error.data) == ("other_module_version", {"module": "upper", "found": "2.0"})
    assert error.message == "The installed file of upper, /m/upper.ko, is 2.0, not 2.1."
    assert error.next_step == "Install that version first; after a way back the package may have to be installed again."


def test_slots_that_come_back_as_they_are() -> None:
    plain = replace(SLOT, slot="log", params="")
    reload.check_slots({"data": SLOT, "log": plain}, {"data": BOOT, "log": replace(BOOT, slot="log", params="")}, [])
    reload.check_slots({}, {}, ["other"])


END = "End that first: commit the swap, or take it back; slots of a rehearsal go with it."
WRITE = "Write it with twostep.hotswap.parent and boot: true, or commit what serves with twostep.hotswap.swap."
UP = "Bring it up, or remove it, with twostep.hotswap.parent."


@pytest.mark.parametrize(
    ("slots", "boot", "trials", "code", "message", "next_step"),
    [
        ([replace(SLOT, parked="0.9.0")], [BOOT], [], "slot_unsettled", "Slot data is not settled: 0.9.0 is parked.", END),
        ([SLOT], [BOOT], ["data"], "slot_unsettled", "Slot data is not settled: a version is on trial.", END),
        *(
            ([replace(SLOT, state=state)], [BOOT], [], "slot_unsettled", f"Slot data is not settled: it is {state}.", END)
            for state in ("empty", "held", "detached", "failed")
        ),
        *(
            (
                [SLOT],
                boot,
                [],
                "slot_not_configured",
                "Slot data serves remap 1.0.0, which is not what its boot configuration has.",
                WRITE,
            )
            for boot in (
                [],
                [replace(BOOT, version="1.1.0")],
                [replace(BOOT, family="other")],
                [replace(BOOT, params="lower=/dev/vdc")],
            )
        ),
        (
            [SLOT],
            [BOOT, replace(BOOT, slot="log")],
            [],
            "slot_not_up",
            "Slot log is in the boot configuration, but does not exist: whether it can be brought up is unknown.",
            UP,
        ),
    ],
)
def test_slots_that_might_not_come_back(slots: list, boot: list, trials: list, code: str, message: str, next_step: str) -> None:
    found = {slot.slot: slot for slot in slots}
    error = refused(reload.check_slots, found, {slot.slot: slot for slot in boot}, trials)
    assert (error.code, error.message, error.next_step) == (code, message, next_step)
    assert error.data == {"slot": "log" if code == "slot_not_up" else "data"}


def child(symbol: str = "twostep_register_child", crc: int | None = 1) -> Linkage:
    return Linkage(MACHINE, ("_printk", symbol), None if crc is None else {"_printk": 9, symbol: crc})


@pytest.mark.parametrize(
    ("exports", "one"),
    [
        ({"twostep_register_child": 1}, child()),
        ({"twostep_register_child": None}, child()),
        ({"twostep_register_child": 2}, child(crc=None)),
        ({}, child("blk_mq_end_request")),
        ({}, child("xtwostep_a")),
    ],
)
def test_children_that_fit(exports: dict, one: Linkage) -> None:
    reload.check_children(Linkage(MACHINE, exports=exports), {"twostep_remap_1_0_0": one})


@pytest.mark.parametrize(
    ("exports", "why"),
    [({"twostep_register_child": 2}, "has another checksum for"), ({"twostep_other": 1}, "does not export"), (None, "does not export")],
)
def test_a_child_that_does_not_fit(exports: dict | None, why: str) -> None:
    found = {"twostep_b": child(), "twostep_a": child()}
    error = refused(reload.check_children, Linkage(MACHINE, exports=exports), found)
    assert (error.code, error.data) == ("child_does_not_fit", {"module": "twostep_a", "symbol": "twostep_register_child"})
    assert error.message == f"The installed parent {why} twostep_register_child, which twostep_a needs."
    assert error.next_step == (
        "Build that child against the new parent under a version of its own, and go there cold; or keep the old parent."
    )
