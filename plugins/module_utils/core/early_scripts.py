# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell scripts that bring slots up in an initramfs, for initramfs-tools (a hook and boot scripts) and for dracut (a module).

Sources: initramfs-tools(7), "HOOK SCRIPTS" and "BOOT SCRIPTS"; dracut.modules(7), "WRITING A MODULE". Words between @ are filled in.
"""

from __future__ import annotations

from .boot import plain_path
from .early import TABLE

INITRAMFS_TOOLS = "initramfs-tools"
DRACUT = "dracut"

# What runs in the initramfs, with what every shell there has built in, mkdir, mount and modprobe.
_PROGRAM = r"""#!/bin/sh
# Written by twostep.hotswap.parent.
# Brings up the slots that the root file system needs. It may be called again and again: a slot that serves, or whose devices are not
# there yet, is passed over. What fails for good is tried once more by twostep-slots.service, and told there.
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

have_devices() { # parameters
    for word in $1; do
        case "$word" in
        *=/dev/*) [ -e "@ROOT@${word#*=}" ] || return 1 ;;
        esac
    done
}

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
    have_devices "$params" && bring_up
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
# shellcheck disable=SC2046
manual_add_modules twostep $(cut -f 4 "$DESTDIR@TABLE@")
"""

_DRACUT = r"""#!/bin/bash
# Written by twostep.hotswap.parent.
# Puts the slots that are brought up early, with their modules, into the initramfs of a kernel; fails where one has no module for it.
check() {
    return 0
}

depends() {
    return 0
}

installkernel() {
    local table
    table=$(@PYTHON@ @AGENT@ early "${kernel:?}") || return 1
    [[ -n "$table" ]] || return 0
    # shellcheck disable=SC2046
    hostonly='' instmods twostep $(cut -f 4 <<< "$table")
}

install() {
    mkdir -p "${initdir:?}@FOLDER@"
    @PYTHON@ @AGENT@ early "${kernel:?}" > "$initdir@TABLE@" || return 1
    inst_multiple mkdir mount modprobe
    inst_script "${moddir:?}/twostep-early" /sbin/twostep-early
    inst_hook initqueue/settled 10 "$moddir/twostep-early-hook.sh"
}
"""

# Sourced by dracut, so it must not exit.
_DRACUT_HOOK = """#!/bin/sh
# Written by twostep.hotswap.parent.
/sbin/twostep-early
"""


def program(root: str = "") -> str:
    """Return what brings the slots up; below `root`, for tests."""
    return _filled(_PROGRAM, root=root)


def _filled(text: str, **words: str) -> str:
    for name, word in {"table": TABLE, "folder": TABLE.rpartition("/")[0], **words}.items():
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
