# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps lead from what DKMS has to what is wanted. Decides only; `host/dkms.py` acts.

DKMS keeps one version of a package `installed` per kernel and calls the others `built`, though their files, whose names
carry the version, still lie in the module folder. So a status is a hint here; a file in place decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import names
from .dkms_facts import FileFacts, Found, KernelFacts
from .errors import TwostepError
from .module_signature import Certificate, is_by

LEVELS = ("added", "built", "present")


@dataclass(frozen=True)
class Step:
    """One thing to do. `kernel` or `path` is empty where the step has none."""

    action: str
    reason: str
    kernel: str = ""
    path: str = ""


def _refuse_broken(found: Found) -> None:
    if found.registered and found.source == "absent" and found.has_builds:
        raise TwostepError(
            "broken_tree",
            f"DKMS has builds of {found.package} {found.version}, but its source folder /usr/src/{found.package}-{found.version} is gone.",
            "Restore that folder, or run this module with state absent first.",
        )


def _refuse_other_source(found: Found) -> None:
    if found.source == "other" and found.has_builds:
        raise TwostepError(
            "source_differs",
            f"{found.package} {found.version} is already built from another source, and a released version does not change.",
            "Give the new source a new version, or run this module with state absent first.",
        )


def _build_steps(kernel: KernelFacts, modules: tuple[str, ...]) -> tuple[list[Step], bool]:
    """Return the steps that make `kernel` built, and whether there are any; a binary that was shipped is placed instead of building."""
    if kernel.status not in ("absent", "added", "built", "installed"):
        raise TwostepError(
            "unknown_status",
            f"DKMS reports the status {kernel.status!r} on kernel {kernel.kernel}, which is not known here.",
            "Look at dkms status on the host and repair it by hand.",
        )
    damaged = [entry.name for entry in kernel.built if entry.problem]
    is_built = kernel.status in ("built", "installed")
    if is_built and not damaged and all(kernel.built_file(name) for name in modules):
        return [], False
    steps = []
    if kernel.half_built or is_built:
        why = f"the built {', '.join(damaged)} is not a module" if damaged else "an interrupted build is in the way"
        steps.append(Step("discard_build", why, kernel.kernel))
    if kernel.shipped:
        steps.append(Step("place", f"built on {kernel.shipped_from}", kernel.kernel))
    else:
        steps.append(Step("build", "not built for this kernel", kernel.kernel))
    return steps, True


def _refuse_newer(file: FileFacts, kernel: str, version: str) -> None:
    """Pass over a file of an older version, which DKMS replaces by itself."""
    try:
        is_newer = names.version_key(file.version) > names.version_key(version)
    except TwostepError:
        raise installed_differs(file) from None
    if is_newer:
        raise TwostepError(
            "newer_installed",
            f"Kernel {kernel} has {file.name} {file.version} installed, which DKMS does not replace by {version}.",
            f"Remove version {file.version} with state absent first.",
            {"path": file.path},
        )


def installed_differs(file: FileFacts) -> TwostepError:
    return TwostepError(
        "installed_differs",
        f"The installed file {file.path} is not the one that DKMS built.",
        "Find out who replaced it; then remove it, and run this module again.",
        {"path": file.path, "installed_sha256": file.sha256},
    )


def _install_steps(kernel: KernelFacts, version: str, modules: tuple[str, ...], builds: bool) -> list[Step]:
    reasons = []
    steps = []
    for name in modules:
        file = kernel.installed_file(name)
        built = kernel.built_file(name)
        if file is None:
            reasons.append(f"{name} is not installed")
        elif file.problem:
            reasons.append(f"the installed {name} is not a module")
        elif file.version != version:
            _refuse_newer(file, kernel.kernel, version)
            reasons.append(f"the installed {name} is version {file.version}")
        elif builds:
            # DKMS would keep this file, as it has the same version, or store it away as a part of the kernel.
            steps.append(Step("remove_file", "left behind by an earlier build", kernel.kernel, file.path))
        elif built is None or built.sha256 != file.sha256:
            raise installed_differs(file)
    if not reasons and not builds:
        return []
    if kernel.status == "installed" and not builds:
        # DKMS refuses to install what it believes to be installed.
        steps.append(Step("uninstall", "DKMS counts it as installed, but " + "; ".join(reasons), kernel.kernel))
    return [*steps, Step("install", "; ".join(reasons) or "newly built", kernel.kernel)]


def _sign_reason(kernel: KernelFacts, modules: tuple[str, ...], builds: bool, signer: Certificate | None) -> str:
    """Return why the built modules have to be signed, or an empty string."""
    if signer is None:
        return ""
    if builds and not kernel.shipped:
        return "newly built"
    if builds and not all(file.sha256 for file in kernel.shipped):
        return ""  # in check mode nobody has looked into them
    files = {file.name: file for file in (kernel.shipped if builds else kernel.built)}
    others = [name for name in modules if not is_by(getattr(files.get(name), "signature", None), signer)]
    return f"{others[0]} is not signed with the certificate of {signer.subject or signer.serial}" if others else ""


def _kernel_steps(kernel: KernelFacts, version: str, level: str, modules: tuple[str, ...], signer: Certificate | None) -> list[Step]:
    build_steps, builds = _build_steps(kernel, modules)
    signs = _sign_reason(kernel, modules, builds, signer)
    sign_steps = [Step("sign", signs, kernel.kernel)] if signs else []
    if signs and not builds and kernel.status == "installed":
        # What is installed must stay what is built, whatever the level.
        _install_steps(kernel, version, modules, builds)
        uninstall = Step("uninstall", "the installed file has another signature", kernel.kernel)
        return [uninstall, *sign_steps, Step("install", "newly signed", kernel.kernel)]
    if level != "present":
        return build_steps + sign_steps
    install_steps = _install_steps(kernel, version, modules, builds or bool(signs))
    return build_steps + install_steps[:-1] + sign_steps + install_steps[-1:]


def plan_present(found: Found, level: str, kernels: list[str], modules: tuple[str, ...], signer: Certificate | None = None) -> list[Step]:
    """Return the steps that bring a package version to at least `level` (one of `LEVELS`) on `kernels`.

    A kernel that the package is not meant for gets none.

    :param modules: names of the modules that the package must yield.
    :param signer: certificate of whoever has to have signed them; None when that does not matter.
    :raises TwostepError: `broken_tree`, `source_differs`, `installed_differs`, `newer_installed` or `unknown_status`; then
        nothing may be done.
    """
    _refuse_broken(found)
    _refuse_other_source(found)
    steps = []
    if found.source != "wanted":
        steps.append(Step("write_source", "the source is not there" if found.source == "absent" else "the source was another one"))
    if not found.registered:
        steps.append(Step("add", "DKMS does not know this version"))
    if level == "added":
        return steps
    for name in kernels:
        kernel = next((entry for entry in found.kernels if entry.kernel == name), KernelFacts(name))
        if not kernel.excluded:
            steps += _kernel_steps(kernel, found.version, level, modules, signer)
    return steps


def _is_ours(file: FileFacts, kernel: KernelFacts, version: str) -> bool:
    built = kernel.built_file(file.name)
    return bool(file.problem) or file.version == version or (built is not None and built.sha256 == file.sha256)


def plan_absent(found: Found, loaded: list[str]) -> list[Step]:
    """Return the steps that remove a package version from all kernels.

    DKMS leaves the files of a version behind that is not the active one of a kernel; they are removed by name.

    :param loaded: names of the modules that the running kernel has loaded.
    :raises TwostepError: `module_loaded` when one of them belongs to this version.
    """
    files = [(kernel, file) for kernel in found.kernels for file in kernel.installed if _is_ours(file, kernel, found.version)]
    busy = sorted({file.name for kernel, file in files} & set(loaded))
    if busy:
        raise TwostepError(
            "module_loaded",
            f"Module {busy[0]} of {found.package} {found.version} is loaded.",
            "Swap to another version and commit, or unload the module, before removing it.",
            {"modules": busy},
        )
    steps = []
    dangling = found.registered and found.source == "absent"
    if found.registered:
        steps.append(
            Step("remove_tree", "DKMS refuses a version whose source is gone") if dangling else Step("remove", "DKMS knows this version")
        )
    if not dangling and any(kernel.half_built for kernel in found.kernels):
        steps.append(Step("remove_tree", "remains of an interrupted build"))
    for kernel, file in files:
        if dangling or not found.registered or kernel.status != "installed" or file.problem:
            steps.append(Step("remove_file", "DKMS would leave this file behind", kernel.kernel, file.path))
    if found.source != "absent":
        steps.append(Step("remove_source", "the source folder belongs to this version"))
    return steps
