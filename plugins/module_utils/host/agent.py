# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's command line: what runs on a host by itself, without Ansible and without a controller.

`swap <id>` performs the request in /var/lib/twostep/swaps/<id>/ and writes its result there.
`restore` brings the configured slots up at boot.
`early <kernel>` prints which slots belong into the initramfs of a kernel, for the scripts that make it.
"""

from __future__ import annotations

import argparse
import sys
from typing import Sequence

from ..core import names
from ..core.errors import TwostepError
from . import boot, boot_trial, early, parent, swap_folder, world
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


def restore(this: World) -> int:
    """Bring up every configured slot; one that fails keeps none of the others down, and a trial that fails not its own slot."""
    failures: dict[str, TwostepError | None] = {}
    actor = parent.ParentActor(this.paths, this.run)
    wanted = []
    for name in boot.configured(this.paths):
        try:
            found = boot.read_slot(this.paths, name)
        except TwostepError as error:
            failures[name] = error
            continue
        if found is None:
            continue
        wanted.append(found)
        try:
            boot_trial.give(this, actor, found)
        except TwostepError as error:
            sys.stderr.write(f"{name}: {error}\n")
    failures.update(parent.bring_up(actor, wanted))
    for name, failure in sorted(failures.items()):
        (sys.stderr if failure else sys.stdout).write(f"{name}: {failure or 'serves'}\n")
    return FAILED if any(failures.values()) else DONE


def main(argv: Sequence[str], this: World | None = None) -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(prog="twostep-agent", description="Swaps and restores the slots of twostep on this host.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    one = commands.add_parser("swap", help="perform a request for a swap")
    one.add_argument("swap_id", help="name of its folder in /var/lib/twostep/swaps")
    commands.add_parser("restore", help="bring up the slots of /etc/twostep/slots.d")
    print_early = commands.add_parser("early", help="print the slots that the initramfs of a kernel brings up")
    print_early.add_argument("kernel", help="its release, as uname -r prints it")
    options = parser.parse_args(list(argv))
    this = this or world.real()
    try:
        if options.command == "early":
            sys.stdout.write(early.table(this.paths, names.kernel(options.kernel)))
            return DONE
        return swap(this, options.swap_id) if options.command == "swap" else restore(this)
    except TwostepError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
