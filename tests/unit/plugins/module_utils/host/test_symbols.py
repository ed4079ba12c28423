# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import lzma

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.symbols import Export, Symbols
from ansible_collections.twostep.hotswap.plugins.module_utils.host import symbols
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.plugins.module_utils.host.symbols import Source
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, VERMAGIC, FakeParent

WANTED = frozenset({"module_layout", "_printk", "twostep_register_child"})
KERNEL = {"module_layout": Export("vmlinux", 0x11111111), "_printk": Export("vmlinux", 0x22222222)}
PARENT = {"twostep_register_child": Export("twostep", 0x33333333)}
KALLSYMS = """\
0000000000000000 r __ksymtab__printk
0000000000000000 r __ksymtab_twostep_register_child\t[twostep]
0000000000000000 r __ksymtab_shared\t[twostep_remap_1_0_0]"""


@pytest.fixture
def fake(tmp_path) -> FakeParent:
    return FakeParent(tmp_path)


def source(fake: FakeParent, kernel: str = RELEASE) -> Source:
    return Source(fake.paths, fake.status, fake.run, kernel, kernel == RELEASE)


def look(fake: FakeParent, wanted: frozenset = WANTED, depends: tuple = ("twostep",), kernel: str = RELEASE) -> Symbols:
    return symbols.look(source(fake, kernel), wanted, depends)


def headers(fake: FakeParent):
    return fake.root / f"lib/modules/{RELEASE}/build/Module.symvers"


def test_kernel_and_parent(fake: FakeParent) -> None:
    assert look(fake) == Symbols({**KERNEL, **PARENT}, True, str(headers(fake)), {})


def test_what_nobody_exports_is_missing(fake: FakeParent) -> None:
    found = look(fake, WANTED | {"gone"})
    assert (found.complete, "gone" in found.exports, found.running) == (True, False, {})


@pytest.mark.parametrize(("place", "pack"), [("boot/symvers-{}.gz", gzip.compress), ("lib/modules/{}/symvers.xz", lzma.compress)])
def test_checksums_of_a_distribution_that_ships_them_apart(fake: FakeParent, place: str, pack) -> None:
    path = fake.root / place.format(RELEASE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(headers(fake).read_bytes()))
    headers(fake).unlink()
    assert look(fake) == Symbols({**KERNEL, **PARENT}, True, str(path), {})


def test_rubbish_tells_nothing_and_the_next_place_is_asked(fake: FakeParent) -> None:
    (fake.root / "boot").mkdir()
    (fake.root / f"boot/symvers-{RELEASE}.gz").write_bytes(gzip.compress(headers(fake).read_bytes()))
    headers(fake).write_text("rubbish\n")
    assert look(fake).source == str(fake.root / f"boot/symvers-{RELEASE}.gz")
    (fake.root / f"boot/symvers-{RELEASE}.gz").write_bytes(b"rubbish")
    assert look(fake) == Symbols(PARENT, False, None, {})


def test_without_checksums_the_running_kernel_tells_what_exists(fake: FakeParent) -> None:
    headers(fake).unlink()
    fake.put(fake.root / "proc/kallsyms", KALLSYMS)
    assert look(fake) == Symbols(PARENT, True, None, {"_printk": "vmlinux"})
    assert look(fake, depends=("twostep", "other")).complete is False


def test_another_kernel_is_not_asked_by_way_of_the_running_one(fake: FakeParent) -> None:
    fake.put(fake.root / "proc/kallsyms", KALLSYMS)
    assert look(fake, kernel="6.12.0") == Symbols({}, False, None, {})


def test_a_parent_that_is_another_build_than_the_loaded_one(fake: FakeParent) -> None:
    fake.put_parent(srcversion="OTHER")
    fake.put(fake.root / "proc/kallsyms", KALLSYMS)
    assert look(fake) == Symbols(KERNEL, False, str(headers(fake)), {"twostep_register_child": "twostep"})


def test_a_parent_that_is_not_loaded(fake: FakeParent) -> None:
    fake.drop("twostep")
    assert look(fake).exports == {**KERNEL, **PARENT}


def test_a_parent_that_cannot_be_read(fake: FakeParent) -> None:
    fake.put_parent().write_bytes(b"rubbish")
    assert look(fake) == Symbols(KERNEL, False, str(headers(fake)), {})


def test_a_parent_that_cannot_be_unpacked_has_its_published_symbols(fake: FakeParent) -> None:
    path = fake.put_parent()
    path.rename(f"{path}.zst")
    fake.answers["modinfo"] = Result(0, f"vermagic:{VERMAGIC}\0srcversion:PARENT\0", "")
    assert look(fake).complete is False
    line = "0x33333333\ttwostep_register_child\t/var/lib/dkms/twostep/1.0.0/build/parent/twostep\tEXPORT_SYMBOL_GPL\t"
    fake.put(fake.root / f"var/lib/dkms/twostep/kernel-{RELEASE}-x86_64/Module.symvers", line)
    assert look(fake) == Symbols({**KERNEL, **PARENT}, True, str(headers(fake)), {})


def test_a_module_of_the_kernel_itself_is_known_by_the_headers(fake: FakeParent) -> None:
    with headers(fake).open("a") as stream:
        stream.write("0x44444444\tdm_bufio_read\tdrivers/md/dm-bufio\tEXPORT_SYMBOL\n")
    found = look(fake, WANTED | {"dm_bufio_read"}, ("twostep", "dm_bufio"))
    assert (found.exports["dm_bufio_read"], found.complete) == (Export("dm_bufio", 0x44444444), True)


@pytest.mark.parametrize("module", ["gone", "../../etc/passwd"])
def test_a_module_that_is_nowhere(fake: FakeParent, module: str) -> None:
    assert look(fake, depends=("twostep", module)).complete is False


def test_who_exports_already(fake: FakeParent) -> None:
    fake.put(fake.root / "proc/kallsyms", KALLSYMS)
    assert symbols.exporters(source(fake), {"shared", "other"}) == {"shared": "twostep_remap_1_0_0"}
    assert symbols.exporters(source(fake), set()) == {}
    assert symbols.exporters(source(fake, "6.12.0"), {"shared"}) == {}


def test_who_exports_already_is_not_known_without_the_list(fake: FakeParent) -> None:
    assert symbols.exporters(source(fake), {"shared"}) is None
