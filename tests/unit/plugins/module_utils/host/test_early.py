# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The initramfs of a pretended host: what is written, which programs are asked, and what is believed of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot as core_boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core import early as core_early
from ansible_collections.twostep.hotswap.plugins.module_utils.core import early_scripts
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot, early
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

AGENT = "/usr/local/lib/twostep/agent-0123456789ab.pyz"
RUNNING, OTHER = "6.1.0-2-cloud-amd64", "6.1.0-1-cloud-amd64"
BOUNDED = ["timeout", "--kill-after=30", "900"]
ROOT = core_boot.boot_slot("root", "remap", "lower=/dev/vda", "1.1.0", early=True)
LATE = core_boot.boot_slot("late", "remap", "lower=/dev/vdb", "1.0.0")


def listing(*slots: core_boot.BootSlot) -> Result:
    """Return the listing of an initramfs that brings up slots."""
    names = {"twostep", *map(core_early.module, slots)} if slots else set()
    marks = [f"etc/twostep/early-{early_scripts.digest(core_early.table(slots))}"] if slots else []
    return Result(0, "".join(f"{line}\n" for line in [*(f"usr/lib/modules/k/updates/dkms/{name}.ko" for name in names), *marks]), "")


class Host:
    """One with two kernels, of which the other one lacks the child."""

    def __init__(self, root: Path, maker: str = "usr/share/initramfs-tools/hook-functions") -> None:
        self.paths = Paths(str(root))
        self.root = root
        self.calls: list[list[str]] = []
        self.answers: dict[str, Result] = {"lsinitramfs": listing(ROOT), "lsinitrd": listing(ROOT)}
        self.touch(maker)
        for release in (RUNNING, OTHER):
            self.touch(f"boot/initrd.img-{release}")
            self.install(release, "twostep")
        self.install(RUNNING, "twostep_remap_1_1_0")
        boot.write_slot(self.paths, LATE)
        boot.write_slot(self.paths, ROOT)

    def touch(self, path: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).touch()

    def install(self, release: str, module: str) -> None:
        self.touch(f"lib/modules/{release}/updates/dkms/{module}.ko")

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        self.calls.append(list(argv))
        return self.answers.get(argv[len(BOUNDED)] if argv[0] == "timeout" else argv[0], Result(0, "", ""))

    def make(self) -> list[str]:
        return early.make(self.paths, self.run, RUNNING)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def failure(act) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act()
    return caught.value


def test_it_is_made_again_for_every_kernel_that_has_the_modules(host: Host) -> None:
    assert not early.is_made(host.paths, RUNNING)
    assert host.make() == [RUNNING]
    assert host.calls == [[*BOUNDED, "update-initramfs", "-u", "-k", RUNNING], ["lsinitramfs", f"{host.paths.boot}/initrd.img-{RUNNING}"]]
    assert early.is_made(host.paths, RUNNING)
    assert early.left_out(host.paths, RUNNING) == [OTHER]
    host.install(OTHER, "twostep_remap_1_1_0")
    assert not early.is_made(host.paths, RUNNING)
    assert host.make() == [RUNNING, OTHER]
    assert early.is_made(host.paths, RUNNING)
    assert early.left_out(host.paths, RUNNING) == []


def test_another_version_wants_another_one(host: Host) -> None:
    host.make()
    wanted = ROOT.with_version("1.2.0")
    boot.write_slot(host.paths, wanted)
    assert not early.is_made(host.paths, RUNNING)
    error = failure(host.make)
    assert (error.code, error.data) == ("no_module", {"module": "twostep_remap_1_2_0", "kernel": RUNNING})
    host.install(RUNNING, "twostep_remap_1_2_0")
    error = failure(host.make)
    assert (error.code, error.message) == ("not_proven", f"The initramfs of {RUNNING} was made, but it has no twostep_remap_1_2_0.")
    host.answers["lsinitramfs"] = Result(0, listing(wanted).stdout.replace("early-", "early-0"), "")
    assert failure(host.make).message.endswith("but the slots in it are not those of the boot configuration.")
    assert not early.is_made(host.paths, RUNNING)
    host.answers["lsinitramfs"] = listing(wanted)
    assert host.make() == [RUNNING]


def test_one_whose_parameters_are_others_is_another_one(host: Host) -> None:
    host.make()
    boot.write_slot(host.paths, core_boot.boot_slot("root", "remap", "lower=/dev/vdc", "1.1.0", early=True))
    assert not early.is_made(host.paths, RUNNING)
    assert failure(host.make).code == "not_proven"


def test_a_host_without_early_slots_needs_none(host: Host) -> None:
    boot.remove_slot(host.paths, "root")
    assert early.is_made(host.paths, RUNNING)
    assert not os.path.exists(host.paths.early)
    assert early.table(host.paths, RUNNING) == ""
    assert failure(host.make).code == "not_proven"  # it still has them
    host.answers["lsinitramfs"] = listing()
    assert host.make() == [RUNNING, OTHER]
    assert early.is_made(host.paths, RUNNING)


def test_a_damaged_boot_configuration_counts_as_not_made_where_it_may_matter(host: Host) -> None:
    (Path(host.paths.slots_d) / "root.json").write_text("{")
    assert early.is_made(host.paths, RUNNING)
    early.install(host.paths, AGENT)
    assert not early.is_made(host.paths, RUNNING)


def test_one_that_cannot_be_made_is_told(host: Host) -> None:
    host.answers["update-initramfs"] = Result(1, "", "E: hook failed")
    error = failure(host.make)
    assert (error.code, error.message) == ("initramfs_failed", f"update-initramfs exited 1 for {RUNNING}: E: hook failed.")
    assert error.next_step == f"See that there is room in /boot, and run it by hand: update-initramfs -u -k {RUNNING}."
    assert not early.is_made(host.paths, RUNNING)


def test_one_that_cannot_be_listed_is_not_believed(host: Host) -> None:
    host.answers["lsinitramfs"] = Result(1, "", "")
    assert failure(host.make).message == f"The initramfs of {RUNNING} was made, but lsinitramfs exited 1."
    os.unlink(f"{host.paths.boot}/initrd.img-{RUNNING}")
    assert failure(host.make).message == f"The initramfs of {RUNNING} was made, but there is none in {host.paths.boot}."


def test_dracut(tmp_path: Path) -> None:
    host = Host(tmp_path, "usr/lib/dracut/dracut-functions.sh")
    early.install(host.paths, AGENT)
    assert early.is_installed(host.paths, AGENT)
    assert sorted(os.listdir(tmp_path / "usr/lib/dracut/modules.d/90twostep")) == [
        "module-setup.sh",
        "twostep-early",
        "twostep-early-hook.sh",
    ]
    draft = f"boot/initrd.img-{RUNNING}.twostep-new"
    host.touch(draft)
    host.make()
    assert host.calls[0] == [*BOUNDED, "dracut", "--force", f"{host.root}/{draft}", RUNNING]
    assert not (host.root / draft).exists()


def test_scripts_come_and_go(host: Host) -> None:
    assert not early.has_scripts(host.paths)
    assert not early.is_installed(host.paths, AGENT)
    early.install(host.paths, AGENT)
    assert early.has_scripts(host.paths)
    assert early.is_installed(host.paths, AGENT)
    assert not early.is_installed(host.paths, AGENT.replace("0", "1"))
    hook = host.root / "etc/initramfs-tools/hooks/twostep"
    assert hook.stat().st_mode & 0o777 == 0o755
    hook.chmod(0o600)
    assert not early.is_installed(host.paths, AGENT)
    early.remove(host.paths)
    early.remove(host.paths)
    assert not early.has_scripts(host.paths)


def test_what_would_fail_is_found_out_beforehand(host: Host) -> None:
    early.check(host.paths, RUNNING, [ROOT, LATE])
    early.check(host.paths, OTHER, [LATE])
    assert failure(lambda: early.check(host.paths, OTHER, [ROOT])).code == "no_module"
    os.unlink(host.root / f"lib/modules/{RUNNING}/updates/dkms/twostep.ko")
    os.symlink("/nowhere", host.root / f"lib/modules/{RUNNING}/updates/dkms/twostep.ko")
    assert failure(lambda: early.check(host.paths, RUNNING, [ROOT])).data["module"] == "twostep"
    (host.root / "etc/initramfs-tools/conf.d").mkdir(parents=True)
    (host.root / "etc/initramfs-tools/initramfs.conf").write_text("# MODULES=x\nMODULES=dep\n")
    assert failure(lambda: early.check(host.paths, RUNNING, [ROOT])).code == "initramfs_too_small"
    (host.root / "etc/initramfs-tools/conf.d/driver-policy").write_text("MODULES=most\n")
    assert failure(lambda: early.check(host.paths, RUNNING, [ROOT])).code == "no_module"
    os.unlink(host.root / "usr/share/initramfs-tools/hook-functions")
    early.check(host.paths, RUNNING, [LATE])
    assert failure(lambda: early.check(host.paths, RUNNING, [ROOT])).code == "no_initramfs_maker"


def test_the_table_is_that_of_the_boot_configuration(host: Host) -> None:
    assert early.table(host.paths, RUNNING) == core_early.table([ROOT])
    assert failure(lambda: early.table(host.paths, OTHER)).code == "no_module"
