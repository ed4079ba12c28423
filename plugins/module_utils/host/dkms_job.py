# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request for a DKMS package version on this host: look, plan, act, look again, report."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Callable, Mapping

from ..core import build_needs, dkms, dkms_check, source_tree
from ..core.dkms_conf import Package
from ..core.dkms_facts import FileFacts, Found, KernelFacts
from ..core.errors import TwostepError
from ..core.signature_policy import Policy
from ..core.signing_request import Signing
from ..core.source_tree import SourceFile
from . import (
    built_binary,
    dkms_lock,
    dkms_needs,
    dkms_source,
    dkms_tree,
    free_space,
    privilege,
    signature_policy,
    source_archive,
    vendor_archive,
)
from .built_binary import Offer, Received
from .dkms import Actor
from .module_signer import Signer
from .paths import Paths
from .runner import Run


@dataclass(frozen=True)
class Request:
    """What is wanted. `archive` is empty in check mode; both archive fields are empty for state `absent`.

    `archive_suffix` is set for an archive of a vendor, whose digest is that of the file; of it, `folders` are taken. `offers` are
    binaries that were built elsewhere; into `export_folder` goes what other hosts are to be offered.
    """

    package: Package
    state: str
    kernels: tuple[str, ...]
    archive: str = ""
    archive_sha256: str = ""
    archive_suffix: str = ""
    folders: tuple[str, ...] = ()
    signing: Signing | None = None
    offers: tuple[Offer, ...] = ()
    export_folder: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(module.name for module in self.package.modules)


@dataclass(frozen=True)
class Outcome:
    """What was found, which steps that asked for, and what stood afterwards (in check mode: what was found).

    `seconds` has an entry per step that was done.
    """

    before: Found
    steps: tuple[dkms.Step, ...]
    after: Found
    seconds: tuple[float, ...] = ()
    exported: tuple[dict[str, Any], ...] = ()


class Job:
    """Works on one request. Everything that touches the world comes in by parameter."""

    def __init__(
        self,
        request: Request,
        paths: Paths,
        run: Run,
        *,
        which: dkms_needs.Which = shutil.which,
        euid: Callable[[], int] = os.geteuid,
        now: Callable[[], float] = time.monotonic,
        free: free_space.Free = free_space.free,
        machine: str = os.uname().machine,
        name: str = os.uname().nodename,
    ) -> None:
        self._request = request
        self._paths = paths
        self._run = run
        self._which = which
        self._euid = euid
        self._now = now
        self._free = free
        self._machine = machine
        self._name = name
        folders = request.folders if request.archive_suffix else ()
        self._digest = dkms_source.digest(request.package, request.archive_sha256, folders) if request.archive_sha256 else ""
        self._signer = Signer(paths, run, request.signing) if request.signing else None
        self._certificate = self._signer.certificate() if self._signer else None
        others = [offer.manifest for offer in request.offers if offer.manifest.kernel not in request.kernels]
        self.received: dict[str, Received] = {entry.kernel: Received(entry, "nobody has asked for this kernel") for entry in others}
        self.policy: Policy = signature_policy.read(paths, run, which)

    def check(self) -> Outcome:
        """Look and plan; change nothing."""
        before, steps = self._plan()
        if not steps:
            self._prove(before)
        return Outcome(before, steps, before)

    def apply(self) -> Outcome:
        """Look, plan and act under the lock, then prove the result by looking again.

        Only root can take the lock; anybody else gets a refusal, or learns that there is nothing to do.
        """
        if self._euid() != 0:
            return self.check()
        with dkms_lock.held(self._paths):
            before, steps = self._plan()
            if not steps:
                self._prove(before)
                return Outcome(before, steps, before, exported=self._export(before))
            actor = Actor(self._paths, self._run, self._request.package, self._files(steps), self._digest, self._signer, self.received)
            seconds = []
            for step in steps:
                began = self._now()
                actor.do(step)
                seconds.append(round(self._now() - began, 3))
            after = self._look()
            self._prove(after)
            builds = {step.kernel: taken for step, taken in zip(steps, seconds) if step.action == "build"}
            return Outcome(before, steps, after, tuple(seconds), self._export(after, builds))

    def _export(self, found: Found, build_seconds: Mapping[str, float] = MappingProxyType({})) -> tuple[dict[str, Any], ...]:
        request = self._request
        if not request.export_folder:
            return ()
        return tuple(
            built_binary.export(
                self._paths,
                request.package,
                kernel.kernel,
                request.export_folder,
                source_digest=self._digest,
                arch=self._machine,
                built_on=self._name,
                build_seconds=build_seconds.get(kernel.kernel, 0.0),
            )
            for kernel in self._wanted_kernels(found)
        )

    def _look(self) -> Found:
        package = self._request.package
        with_dkms = self._which("dkms") is not None
        found = dkms_tree.look(
            self._paths,
            self._run,
            package.name,
            package.version,
            modules=list(self._request.modules),
            kernels=list(self._request.kernels),
            digest=self._digest,
            with_dkms=with_dkms,
        )
        if self._request.state == "absent":
            return found
        return replace(found, kernels=tuple(self._with_offer(self._with_exclusion(kernel)) for kernel in found.kernels))

    def _with_exclusion(self, kernel: KernelFacts) -> KernelFacts:
        return replace(kernel, excluded=dkms_needs.exclusion(self._paths, self._request.package, kernel.kernel, self._machine))

    def _with_offer(self, kernel: KernelFacts) -> KernelFacts:
        offer = next((entry for entry in self._request.offers if entry.manifest.kernel == kernel.kernel), None)
        if offer is None:
            return kernel
        if kernel.kernel not in self.received:
            self.received[kernel.kernel] = built_binary.receive(
                offer, self._paths, self._request.package, source_digest=self._digest, arch=self._machine
            )
        received = self.received[kernel.kernel]
        if received.reason:
            return kernel
        return replace(kernel, shipped=received.modules, shipped_from=received.manifest.built_on)

    def _plan(self) -> tuple[Found, tuple[dkms.Step, ...]]:
        request = self._request
        found = self._look()
        if request.state == "absent":
            steps = dkms.plan_absent(found, self._loaded())
        else:
            dkms_needs.check_dkms(self._which)
            for kernel in request.kernels:
                dkms_needs.check_kernel(self._paths, kernel)
            steps = dkms.plan_present(found, request.state, list(request.kernels), request.modules, self._certificate)
        for step in steps:
            if step.action == "build":
                dkms_needs.check_build(self._paths, self._which, self._run, request.package, step.kernel)
            if step.action == "sign" and self._signer:
                self._signer.check(step.kernel)
        self._check_space([step.kernel for step in steps if step.action == "build"])
        if steps:
            privilege.check_root(self._euid())
        if any(step.action in ("add", "remove", "build", "install", "uninstall") for step in steps):
            dkms_needs.check_dkms(self._which)
        return found, tuple(steps)

    def _check_space(self, kernels: list[str]) -> None:
        if not kernels:
            return
        source = os.path.join(self._paths.source, self._request.package.source)
        # An archive of sources is a quarter of them, or less.
        packed = os.path.getsize(self._request.archive) if os.path.isfile(self._request.archive) else 0
        needed = build_needs.bytes_needed(max(free_space.folder_bytes(source), 4 * packed), len(self._request.modules), len(kernels))
        folders = {self._paths.dkms_tree: needed["tree"], self._paths.at("/tmp"): needed["temporary"]}  # noqa: S108  # where dkms writes
        folders.update({self._paths.modules(kernel): needed["modules"] // len(kernels) for kernel in kernels})
        free_space.check(folders, self._free)

    def _files(self, steps: tuple[dkms.Step, ...]) -> dict[str, SourceFile]:
        """Return the sources, if they are to be written; their digest has been compared then."""
        if not any(step.action == "write_source" for step in steps):
            return {}
        request = self._request
        if not request.archive_suffix:
            return source_archive.files_of(source_archive.read(request.archive, request.archive_sha256))
        packed = vendor_archive.read(request.archive)
        vendor_archive.check_sha256(packed, request.archive_sha256)
        return source_tree.vendor_files(vendor_archive.unpacked(packed, request.archive_suffix), request.folders)

    def _loaded(self) -> list[str]:
        try:
            return os.listdir(self._paths.sys + "/module")
        except OSError:
            return []

    def _prove(self, found: Found) -> None:
        request = self._request
        if request.state == "absent":
            left = dkms.plan_absent(found, [])
            if left:
                raise TwostepError(
                    "not_removed",
                    f"{request.package.name} {request.package.version} is not gone after its removal: {left[0].reason}.",
                    "Look at dkms status on the host.",
                )
            return
        if not found.registered or found.source != "wanted":
            raise TwostepError("not_added", "DKMS reported success, but does not know the source.", "Look at dkms status on the host.")
        for kernel in self._wanted_kernels(found):
            if request.state == "present":
                dkms_check.check_installed(kernel, request.package.version, request.modules)
            elif request.state == "built":
                dkms_check.check_built(kernel, request.package.version, request.modules)
            if request.state != "added":
                dkms_check.check_signed(kernel, request.modules, self._certificate, self.policy)
            if request.package.publish_symvers and request.state != "added":
                self._check_published(kernel.kernel)

    def _wanted_kernels(self, found: Found) -> list[KernelFacts]:
        return [kernel for kernel in found.kernels if kernel.kernel in self._request.kernels and not kernel.excluded]

    def _check_published(self, kernel: str) -> None:
        tree = os.path.join(self._paths.dkms_tree, self._request.package.name, self._request.package.version, kernel)
        if not any(os.path.isfile(os.path.join(folder, "Module.symvers")) for folder, _folders, _files in os.walk(tree)):
            raise TwostepError(
                "no_symvers",
                f"The build for kernel {kernel} left no Module.symvers in {tree}.",
                "Run this module with state absent, then again; children cannot be built without it.",
            )

    def kernels_of(self, outcome: Outcome) -> list[str]:
        """Return the kernels to report on: the wanted ones, or for `absent` the ones that had something."""
        if self._request.state != "absent":
            return list(self._request.kernels)
        return [kernel.kernel for kernel in outcome.before.kernels if kernel.built or kernel.installed or kernel.half_built]

    def report(self, found: Found, kernels: list[str]) -> list[dict[str, Any]]:
        """Return `kernels` with their status and module files, for the result of the Ansible module."""
        modules = self._request.modules
        return [
            {
                "kernel": kernel.kernel,
                "status": dkms_check.status_word(kernel, modules),
                "modules": [_shown(file) for file in kernel.installed if not modules or file.name in modules],
                **({"reason": kernel.excluded} if kernel.excluded else {}),
            }
            for kernel in found.kernels
            if kernel.kernel in kernels
        ]


def _shown(file: FileFacts) -> dict[str, Any]:
    shown = asdict(file)
    problem, signature = shown.pop("problem"), shown.pop("signature") or {}
    told = {"signer": signature.get("signer", ""), "signature_key": signature.get("key", ""), "signature_hash": signature.get("hash", "")}
    return {**shown, **told, "problem": problem} if problem else {**shown, **told}
