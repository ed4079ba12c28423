# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof of a DKMS result from the files themselves, since DKMS exits 0 in several cases where nothing was done."""

from __future__ import annotations

from .dkms import installed_differs
from .dkms_facts import FileFacts, KernelFacts
from .errors import TwostepError
from .module_signature import Certificate, is_by
from .signature_policy import Policy


def check_file(file: FileFacts, kernel: str, version: str) -> None:
    """Raise `not_a_module`, `wrong_version` or `wrong_kernel` unless a file is what it should be."""
    if file.problem:
        raise TwostepError(
            "not_a_module", file.problem, "Look at the free space of the host and run this module again.", {"path": file.path}
        )
    if file.version != version:
        raise TwostepError(
            "wrong_version",
            f"Module {file.name} says version {file.version!r}, wanted is {version!r}.",
            f"Check the make arguments (e.g. RELEASE={version}) and the source; run with state absent before building again.",
            {"path": file.path},
        )
    built_for = file.vermagic.split(" ", 1)[0]
    if built_for != kernel:
        raise TwostepError(
            "wrong_kernel",
            f"Module {file.name} was built for kernel {built_for!r}, wanted is {kernel!r}.",
            f"Check that /lib/modules/{kernel}/build belongs to this kernel.",
            {"path": file.path},
        )


def check_built(kernel: KernelFacts, version: str, modules: tuple[str, ...]) -> None:
    """Raise unless DKMS keeps a module file of `version` for this kernel for each of `modules`."""
    for name in modules:
        file = kernel.built_file(name)
        if file is None:
            raise TwostepError(
                "not_built",
                f"DKMS reported success, but built no module {name} for kernel {kernel.kernel}.",
                "Check the name and the location of the module, and the free space of the host.",
            )
        check_file(file, kernel.kernel, version)


def check_installed(kernel: KernelFacts, version: str, modules: tuple[str, ...]) -> None:
    """Raise unless the files in the module folder are the built ones, of `version`, for this kernel."""
    check_built(kernel, version, modules)
    for name in modules:
        file = kernel.installed_file(name)
        if file is None:
            raise TwostepError(
                "not_installed",
                f"DKMS reported success, but module {name} is not in the module folder of kernel {kernel.kernel}.",
                "Look at the free space of the host and run this module again.",
            )
        check_file(file, kernel.kernel, version)
        built = kernel.built_file(name)
        if built is None or built.sha256 != file.sha256:
            raise installed_differs(file)


def check_signed(kernel: KernelFacts, modules: tuple[str, ...], signer: Certificate | None, policy: Policy) -> None:
    """Raise unless the built files have the signature that was asked for, and any at all where the kernel demands one.

    DKMS says "modules won't be signed" and exits 0, so only the files tell.
    """
    for name in modules:
        file = kernel.built_file(name)
        if file is None:
            continue
        if signer is not None and not is_by(file.signature, signer):
            raise TwostepError(
                "not_signed",
                f"Module {name} for kernel {kernel.kernel} does not carry a signature by {signer.subject or signer.serial}.",
                "Check that sign.certificate belongs to the key, and run this module again.",
                {"path": file.path},
            )
        if not file.signed and policy.refuses_unsigned:
            raise TwostepError(
                "unsigned",
                f"Module {name} for kernel {kernel.kernel} is not signed, and {policy.refuses_unsigned}.",
                "Set sign, or give DKMS a key whose certificate the kernel trusts.",
                {"path": file.path},
            )


def status_word(kernel: KernelFacts, modules: tuple[str, ...]) -> str:
    """Return `installed` when all files are in place and the built ones, else `built`, `added` or `absent`.

    A kernel that the package is not meant for is `excluded`.
    DKMS says `built` of a version that is in place beside the one it counts as active. Without `modules` the built ones count.
    """
    if kernel.excluded:
        return "excluded"
    names = modules or tuple(file.name for file in kernel.built)
    pairs = [(kernel.built_file(name), kernel.installed_file(name)) for name in names]
    if pairs and all(built and file and not file.problem and built.sha256 == file.sha256 for built, file in pairs):
        return "installed"
    return "built" if kernel.status == "installed" else kernel.status
