# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot configuration of one slot: what it is made of, and the committed version that serves it after a boot.

Text to data and back; files are `host/boot.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from . import names
from .errors import TwostepError

SCHEMA = 1
MAX_PARAMS_CHARS = 255
_PARAMS = re.compile(r"[ -~]*")
# Of the queue, as the parent takes them.
_LIMITS = {"queue_depth": (1, 4096), "hw_queues": (1, 64), "request_bytes": (0, 4096)}
# What a slot has without a word about it (kmod/parent/slot.c).
REQUEST_BYTES = 256
_KEYS = {"schema", "slot", "family", "params", "version", "early", *_LIMITS}


@dataclass(frozen=True)
class BootSlot:
    """A slot as it is wanted. Every field has passed its check; a limit of None is the kernel's default.

    :ivar early: the initramfs brings it up, because the root file system needs it.
    """

    slot: str
    family: str
    params: str
    version: str
    queue_depth: int | None = None
    hw_queues: int | None = None
    request_bytes: int | None = None
    early: bool = False

    def with_version(self, version: str) -> BootSlot:
        """Return this slot with another committed version."""
        return replace(self, version=names.version(version))


def _params(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_PARAMS_CHARS or _PARAMS.fullmatch(value) is None:
        raise TwostepError(
            "bad_params",
            f"params {str(value)[:80]!r} is not one line of at most {MAX_PARAMS_CHARS} printable ASCII characters.",
            "Write what the family expects, e.g. lower=/dev/vdb.",
        )
    return value


def _limit(name: str, value: object) -> int | None:
    if value is None:
        return None
    low, high = _LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise TwostepError(
            "bad_limit", f"{name} {str(value)[:40]!r} is not a number from {low} to {high}.", f"Set {name} within that range."
        )
    return value


def _early(value: object) -> bool:
    if not isinstance(value, bool):
        raise TwostepError("bad_early", f"early {str(value)[:40]!r} is neither true nor false.", "Set early to true or false.")
    return value


def boot_slot(
    slot: object,
    family: object,
    params: object,
    version: object,
    *,
    queue_depth: object = None,
    hw_queues: object = None,
    request_bytes: object = None,
    early: object = False,
) -> BootSlot:
    """Return the slot or raise the code of the first value that does not pass."""
    return BootSlot(
        slot=names.slot(slot),
        family=names.family(family),
        params=_params(params),
        version=names.version(version),
        queue_depth=_limit("queue_depth", queue_depth),
        hw_queues=_limit("hw_queues", hw_queues),
        request_bytes=_limit("request_bytes", request_bytes),
        early=_early(early),
    )


def _damaged(where: str, why: str) -> TwostepError:
    return TwostepError(
        "bad_boot_config", f"The boot configuration {where} is damaged: {why}.", "Write it again with twostep.hotswap.parent."
    )


def parse(text: str, where: str) -> BootSlot:
    """Return the slot in `text`.

    :param where: path that the message names; its file name without `.json` is the only slot name allowed inside.
    :raises TwostepError: `bad_boot_config`, or the code of a value that does not pass.
    """
    try:
        data = json.loads(text)
    except ValueError:
        raise _damaged(where, "it is not JSON") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise _damaged(where, f"its schema is not {SCHEMA}")
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        raise _damaged(where, f"it has the unknown key {unknown[0]!r}")
    found = boot_slot(
        data.get("slot"),
        data.get("family"),
        data.get("params"),
        data.get("version"),
        queue_depth=data.get("queue_depth"),
        hw_queues=data.get("hw_queues"),
        request_bytes=data.get("request_bytes"),
        early=data.get("early", False),
    )
    if where.rsplit("/", 1)[-1] != f"{found.slot}.json":
        raise _damaged(where, f"it names the slot {found.slot!r}")
    return found


def render(wanted: BootSlot) -> str:
    """Return the text of the file; limits and `early` appear only where they are set."""
    data: dict[str, object] = {
        "schema": SCHEMA,
        "slot": wanted.slot,
        "family": wanted.family,
        "params": wanted.params,
        "version": wanted.version,
    }
    for name in _LIMITS:
        if getattr(wanted, name) is not None:
            data[name] = getattr(wanted, name)
    if wanted.early:
        data["early"] = True
    return json.dumps(data, indent=1) + "\n"


def plain_path(path: str) -> str:
    """Return a path that neither systemd nor a shell reads as anything else.

    :raises TwostepError: `bad_agent`.
    """
    if re.fullmatch(r"(/[A-Za-z0-9._-]+)+", path) is None:
        raise TwostepError("bad_agent", f"{path[:120]!r} is not a plain absolute path.", "Install the agent in its usual place.")
    return path


def render_unit(agent: str, python: str = "/usr/bin/python3") -> str:
    """Return the unit that brings the slots up at boot.

    It has no default dependencies, because a filesystem in fstab may lie on a slot: the service must not wait for
    local-fs.target, which waits for it.

    :param agent: absolute path of the agent.
    """
    return (
        "# Written by twostep.hotswap.parent.\n"
        "[Unit]\n"
        "Description=Bring up the slots of twostep\n"
        "DefaultDependencies=no\n"
        "RequiresMountsFor=/etc/twostep /usr/local/lib/twostep /var/lib/twostep\n"
        "Wants=systemd-udev-settle.service\n"
        "After=systemd-remount-fs.service systemd-modules-load.service systemd-udev-settle.service\n"
        "Conflicts=shutdown.target\n"
        "Before=shutdown.target\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        "RemainAfterExit=yes\n"
        "UMask=0077\n"
        f"ExecStart={plain_path(python)} {plain_path(agent)} restore\n"
        "\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def render_kernel_script(agent: str, python: str = "/usr/bin/python3") -> str:
    """Return the script that the package of a kernel runs when it is installed, with the kernel's release as its first argument.

    It never fails: a kernel without a child for a late slot is still one that boots.
    """
    return (
        "#!/bin/sh\n"
        "# Written by twostep.hotswap.parent.\n"
        "# Builds the committed versions for a new kernel; DKMS by itself builds the newest ones only.\n"
        f'{plain_path(python)} {plain_path(agent)} kernel "${{1:?}}" || true\n'
    )
