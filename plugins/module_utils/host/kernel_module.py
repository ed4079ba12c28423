# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads and unloads modules by name, and proves it in /sys/module."""

from __future__ import annotations

import os

from ..core import names
from ..core.errors import TwostepError
from .paths import Paths
from .runner import Run

_TIMEOUT_S = 60.0
# What modprobe prints, the code for it, and what to do about it.
_ANSWERS = (
    ("not found in directory", "no_module", "Build and install it for the running kernel with twostep.hotswap.dkms."),
    ("Key was rejected", "key_rejected", "Sign the module with a key that the kernel trusts, or enrol the key that signed it."),
    ("Required key not available", "key_rejected", "Sign the module with a key that the kernel trusts, or enrol the key that signed it."),
    ("Exec format error", "wrong_kernel", "Build the module for the running kernel; the kernel log names the difference."),
    ("Unknown symbol", "wrong_parent", "Build the child against the parent that is loaded; the kernel log names the symbol."),
    ("Invalid argument", "wrong_parent", "Build the child against the parent that is loaded; the kernel log tells what was refused."),
    ("Operation not permitted", "not_root", "Run as root, outside of a container."),
    ("in use", "module_in_use", "Take down what it serves, and stop who uses it; lsmod names other modules."),
)


def is_loaded(paths: Paths, module: str) -> bool:
    """Return whether the kernel has `module` loaded and initialised; one that is coming or going does not count."""
    try:
        with open(os.path.join(paths.sys, "module", names.kernel_module(module), "initstate"), encoding="ascii") as stream:
            return stream.read().strip() == "live"
    except OSError:
        return False


def _failure(verb: str, module: str, text: str) -> TwostepError:
    data = {"module": module, "output": text[-1000:]}
    for words, code, next_step in _ANSWERS:
        if words in text:
            return TwostepError(code, f"Module {module} cannot be {verb}: {words}.", next_step, data)
    return TwostepError(
        "module_failed", f"Module {module} cannot be {verb}: {text.strip()[-200:] or 'no reason given'}.", "Look at the kernel log.", data
    )


def load(paths: Paths, run: Run, module: str) -> None:
    """Load `module` unless it is loaded.

    :raises TwostepError: `no_module`, `key_rejected`, `wrong_kernel`, `wrong_parent`, `not_root`, `module_failed`.
    """
    if is_loaded(paths, module):
        return
    answer = run(["modprobe", module], timeout_s=_TIMEOUT_S)
    if answer.rc != 0 or not is_loaded(paths, module):
        raise _failure("loaded", module, answer.stderr + answer.stdout)


def unload(paths: Paths, run: Run, module: str) -> None:
    """Unload `module` if it is loaded; nothing else is unloaded with it.

    :raises TwostepError: `module_in_use`, `not_root`, `module_failed`.
    """
    if not is_loaded(paths, module):
        return
    # Not modprobe -r: that takes the modules along which this one needs.
    answer = run(["rmmod", module], timeout_s=_TIMEOUT_S)
    if answer.rc != 0 or is_loaded(paths, module):
        raise _failure("unloaded", module, answer.stderr + answer.stdout)
