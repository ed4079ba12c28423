# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's command line: what runs on a host by itself, without Ansible and without a controller.

`swap <id>` performs the request in /var/lib/twostep/swaps/<id>/ and writes its result there.
`reload <id>` performs the request in /var/lib/twostep/reloads/<id>/, and writes its result there.
`restore` brings the configured slots up at boot.
`kernel <kernel>` has DKMS build the committed versions for a kernel that was installed just now.
`early <kernel>` prints which slots belong into the initramfs of a kernel, for the scripts that make it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Sequence

from ..core import names
from ..core.boot import BootSlot
from ..core.errors import TwostepError
from . import boot, boot_trial, early, new_kernel, parent, reload_folder, request_folder, swap_folder, unfinished, world
from . import reload as reloads
from .swap import Transaction
from .world import World

DONE, FAILED, REFUSED = 0, 1, 2


def swap(this: World, swap_id: str) -> int:
    """Perform a request once; one that has its result is left alone."""
    if swap_folder.read_result(this.paths, names.identifier(swap_id)) is not None:
        return DONE
    request = swap_folder.read_request(this.paths, swap_id)
    result = Transaction(this, request).perform()
    swap_folder.write_result(this.paths, result)
    sys.stdout.write(f"{result.slot}: {result.outcome} {result.message}".rstrip() + "\n")
    return DONE if result.is_good else FAILED


def reload(this: World, reload_id: str) -> int:
    """Perform a request once; one that has its result is left alone."""
    if reload_folder.read_result(this.paths, names.identifier(reload_id)) is not None:
        return DONE
    result = reloads.Transaction(this, reload_folder.read_request(this.paths, reload_id)).perform()
    reload_folder.write_result(this.paths, result)
    sys.stdout.write(f"{result.outcome} {result.message}".rstrip() + "\n")
    return DONE if result.is_good else FAILED


def restore(this: World) -> int:
    """Bring up every configured slot; one that fails keeps none of the others down, and a trial that fails not its own slot.

    Others who bring slots up or down are waited for. What an agent is at is left to it.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(request_folder.locked(this.paths, "the start of twostep-slots.service"))
        except TwostepError as error:
            if error.code != "write_failed":
                raise
            # A disk that cannot be written keeps no slot down: nobody starts a swap on such a host either.
            sys.stderr.write(f"{error}\n")
        return _restore(this)


def _restore(this: World) -> int:
    failures: dict[str, TwostepError | None] = {}
    actor = parent.ParentActor(this.paths, this.run)
    wanted = []
    for name in boot.configured(this.paths):
        try:
            unfinished.refuse(this.paths, this.run, [name], dead_too=False)
            found = boot.read_slot(this.paths, name)
        except TwostepError as error:
            failures[name] = error
            continue
        if found is None:
            continue
        found = _as_booted(this, found)
        wanted.append(found)
        try:
            boot_trial.give(this, actor, found)
        except TwostepError as error:
            sys.stderr.write(f"{name}: {error}\n")
    failures.update(parent.bring_up(actor, wanted))
    for name, failure in sorted(failures.items()):
        (sys.stderr if failure else sys.stdout).write(f"{name}: {failure or 'serves'}\n")
    return FAILED if any(failures.values()) else DONE


def kernel(this: World, release: str) -> int:
    """Have the committed versions built for a kernel, and tell what could not be had."""
    problems = new_kernel.prepare(this.paths, this.run, release)
    for problem in problems:
        sys.stderr.write(f"twostep: {problem}\n")
    return FAILED if problems else DONE


def _as_booted(this: World, committed: BootSlot) -> BootSlot:
    """Return what is committed; where the initramfs has brought up another version, a commit was cut off, and it is that one again."""
    if not committed.early or committed.slot not in this.status.slot_names():
        return committed
    slot = this.status.slot(committed.slot)
    # Nobody has swapped it since the boot: what serves then, without a commit, is in its probation.
    is_as_booted = slot.state == "serving" and slot.generation == 1 and slot.family == committed.family
    if not is_as_booted or slot.version in (None, committed.version):
        return committed
    found = committed.with_version(slot.version or "")
    boot.write_slot(this.paths, found)
    sys.stdout.write(f"{committed.slot}: the initramfs has brought up {found.version}, so {committed.version} was never committed\n")
    return found


def main(argv: Sequence[str], this: World | None = None) -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(prog="twostep-agent", description="Swaps, reloads and restores what twostep serves on this host.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    one = commands.add_parser("swap", help="perform a request for a swap")
    one.add_argument("swap_id", help="name of its folder in /var/lib/twostep/swaps")
    other = commands.add_parser("reload", help="perform a request for a reload")
    other.add_argument("reload_id", help="name of its folder in /var/lib/twostep/reloads")
    commands.add_parser("restore", help="bring up the slots of /etc/twostep/slots.d")
    print_early = commands.add_parser("early", help="print the slots that the initramfs of a kernel brings up")
    print_early.add_argument("kernel", help="its release, as uname -r prints it")
    new = commands.add_parser("kernel", help="build the committed versions for a new kernel")
    new.add_argument("kernel", help="its release, as uname -r prints it")
    options = parser.parse_args(list(argv))
    this = this or world.real()
    try:
        if options.command == "kernel":
            return kernel(this, names.kernel(options.kernel))
        if options.command == "reload":
            return reload(this, options.reload_id)
        if options.command == "early":
            sys.stdout.write(early.table(this.paths, names.kernel(options.kernel)))
            return DONE
        return swap(this, options.swap_id) if options.command == "swap" else restore(this)
    except TwostepError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
