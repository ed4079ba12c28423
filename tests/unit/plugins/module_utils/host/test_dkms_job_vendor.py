# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a vendor's archive and of signing, against a DKMS that works on a folder tree."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf, module_signature
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signing_request import Signing
from ansible_collections.twostep.hotswap.plugins.module_utils.host.dkms_job import Job, Outcome, Request
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils import signature_sample as sample
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_double import DkmsDouble
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import member, tar

K, K2 = "6.1.0-56-cloud-amd64", "5.10.0-9-amd64"
PACKED = gzip.compress(
    tar(
        member("acme-1.0.0/dkms.conf", data=b"POST_ADD=evil\n"),
        member("acme-1.0.0/Kbuild", data=b"obj-m := acme.o\n"),
        member("acme-1.0.0/src/acme.c", data=b"int x;\n"),
        member("acme-1.0.0/doc/README", data=b"read me\n"),
    )
)
SIGNING = Signing("/etc/c.pem", key="/etc/k.key")
SITE = module_signature.certificate(sample.SITE)


def package(**options) -> dkms_conf.Package:
    return dkms_conf.package("acme", "1.0.0", modules=[{"name": "acme", "location": "."}], **options)


class Host:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.dkms = DkmsDouble(root)
        self.dkms.signature = sample.trailer(sample.BY_SITE)
        self.archive = root / "tmp/source.tar.gz"
        self.sha256 = hashlib.sha256(PACKED).hexdigest()
        self.space = 1 << 40
        self.folders: tuple[str, ...] = ()
        for kernel in (K, K2):
            (root / "lib/modules" / kernel / "build/include").mkdir(parents=True)
            (root / "lib/modules" / kernel / "build/scripts").mkdir()
            (root / "lib/modules" / kernel / "build/scripts/sign-file").touch(mode=0o755)
        for folder in ("etc", "tmp"):
            (root / folder).mkdir()
        self.archive.write_bytes(PACKED)
        (root / "etc/c.pem").write_bytes(sample.SITE)
        (root / "etc/k.key").touch(mode=0o600)

    def job(
        self, wanted: dkms_conf.Package, state: str = "present", kernels: tuple[str, ...] = (K,), signing: Signing | None = None
    ) -> Job:
        request = Request(wanted, state, kernels, str(self.archive), self.sha256, ".tar.gz", self.folders, signing)
        return Job(
            request,
            Paths(str(self.root)),
            self.dkms,
            which=lambda name: f"/bin/{name}",
            euid=lambda: 0,
            now=iter(range(1000)).__next__,
            free=lambda _path: self.space,
            machine="x86_64",
        )

    def apply(self, *arguments, **options) -> Outcome:
        return self.job(*arguments, **options).apply()

    def refusal(self, *arguments, **options) -> TwostepError:
        with pytest.raises(TwostepError) as caught:
            self.apply(*arguments, **options)
        return caught.value

    def installed(self) -> bytes:
        return (self.dkms.place(K) / "acme.ko").read_bytes()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def taken(outcome: Outcome) -> list[str]:
    return [step.action for step in outcome.steps]


def test_a_vendors_archive_is_built_with_a_conf_of_ours(host: Host) -> None:
    assert taken(host.apply(package())) == ["write_source", "add", "build", "install"]
    source = host.root / "usr/src/acme-1.0.0"
    assert sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()) == [
        ".twostep-sha256",
        "Kbuild",
        "dkms.conf",
        "doc/README",
        "src/acme.c",
    ]
    assert (source / "dkms.conf").read_text() == dkms_conf.render(package())
    assert taken(host.apply(package())) == []


def test_only_the_named_folders_of_an_archive(host: Host) -> None:
    host.folders = ("src",)
    host.apply(package())
    assert sorted(path.name for path in (host.root / "usr/src/acme-1.0.0").iterdir()) == [".twostep-sha256", "Kbuild", "dkms.conf", "src"]
    host.folders = ("doc",)
    assert host.refusal(package()).code == "source_differs"


def test_a_file_that_was_changed_on_its_way_is_refused_before_dkms_is_called(host: Host) -> None:
    flipped = bytearray(PACKED)
    flipped[40] ^= 1
    host.archive.write_bytes(bytes(flipped))
    error = host.refusal(package())
    assert error.code == "source_sha256"
    assert host.dkms.actions == []
    assert not (host.root / "usr/src").exists()


def test_what_the_controller_would_refuse_is_refused_here_too(host: Host) -> None:
    evil = gzip.compress(tar(member("../../etc/cron.d/x")))
    host.archive.write_bytes(evil)
    host.sha256 = hashlib.sha256(evil).hexdigest()
    error = host.refusal(package())
    assert (error.code, error.message) == ("archive_name", "The source archive is refused: '../../etc/cron.d/x' leads out of its folder.")
    assert host.dkms.actions == []
    assert not (host.root / "usr/src").exists()


def test_a_kernel_that_the_package_is_not_meant_for(host: Host) -> None:
    wanted = package(exclusive={"kernel": "^6\\."})
    job = host.job(wanted, kernels=(K, K2))
    outcome = job.apply()
    assert [(step.action, step.kernel) for step in outcome.steps if step.kernel] == [("build", K), ("install", K)]
    assert [(entry["kernel"], entry["status"], entry.get("reason")) for entry in job.report(outcome.after, [K, K2])] == [
        (K, "installed", None),
        (K2, "excluded", "BUILD_EXCLUSIVE_KERNEL is ^6\\."),
    ]
    assert taken(host.apply(wanted, kernels=(K, K2))) == []
    assert 'BUILD_EXCLUSIVE_KERNEL="^6\\."' in (host.root / "usr/src/acme-1.0.0/dkms.conf").read_text()


def test_too_little_space_is_told_before_anything_is_done(host: Host) -> None:
    host.space = 1000
    error = host.refusal(package())
    assert error.code == "no_space"
    assert error.data["filesystems"][0]["available"] == 1000
    assert error.data["filesystems"][0]["needed"] > 16 * 1024 * 1024
    assert host.dkms.actions == []
    assert not (host.root / "usr/src").exists()
    host.space = 1 << 40
    host.apply(package())
    host.space = 0
    assert taken(host.apply(package())) == []


def test_what_is_built_is_signed_before_it_is_installed(host: Host) -> None:
    job = host.job(package(), signing=SIGNING)
    outcome = job.apply()
    assert taken(outcome) == ["write_source", "add", "build", "sign", "install"]
    assert host.dkms.actions == ["add", "build", "sign-file", "install"]
    assert module_signature.is_by(module_signature.find(host.installed()), SITE)
    (shown,) = job.report(outcome.after, [K])[0]["modules"]
    assert (shown["signed"], shown["signer"], shown["signature_key"]) == (True, "site module signing", sample.SITE_SERIAL)
    assert taken(host.apply(package(), signing=SIGNING)) == []


def test_what_somebody_else_signed_is_signed_anew(host: Host) -> None:
    host.apply(package())
    host.dkms.calls.clear()
    assert taken(host.apply(package(), signing=SIGNING)) == ["uninstall", "sign", "install"]
    assert host.dkms.actions == ["uninstall", "sign-file", "install"]
    assert module_signature.is_by(module_signature.find(host.installed()), SITE)
    assert taken(host.apply(package(), signing=SIGNING)) == []


def test_what_is_only_built_is_signed(host: Host) -> None:
    assert taken(host.apply(package(), "built", signing=SIGNING)) == ["write_source", "add", "build", "sign"]
    assert taken(host.apply(package(), "built", signing=SIGNING)) == []
    assert taken(host.apply(package(), signing=SIGNING)) == ["install"]


def test_a_run_that_died_before_it_signed_is_finished_by_the_next(host: Host) -> None:
    host.apply(package(), "built")
    assert taken(host.apply(package(), signing=SIGNING)) == ["sign", "install"]


def test_a_bad_key_is_told_before_anything_is_done(host: Host) -> None:
    (host.root / "etc/k.key").chmod(0o644)
    assert host.refusal(package(), signing=SIGNING).code == "key_exposed"
    assert host.dkms.actions == []
    assert not (host.root / "usr/src").exists()


def test_dkms_that_did_not_sign_is_found_out_where_the_kernel_cares(host: Host) -> None:
    host.dkms.signs = False
    (host.root / "sys/kernel/security").mkdir(parents=True)
    (host.root / "sys/kernel/security/lockdown").write_text("none [integrity] confidentiality\n")
    error = host.refusal(package())
    assert error.code == "unsigned"
    assert error.message == f"Module acme for kernel {K} is not signed, and the kernel is locked down (integrity)."
    assert taken(host.apply(package(), signing=SIGNING)) == ["uninstall", "sign", "install"]


def test_force_is_never_passed(host: Host) -> None:
    host.apply(package())
    host.apply(package(), signing=SIGNING)
    host.apply(package(), "absent")
    assert not [call for call in host.dkms.calls if any(word.startswith("--force") for word in call)]
