# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import compat
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import LINKED, RELEASE, FakeParent, module_of


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    return fake


def check(fake: FakeParent, version: str = "1.1.0", **options: object) -> compat.Checked:
    return compat.check(compat.Host(fake.paths, fake.status, fake.run, RELEASE), "data", version, **options)


def codes(checked: compat.Checked) -> list[str]:
    return [reason.code for reason in checked.verdict.reasons]


def test_fake_parent_hot(fake_parent: FakeParent) -> None:
    path = fake_parent.install("1.1.0")
    checked = check(fake_parent)
    assert checked.path == str(path)
    assert checked.as_dict() == {
        "slot": "data", "family": "remap", "from": "1.0.0", "to": "1.1.0", "verdict": "hot", "mode": "handover", "reasons": [],
        "twostep_path": ["1.0.0", "1.1.0"], "path_reasons": [], "taint": [], "protocols": {"1.1.0": None},
        "srcversion": "SRC1.1.0",
    }  # fmt: skip


def test_fake_parent_protocols_of_what_serves_of_what_comes_and_of_the_way(fake_parent: FakeParent) -> None:
    fake_parent.install("1.0.0", twostep_protocol="1-1")
    fake_parent.install("1.1.0", twostep_protocol="1-2", twostep_schema_writes="1-3")
    fake_parent.install("2.0.0", twostep_protocol="2-2", twostep_schema_reads="3-3")
    fake_parent.install("3.0.0", twostep_protocol="4-4")
    checked = check(fake_parent, "2.0.0")
    assert checked.way.versions == ("1.0.0", "1.1.0", "2.0.0")
    assert checked.as_dict()["protocols"] == {"1.0.0": "1-1", "1.1.0": "1-2", "2.0.0": "2-2"}
    assert "peers_disjoint" in codes(checked)
    assert codes(check(fake_parent, "1.1.0")) == []
    fake_parent.install("1.0.0", twostep_protocol="1-1", srcversion="OTHER")  # not what serves
    assert check(fake_parent, "1.1.0").as_dict()["protocols"] == {"1.1.0": "1-2"}
    fake_parent.install("1.0.0").write_bytes(b"")
    assert check(fake_parent, "1.1.0").as_dict()["protocols"] == {"1.1.0": "1-2"}


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        ({"twostep_contract": "2.0"}, "cold", "contract_major"),
        ({"twostep_features": "flush"}, "warm", "feature_dropped"),
        ({"twostep_schema_reads": "7-8"}, "warm", "schema_none"),
        ({"twostep_request_bytes": "257"}, "warm", "request_bytes"),
        ({"vermagic": "6.12.0 SMP"}, "refuse", "vermagic"),
        ({"version": "1.2.0"}, "refuse", "version_mismatch"),
        ({"twostep_family": "cache"}, "refuse", "family"),
        ({"twostep_schema_reads": "none"}, "refuse", "not_a_child"),
    ],
)
def test_fake_parent_facts_of_file_and_slot_reach_the_verdict(fake_parent: FakeParent, changes: dict, verdict: str, code: str) -> None:
    fake_parent.install("1.1.0", **changes)
    checked = check(fake_parent)
    assert (checked.verdict.verdict, codes(checked)[0]) == (verdict, code)


def test_fake_parent_not_built(fake_parent: FakeParent) -> None:
    assert codes(check(fake_parent)) == ["not_built"]


def test_fake_parent_rubbish_in_the_place_of_a_module(fake_parent: FakeParent) -> None:
    fake_parent.install("1.1.0").write_text("rubbish")
    assert codes(check(fake_parent)) == ["not_a_module"]


def test_fake_parent_another_kernel_is_cold(fake_parent: FakeParent) -> None:
    folder = fake_parent.root / "lib/modules/6.12.0/updates/dkms"
    folder.mkdir(parents=True)
    fake_parent.install("1.1.0", vermagic="6.12.0 SMP").rename(folder / f"{module_of('1.1.0')}.ko")
    checked = check(fake_parent, kernel="6.12.0")
    assert (checked.verdict.verdict, codes(checked)) == ("cold", ["other_kernel", "symbols_unknown"])


def test_fake_parent_a_path_of_its_own(fake_parent: FakeParent, tmp_path) -> None:
    path = tmp_path / "fresh.ko"
    fake_parent.install("1.1.0").rename(path)
    assert check(fake_parent, path=str(path)).verdict.verdict == "hot"


def test_fake_parent_the_name_of_the_serving_module(fake_parent: FakeParent, tmp_path) -> None:
    path = tmp_path / "fresh.ko"
    fake_parent.install("1.1.0", name=module_of("1.0.0")).rename(path)
    checked = check(fake_parent, path=str(path))
    assert (checked.verdict.verdict, checked.verdict.mode, codes(checked)) == ("two_step", "two_step", ["same_module"])


def test_fake_parent_two_step_asked_for(fake_parent: FakeParent) -> None:
    fake_parent.install("1.1.0")
    assert check(fake_parent, ask_two_step=True).verdict.mode == "two_step"


def test_fake_parent_another_build_is_loaded(fake_parent: FakeParent) -> None:
    fake_parent.install("1.1.0")
    fake_parent.register("1.1.0", srcversion="OTHER")
    assert codes(check(fake_parent)) == ["stale_module"]
    fake_parent.use("1.1.0", 1)
    assert codes(check(fake_parent)) == ["other_build"]


def test_fake_parent_without_the_file_of_request_bytes(fake_parent: FakeParent) -> None:
    (fake_parent.root / "sys/kernel/config/twostep/data/request_bytes").unlink()
    fake_parent.install("1.1.0", twostep_request_bytes="4096")
    assert check(fake_parent).verdict.verdict == "hot"


@pytest.mark.parametrize(
    ("slot", "version", "code"), [("../x", "1.1.0", "bad_slot"), ("data", "1.1", "bad_version"), ("other", "1.1.0", "no_slot")]
)
def test_fake_parent_bad_questions(fake_parent: FakeParent, slot: str, version: str, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        compat.check(compat.Host(fake_parent.paths, fake_parent.status, fake_parent.run, RELEASE), slot, version)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("elf", "verdict", "code"),
    [
        ({"versions": {**LINKED["versions"], "_printk": 9}}, "refuse", "symbol_crc"),
        ({"versions": {**LINKED["versions"], "twostep_register_child": 9}}, "refuse", "symbol_crc"),
        ({"versions": None}, "refuse", "symbol_crc"),
        ({"needs": ("_printk", "gone")}, "refuse", "symbol_missing"),
        ({"machine": 183}, "refuse", "architecture"),
        ({"this_module": 960}, "refuse", "module_layout"),
        ({"this_module": None}, "refuse", "not_a_module"),
        ({"symbol_table": False}, "refuse", "not_a_module"),
    ],
)
def test_fake_parent_what_the_kernel_would_not_load(fake_parent: FakeParent, elf: dict, verdict: str, code: str) -> None:
    path = fake_parent.install("1.1.0", elf)
    checked = check(fake_parent)
    assert (checked.verdict.verdict, codes(checked)) == (verdict, [code])
    if code == "not_a_module":
        assert str(path) in checked.verdict.reasons[0].message


@pytest.mark.parametrize("kind", ["empty", "truncated", "pipe", "folder", "link"])
def test_fake_parent_what_is_no_file_of_a_module(fake_parent: FakeParent, kind: str) -> None:
    path = fake_parent.install("1.1.0")
    data = path.read_bytes()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/nowhere")
    else:
        path.write_bytes(b"" if kind == "empty" else data[: len(data) // 2])
    checked = check(fake_parent)
    assert (checked.verdict.verdict, codes(checked), checked.path) == ("refuse", ["not_a_module"], str(path))


def test_fake_parent_an_export_of_the_child_that_serves(fake_parent: FakeParent) -> None:
    fake_parent.put(fake_parent.root / "proc/kallsyms", "0000000000000000 r __ksymtab_shared\t[twostep_remap_1_0_0]")
    fake_parent.install("1.1.0", {"exports": {"shared": 1}})
    checked = check(fake_parent)
    assert (checked.verdict.verdict, checked.verdict.mode, codes(checked)) == ("two_step", "two_step", ["duplicate_export"])


def test_fake_parent_rules_of_the_administrator(fake_parent: FakeParent) -> None:
    fake_parent.put(fake_parent.root / "etc/modprobe.d/local.conf", "# none\nblacklist twostep-remap-1_1_0")
    fake_parent.install("1.1.0")
    (reason,) = check(fake_parent).verdict.reasons
    assert (reason.code, reason.level) == ("blacklisted", "refuse")
    assert f"line 2 of {fake_parent.root}/etc/modprobe.d/local.conf" in reason.message


def test_fake_parent_taint(fake_parent: FakeParent) -> None:
    fake_parent.put(fake_parent.root / "proc/sys/kernel/tainted", "12290")
    fake_parent.install("1.1.0")
    checked = check(fake_parent)
    assert (checked.as_dict()["taint"], codes(checked)) == (["F", "O", "E"], ["tainted_forced", "tainted"])
    (fake_parent.root / "proc/sys/kernel/tainted").unlink()
    checked = check(fake_parent)
    assert (checked.as_dict()["taint"], codes(checked)) == (None, ["taint_unknown"])


@pytest.fixture
def three(tmp_path) -> FakeParent:
    """The versions of remap, 1.0.0 serving."""
    fake = FakeParent(tmp_path)
    fake.add_slot(twostep_schema_reads="1-1", twostep_schema_writes="1-1")
    for version, schemas in (("1.0.0", "1-1"), ("1.1.0", "1-2"), ("2.0.0", "2-3")):
        fake.install(version, twostep_schema_reads=schemas, twostep_schema_writes=schemas)
    return fake


def test_fake_parent_the_way_through_a_version_between(three: FakeParent) -> None:
    checked = check(three, "2.0.0")
    assert checked.verdict.verdict == "warm"
    assert checked.as_dict()["twostep_path"] == ["1.0.0", "1.1.0", "2.0.0"]
    assert checked.as_dict()["path_reasons"] == []
    assert checked.verdict.reasons[0].next_step.startswith("Go through 1.1.0: swap to it and commit it first")
    assert check(three, "1.1.0").way.versions == ("1.0.0", "1.1.0")


@pytest.mark.parametrize("spoil", ["missing", "rubbish", "other family", "other version", "other checksum"])
def test_fake_parent_no_way_through_a_version_that_would_not_do(three: FakeParent, spoil: str) -> None:
    path = three.install("1.1.0", twostep_schema_reads="1-2", twostep_schema_writes="1-2")
    if spoil == "missing":
        path.unlink()
    elif spoil == "rubbish":
        path.write_bytes(b"rubbish")
    elif spoil == "other family":
        three.install("1.1.0", twostep_family="cache", twostep_schema_reads="1-2", twostep_schema_writes="1-2")
    elif spoil == "other version":
        three.install("1.1.0", version="1.2.0", twostep_schema_reads="1-2", twostep_schema_writes="1-2")
    else:
        three.install("1.1.0", {"versions": {"_printk": 9}}, twostep_schema_reads="1-2", twostep_schema_writes="1-2")
    told = check(three, "2.0.0").as_dict()
    assert told["twostep_path"] is None
    assert [reason["code"] for reason in told["path_reasons"]] == ["no_path", "schema_none"]
    assert told["reasons"][0]["next_step"].startswith("Go through a version between them")


def test_fake_parent_the_way_to_what_serves_and_to_what_is_not_there(three: FakeParent) -> None:
    assert check(three, "1.0.0").way.versions == ("1.0.0",)
    told = check(three, "3.0.0").as_dict()
    assert (told["twostep_path"], told["path_reasons"][0]["code"]) == (None, "no_path")
