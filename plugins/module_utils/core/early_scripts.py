# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell scripts that bring slots up in an initramfs, for initramfs-tools (a hook and boot scripts) and for dracut (a module).

Sources: initramfs-tools(7), "HOOK SCRIPTS" and "BOOT SCRIPTS"; dracut.modules(7), "WRITING A MODULE". Words between @ are filled in.
"""

from __future__ import annotations

import hashlib

from .boot import plain_path
from .early import TABLE

INITRAMFS_TOOLS = "initramfs-tools"
DRACUT = "dracut"
DIGITS = 12  # of the digest that the name of a file in the initramfs ends with

# What runs in the initramfs, with what every shell there has built in, mkdir, mount and modprobe.
_PROGRAM = r"""#!/bin/sh
# Written by twostep.hotswap.parent.
# Brings up the slots that the root file system needs. It may be called again and again: a slot that serves, or whose devices are not
# there yet, is passed over. What fails for good is tried once more by twostep-slots.service, and told there.
# Devices that root= names are left alone, and with twostep.early=0 on the kernel's command line all of them.
case "${1:-}" in
prereqs)
    exit 0
    ;;
esac
config=@ROOT@/sys/kernel/config
status=@ROOT@/sys/kernel/twostep/slots
tab=$(printf '\t')
set -f

put() { # value, file
    printf '%s\n' "$1" > "$2"
}

tell() {
    put "<4>twostep-early: $*" @ROOT@/dev/kmsg
}

content() { # file
    line=
    [ -e "$1" ] && read -r line < "$1"
    printf '%s\n' "$line"
}

may_take() { # parameters
    for word in $1; do
        case "$word" in
        *=/dev/*)
            device=@ROOT@${word#*=}
            [ -e "$device" ] || return 1
            [ -z "$wanted" ] || [ "$(readlink -f "$device")" != "$wanted" ] || return 1
            ;;
        esac
    done
}

wanted=
for word in $(content @ROOT@/proc/cmdline); do
    case "$word" in
    root=/dev/*) wanted=$(readlink -f "@ROOT@${word#*=}") || wanted= ;;
    twostep.early=0) exit 0 ;;
    esac
done

limit() { # value, file
    [ "$1" = - ] || put "$@"
}

adopt() {
    folder=$config/twostep/$slot
    mkdir -p "$folder" &&
        put "$family" "$folder/family" &&
        put "$params" "$folder/params" &&
        limit "$depth" "$folder/queue_depth" &&
        limit "$queues" "$folder/hw_queues" &&
        limit "$room" "$folder/request_bytes" &&
        put "version=$version generation=$(content "$status/$slot/generation")" "$folder/swap"
}

bring_up() {
    if ! modprobe -a twostep "$module"; then
        tell "$slot: $module cannot be loaded"
        return
    fi
    [ -d "$config/twostep" ] || mount -t configfs configfs "$config"
    adopt || tell "$slot: $(content "$status/$slot/last_swap/reason")"
}

while IFS=$tab read -r slot family version module depth queues room params; do
    [ "$(content "$status/$slot/state")" = serving ] && continue
    may_take "$params" && bring_up
done < @ROOT@@TABLE@
exit 0
"""

_HOOK = r"""#!/bin/sh
# Written by twostep.hotswap.parent.
# Puts the slots that are brought up early, with their modules, into the initramfs of a kernel; fails where one has no module for it.
case "${1:-}" in
prereqs)
    exit 0
    ;;
esac
set -e
# shellcheck source=/dev/null
. /usr/share/initramfs-tools/hook-functions
mkdir -p "$DESTDIR@FOLDER@"
@PYTHON@ @AGENT@ early "${version:?}" > "$DESTDIR@TABLE@"
[ -s "$DESTDIR@TABLE@" ] || exit 0
for module in twostep $(cut -f 4 "$DESTDIR@TABLE@"); do
    modprobe --set-version="$version" --show-depends "$module" > /dev/null
    manual_add_modules "$module"
done
digest=$(cat "$DESTDIR@TABLE@" /etc/initramfs-tools/scripts/local-top/twostep | sha256sum | cut -c 1-@DIGITS@)
: > "$DESTDIR@TABLE@-$digest"
"""

_DRACUT = r"""#!/bin/bash
# Written by twostep.hotswap.parent.
# Puts the slots that are brought up early, with their modules, into the initramfs of a kernel; fails where one has no module for it.
check() {
    return 0
}

depends() {
    # A module of its own in newer versions.
    compgen -G "${dracutbasedir:-/usr/lib/dracut}/modules.d/*initqueue" > /dev/null && echo initqueue
    return 0
}

installkernel() {
    local module table
    table=$(@PYTHON@ @AGENT@ early "${kernel:?}") || return 1
    [[ -n "$table" ]] || return 0
    for module in twostep $(cut -f 4 <<< "$table"); do
        hostonly='' instmods -c "$module" || return 1
    done
}

install() {
    local digest
    mkdir -p "${initdir:?}@FOLDER@"
    @PYTHON@ @AGENT@ early "${kernel:?}" > "$initdir@TABLE@" || return 1
    [[ -s "$initdir@TABLE@" ]] || return 0
    digest=$(cat "$initdir@TABLE@" "${moddir:?}/twostep-early" | sha256sum | cut -c 1-@DIGITS@)
    : > "$initdir@TABLE@-$digest"
    inst_multiple mkdir mount modprobe readlink
    inst_script "$moddir/twostep-early" /sbin/twostep-early
    inst_hook initqueue/settled 10 "$moddir/twostep-early-hook.sh"
    dracut_need_initqueue
}
"""

# Sourced by dracut, so it must not exit.
_DRACUT_HOOK = """#!/bin/sh
# Written by twostep.hotswap.parent.
/sbin/twostep-early
"""


def digest(table: str) -> str:
    """Return what names an initramfs that brings up a table, the empty one without slots: of the table and of what reads it."""
    return hashlib.sha256((table + program()).encode("ascii")).hexdigest()[:DIGITS] if table else ""


def program(root: str = "") -> str:
    """Return what brings the slots up; below `root`, for tests."""
    return _filled(_PROGRAM, root=root)


def _filled(text: str, **words: str) -> str:
    for name, word in {"table": TABLE, "folder": TABLE.rpartition("/")[0], "digits": str(DIGITS), **words}.items():
        text = text.replace(f"@{name.upper()}@", word)
    return text


def files(maker: str, agent: str, python: str) -> dict[str, str]:
    """Return the scripts, by their paths, for what makes the initramfs: `initramfs-tools` or `dracut`.

    :param agent: absolute path of the agent, which says for a kernel what belongs into its initramfs.
    :raises TwostepError: `bad_agent`.
    """
    words = {"agent": plain_path(agent), "python": plain_path(python)}
    if maker == INITRAMFS_TOOLS:
        scripts = "/etc/initramfs-tools/scripts"
        return {
            "/etc/initramfs-tools/hooks/twostep": _filled(_HOOK, **words),
            f"{scripts}/local-top/twostep": program(),
            f"{scripts}/local-block/twostep": program(),  # again for as long as the root file system is missing
        }
    folder = "/usr/lib/dracut/modules.d/90twostep"
    return {
        f"{folder}/module-setup.sh": _filled(_DRACUT, **words),
        f"{folder}/twostep-early": program(),
        f"{folder}/twostep-early-hook.sh": _DRACUT_HOOK,
    }
