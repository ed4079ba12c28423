# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has to let go of a slot: what is read of mounts and swap areas, in which order they are stopped, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import consumers, health_md, multipath
from ansible_collections.twostep.hotswap.plugins.module_utils.core.consumers import Consumer, Device, Facts, Leg, Mount, MountUnit
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

DISK = "/dev/twostep/data"
WHOLE = Device(DISK, "259:0")
PART = Device(f"{DISK}p1", "259:1")
RAID1 = health_md.Array("md0", "raid1", "clean", "0", "2", "idle", ("in_sync", "in_sync"))
LEG = Leg(RAID1, "+8")
HOOKS = "Stop it with twostep_hook_before_swap, and start it again with twostep_hook_after_swap."
TABLE = "0 98304 multipath 0 0 1 1 round-robin 0 2 1 259:0 1 7:1 1"
STATUS = "0 98304 multipath 2 0 0 0 1 1 A 0 2 0 259:0 A 0 7:1 A 0"
SHARED = multipath.Map("shared", "mpath-a1", f"{TABLE} \n", f"{STATUS} \n")
TOLD = {"uuid": "mpath-a1", "table": TABLE, "number": "259:0"}
IN_ORDER = "Bring md0 into order (mdadm --grow --bitmap=internal adds a bitmap), and run again."


def mount(point: str = "/srv", number: str = "259:0", root: str = "/", source: str = DISK, fstype: str = "ext4") -> Mount:
    return Mount(point, number, root, source, fstype, "rw,noatime")


def on_array(leg: Leg | None = LEG) -> Facts:
    return Facts((replace(WHOLE, holders=("md0",)),), legs={"md0": leg} if leg else {})


def refused(facts: Facts) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        consumers.plan(facts)
    return caught.value


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("36 22 259:0 / /srv rw,noatime shared:1 - ext4 /dev/vdb rw", Mount("/srv", "259:0", "/", "/dev/vdb", "ext4", "rw,noatime")),
        ("36 22 259:0 / /srv rw master:1 propagate_from:2 - xfs /dev/vdb rw", Mount("/srv", "259:0", "/", "/dev/vdb", "xfs", "rw")),
        ("36 22 259:0 / /a\\040b\\011c rw - ext4 /dev/x\\134y rw", Mount("/a b\tc", "259:0", "/", "/dev/x\\y", "ext4", "rw")),
        ("36 22 259:0 / /a\\040-\\040b rw - ext4 /dev/vdb rw", Mount("/a - b", "259:0", "/", "/dev/vdb", "ext4", "rw")),
        ("36 22 259:0 /sub /srv rw - ext4 /dev/vdb rw", Mount("/srv", "259:0", "/sub", "/dev/vdb", "ext4", "rw")),
        (
            "36 22 0:44 /@home /srv rw - btrfs /dev/vdb rw,space_cache=v2,subvolid=256,subvol=/@home",
            Mount("/srv", "0:44", "/@home", "/dev/vdb", "btrfs", "rw,space_cache=v2,subvolid=256,subvol=/@home"),
        ),
        ("36 22 259:0 / /srv ro - ext4 /dev/vdb rw,data=journal", Mount("/srv", "259:0", "/", "/dev/vdb", "ext4", "ro,data=journal")),
        ("36 22 259:0 / /srv rw - ext4 /dev/vdb ro,,errors=panic", Mount("/srv", "259:0", "/", "/dev/vdb", "ext4", "rw,errors=panic")),
        ("36 22 259:0 / /srv rw - ext4 /dev/vdb", Mount("/srv", "259:0", "/", "/dev/vdb", "ext4", "rw")),
        ("36 22 259:0 / /a\u00a0b\u3000c rw - ext4 /dev/vdb rw", Mount("/a\u00a0b\u3000c", "259:0", "/", "/dev/vdb", "ext4", "rw")),
        ("36 22 259:0 / /a\u2028b\x0cc rw - ext4 /dev/vdb rw", Mount("/a\u2028b\x0cc", "259:0", "/", "/dev/vdb", "ext4", "rw")),
    ],
)
def test_a_line_of_mountinfo(line: str, found: Mount) -> None:
    assert consumers.parse_mounts(f"{line}\n") == (found,)


@pytest.mark.parametrize(
    "line",
    ["", "nonsense", "36 22 259:0 / /srv rw", "36 22 259:0 / /srv - ext4 /dev/vdb rw", "36 22 259:0 / /srv rw - ext4", " - ", "\x00"],
)
def test_a_line_that_is_no_mount_is_passed_over(line: str) -> None:
    good = "36 22 259:0 / /srv rw - ext4 /dev/vdb rw"
    assert [found.point for found in consumers.parse_mounts(f"{good}\n{line}\n{good.replace('/srv', '/opt')}\n")] == ["/srv", "/opt"]


@given(st.text(max_size=300))
def test_no_text_breaks_the_parsers(text: str) -> None:
    assert all(isinstance(found, Mount) for found in consumers.parse_mounts(text))
    assert all(isinstance(priority, int) for _path, priority in consumers.parse_swaps(text))


def test_swap_areas() -> None:
    text = (
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/dev/vda2                               partition\t1048572\t\t0\t\t-2\n"
        "/srv/a\\040b                            file\t\t1024\t\t0\t\t10\n"
        "/dev/vda3 partition 1024 0 high\n"
        "/dev/vda4 partition\n"
    )
    assert consumers.parse_swaps(text) == (("/dev/vda2", -2), ("/srv/a b", 10))
    assert consumers.parse_swaps("") == ()
    assert consumers.parse_swaps("/dev/vda2 partition 1 0 -2") == ()


def test_nobody_uses_it() -> None:
    other = Facts((WHOLE, PART), mounts=(mount(number="8:1", source="/dev/sda1"),), swaps=(("/dev/sda2", -2),), legs={"md0": LEG})
    assert consumers.plan(other) == ()


def test_units_then_mounts_from_the_inside_then_swap_areas_then_members() -> None:
    facts = Facts(
        devices=(replace(WHOLE, holders=("dm-3",)), replace(PART, holders=("md0",)), Device(f"{DISK}p2", "259:2")),
        mounts=(mount("/srv"), mount("/other", "8:1", source="/dev/sda1"), mount("/srv/in", "259:1", source="/dev/root")),
        mount_units={"/srv": MountUnit("srv.mount", ("web.service", "db.service")), "/srv/in": MountUnit("", ("db.service", "in.socket"))},
        swaps=(("/dev/sda2", -2), (f"{DISK}p2", 7)),
        legs={"md0": LEG},
        maps={"dm-3": SHARED},
        units=("first.timer", "web.service"),
    )
    assert consumers.plan(facts) == (
        Consumer("unit", "first.timer"),
        Consumer("unit", "web.service"),
        Consumer("unit", "db.service"),
        Consumer("unit", "in.socket"),
        Consumer("mount", "/srv/in", f"{DISK}p1", {"unit": "", "fstype": "ext4", "options": "rw,noatime"}),
        Consumer("mount", "/srv", DISK, {"unit": "srv.mount", "fstype": "ext4", "options": "rw,noatime"}),
        Consumer("swap", f"{DISK}p2", f"{DISK}p2", {"priority": "7"}),
        Consumer("path", "shared", DISK, TOLD),
        Consumer("leg", "md0", f"{DISK}p1"),
    )


def test_btrfs_has_numbers_of_its_own_and_subvolumes() -> None:
    subvolume = replace(mount(number="0:44", root="/@home", fstype="btrfs"), options="rw,subvolid=256,subvol=/@home")
    assert consumers.plan(Facts((WHOLE,), mounts=(subvolume,))) == (
        Consumer("mount", "/srv", DISK, {"unit": "", "fstype": "btrfs", "options": "rw,subvolid=256,subvol=/@home"}),
    )


def test_a_folder_of_a_subvolume_is_a_bind_mount() -> None:
    folder = replace(mount(number="0:44", root="/@home/me", fstype="btrfs"), options="rw,subvolid=256,subvol=/@home")
    error = refused(Facts((WHOLE,), mounts=(folder,)))
    assert (error.code, error.next_step) == ("consumer_unknown", HOOKS)
    assert error.message == (
        "/dev/twostep/data cannot be taken down: /srv shows only /@home/me of the file system on it, "
        "and nobody here knows how to stop and restart that."
    )


@pytest.mark.parametrize("upper", [mount(number="8:1", source="/dev/sda1"), mount()], ids=["of another disk", "of the same"])
def test_a_mount_that_another_one_lies_over_is_refused(upper: Mount) -> None:
    error = refused(Facts((WHOLE,), mounts=(mount(), upper)))
    assert (error.code, error.next_step) == ("consumer_unknown", HOOKS)
    assert error.message == (
        "/dev/twostep/data cannot be taken down: another mount lies over /srv, and nobody here knows how to stop and restart that."
    )


def test_a_mount_that_lies_over_another_one_is_stopped() -> None:
    automount = Mount("/srv", "0:50", "/", "systemd-1", "autofs", "rw")
    assert [one.name for one in consumers.plan(Facts((WHOLE,), mounts=(automount, mount())))] == ["/srv"]


@pytest.mark.parametrize("level", ["raid1", "raid4", "raid5", "raid6", "raid10"])
def test_a_member_of_a_whole_array_with_a_bitmap_is_taken_out(level: str) -> None:
    assert consumers.plan(on_array(Leg(replace(RAID1, level=level), "+8"))) == (Consumer("leg", "md0", DISK),)


@pytest.mark.parametrize("point", ["/", "/usr", "/etc", "/var", "/run", "/boot", "/lib", "/var/lib", "/var/lib/twostep", "/usr/local"])
def test_what_the_host_lives_on_is_refused(point: str) -> None:
    error = refused(Facts((WHOLE,), mounts=(mount("/srv"), mount(point))))
    assert (error.code, error.data) == ("consumer_needed", {"device": "/dev/twostep/data", "mount": point})
    assert error.message == f"The host itself lives on /dev/twostep/data: {point} is mounted from it."
    assert error.next_step == "Take the host down for this: the warm way cannot."


def test_a_bind_mount_is_refused() -> None:
    error = refused(Facts((WHOLE,), mounts=(mount(root="/sub"),)))
    assert (error.code, error.data) == ("consumer_unknown", {"device": "/dev/twostep/data"})
    assert error.message == (
        "/dev/twostep/data cannot be taken down: /srv shows only /sub of the file system on it, "
        "and nobody here knows how to stop and restart that."
    )
    assert error.next_step == HOOKS


def test_another_device_on_top_is_refused() -> None:
    error = refused(Facts((replace(WHOLE, holders=("dm-0",)),), legs={"md0": LEG}))
    assert (error.code, error.data) == ("consumer_unknown", {"device": "/dev/twostep/data"})
    assert error.message == (
        "/dev/twostep/data cannot be taken down: the device dm-0 is made of it, and nobody here knows how to stop and restart that."
    )
    assert error.next_step == HOOKS


@pytest.mark.parametrize(
    ("leg", "why"),
    [
        (Leg(replace(RAID1, level="raid0"), "+8"), "it is raid0 and keeps no second copy"),
        (Leg(replace(RAID1, level="linear"), "+8"), "it is linear and keeps no second copy"),
        (Leg(replace(RAID1, level=None), "+8"), "it is None and keeps no second copy"),
        (Leg(replace(RAID1, degraded="1"), "+8"), "md0 is degraded: 1 of 2 members are missing"),
        (Leg(replace(RAID1, sync_action="recover"), "+8"), "md0 is busy with recover"),
        (Leg(replace(RAID1, members=("in_sync", "faulty")), "+8"), "Member 1 of md0 is faulty, not in_sync"),
        (Leg(replace(RAID1, array_state=None), "+8"), "md0 does not tell its state"),
        (Leg(RAID1, "none"), "it has no write-intent bitmap, and would be copied as a whole afterwards"),
        (Leg(RAID1, None), "it has no write-intent bitmap, and would be copied as a whole afterwards"),
    ],
)
def test_an_array_that_cannot_spare_it(leg: Leg, why: str) -> None:
    error = refused(on_array(leg))
    assert (error.code, error.data) == ("consumer_not_spare", {"device": "/dev/twostep/data", "array": "md0"})
    assert (error.message, error.next_step) == (f"/dev/twostep/data cannot be taken out of md0: {why}.", IN_ORDER)


def test_two_members_of_one_array_are_not_taken_out() -> None:
    facts = Facts((replace(WHOLE, holders=("md0",)), replace(PART, holders=("md0",))), legs={"md0": LEG})
    error = refused(facts)
    assert (error.code, error.message, error.next_step) == (
        "consumer_not_spare", "/dev/twostep/data cannot be taken out of md0: more than one of its members would be taken down.", IN_ORDER,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (replace(SHARED, status=STATUS.replace("7:1 A", "7:1 F")), "no other path of it is active"),
        (replace(SHARED, status=None), "its state cannot be read"),
        (replace(SHARED, table="0 98304 linear 259:0 0"), "its state cannot be read"),
        (replace(SHARED, suspended=True), "it is suspended"),
        (replace(SHARED, daemon=""), "multipathd runs, but does not have that path in it"),
    ],
)
def test_a_map_that_cannot_spare_it(found: multipath.Map, why: str) -> None:
    error = refused(Facts((replace(WHOLE, holders=("dm-3",)),), maps={"dm-3": found}))
    assert (error.code, error.data) == ("consumer_not_spare", {"device": "/dev/twostep/data", "map": "shared"})
    assert error.message == f"/dev/twostep/data cannot be taken out of shared: {why}."
    assert error.next_step == "Bring shared into order (multipath -ll or dmsetup status shows its paths), and run again."


def test_two_paths_of_one_map_are_not_taken_out() -> None:
    three = replace(SHARED, table=f"{TABLE} 7:2 1".replace("0 2 1", "0 3 1"), status=f"{STATUS} 7:2 A 0".replace("0 2 0", "0 3 0"))
    one, other = replace(WHOLE, holders=("dm-3",)), Device("/dev/loop1", "7:1", ("dm-3",))
    assert [str(found) for found in consumers.plan(Facts((one,), maps={"dm-3": three}))] == [f"{DISK} in shared"]
    error = refused(Facts((one, other), maps={"dm-3": three}))
    assert (error.code, error.message) == (
        "consumer_not_spare", "/dev/twostep/data cannot be taken out of shared: more than one of its paths would be taken down.",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a.service", "a@b.socket", "a\\x2db.timer", "9.path", f"{'a' * 200}.service"])
def test_units_that_may_be_stopped(name: str) -> None:
    assert consumers.unit(name) == name


@pytest.mark.parametrize("name", ["", "a", "a.mount", "a.target", "-a.service", "a b.service", "a.service\n", "a/b.service", None, 7])
def test_bad_units(name: object) -> None:
    with pytest.raises(TwostepError) as caught:
        consumers.unit(name)
    assert (caught.value.code, caught.value.message) == ("bad_unit", f"unit {str(name)!r} is not a valid name.")
    assert caught.value.next_step == "Name a .service, .socket, .timer or .path, with its suffix."


def test_a_bad_unit_name_is_told_in_short() -> None:
    with pytest.raises(TwostepError) as caught:
        consumers.unit("a" * 300)
    assert caught.value.message == f"unit '{'a' * 80}' is not a valid name."


def test_a_unit_of_a_mount_is_checked_too() -> None:
    facts = Facts((WHOLE,), mounts=(mount(),), mount_units={"/srv": MountUnit("srv.mount", ("-x.service",))})
    assert refused(facts).code == "bad_unit"


def test_how_they_are_called() -> None:
    found = [Consumer("unit", "a.service"), Consumer("mount", "/srv", DISK), Consumer("swap", DISK, DISK)]
    found += [Consumer("leg", "md0", DISK), Consumer("path", "shared", DISK)]
    assert [str(one) for one in found] == ["unit a.service", "mount /srv", f"swap {DISK}", f"{DISK} in md0", f"{DISK} in shared"]


PATHS = st.text(max_size=20).map("/{}".format)
HOW = st.none() | st.dictionaries(st.text(max_size=9), st.text(max_size=9), min_size=1, max_size=3)
CONSUMERS = st.one_of(
    st.builds(Consumer, st.just("unit"), st.from_regex(r"[a-z][a-z0-9:_.@\\-]{0,20}\.(service|timer)", fullmatch=True)),
    st.builds(Consumer, st.sampled_from(["mount", "swap"]), PATHS, PATHS, HOW),
    st.builds(Consumer, st.just("leg"), st.from_regex(r"md[0-9]{1,3}", fullmatch=True), PATHS),
    st.builds(Consumer, st.just("path"), st.from_regex(r"[a-z0-9_.-]{1,9}", fullmatch=True), PATHS, st.just(TOLD)),
)


@given(st.lists(CONSUMERS, max_size=5))
def test_what_is_written_is_read_back(found: list) -> None:
    assert consumers.parse(consumers.render(found), "/f") == tuple(found)


GOOD = {"kind": "mount", "name": "/srv", "device": DISK, "how": None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "[" * 100000,
        '{"schema": 1}',
        '{"schema": 2, "consumers": []}',
        '{"schema": 1, "consumers": 7}',
        '{"schema": 1, "consumers": {}}',
        '{"schema": 1, "consumers": ["/srv"]}',
        '{"schema": 1, "consumers": [null]}',
        *(
            json.dumps({"schema": 1, "consumers": [{**GOOD, **change}]})
            for change in (
                {"kind": "disk"},
                {"kind": None},
                {"name": "srv"},
                {"name": None},
                {"device": "vdb"},
                {"device": ""},
                {"device": None},
                {"how": "fast"},
                {"how": ["a"]},
                {"kind": "leg", "name": "sda"},
                {"kind": "leg", "name": "/dev/md0"},
                {"kind": "unit", "name": "-x.service"},
                {"kind": "unit", "name": "a.target"},
                {"kind": "swap", "name": "-a"},
                {"kind": "path", "name": "shared"},
                {"kind": "path", "name": "/shared", "how": TOLD},
                {"kind": "path", "name": "shared", "device": "loop1", "how": TOLD},
                {"kind": "path", "name": "shared", "how": {**TOLD, "table": "0 8 linear 259:0 0"}},
                {"kind": "path", "name": "shared", "how": {**TOLD, "uuid": "a1"}},
                {"kind": "path", "name": "shared", "how": {**TOLD, "number": "7:3"}},
                {"kind": "path", "name": "shared", "how": {**TOLD, "number": None}},
            )
        ),
        json.dumps({"schema": 1, "consumers": [{key: value for key, value in GOOD.items() if key != "how"}]}),
    ],
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(TwostepError) as caught:
        consumers.parse(text, "/f")
    assert (caught.value.code, caught.value.message) == ("bad_swap_file", "/f is damaged: it does not say what was stopped.")
    assert caught.value.next_step == (
        "Look which file systems, swap areas, arrays, multipath maps and services miss their disk, bring them back by hand, and remove /f."
    )


@given(st.integers(0, 400), st.text(max_size=3))
def test_a_file_cut_short_is_never_half_of_the_list(at: int, rest: str) -> None:
    whole = consumers.render([Consumer("unit", "a.service"), Consumer("leg", "md0", DISK)])
    text = whole[:at] + rest
    if text.rstrip() == whole.rstrip():
        return
    with pytest.raises(TwostepError):
        consumers.parse(text, "/f")
