# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins share: options in, hosts' registered results in, failures out. Decides nothing."""

from __future__ import annotations

import getpass
import socket
import time
from datetime import datetime, timezone
from typing import Any, Mapping

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def local_now(zone: str) -> datetime:
    """Return the present in a time zone, by its name in the time zone database.

    :raises TwostepError: ``bad_time_zone``.
    """
    try:
        return utc_now().astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TwostepError(
            "bad_time_zone", f"There is no time zone {zone!r} on the controller.", "Name one such as Europe/Vienna, or install tzdata."
        ) from None


def stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def boottime_s() -> float:
    """Return seconds since the boot of the controller, those in which it was suspended included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def operator(told: str, task_vars: Mapping[str, Any]) -> tuple[str, str]:
    """Return who runs this, and where, for people: as ``told``, else as AWX says, else the user of this machine."""
    job = next((task_vars[name] for name in ("awx_job_id", "tower_job_id") if name in task_vars), None)
    user = next((task_vars[name] for name in ("awx_user_name", "tower_user_name") if name in task_vars), None)
    here = socket.gethostname()
    where = here if job is None else f"job {job} of AWX"
    if told:
        return told, where
    if job is not None:
        return f"{user or 'a schedule'}@awx", where
    try:
        return f"{getpass.getuser()}@{here}", where
    except (KeyError, OSError):  # a container's user may have no name
        return f"nobody@{here}", where


def group_hosts(task_vars: Mapping[str, Any], group: str) -> list[str]:
    """Return the host names of an inventory group; a group that does not exist is an empty one."""
    return [str(host) for host in task_vars.get("groups", {}).get(group, [])]


def raw_vars(task_vars: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """Return the variables of ``host`` as they are stored.

    Not through ``hostvars[host]``: that would hand what a managed host returned to the template engine.
    """
    hostvars = task_vars.get("hostvars")
    return hostvars.raw_get(host) if hostvars is not None and host in hostvars else {}


def failed(result: dict[str, Any], error: TwostepError) -> dict[str, Any]:
    """Return ``result`` as a failure in the words of ``error``; a failure is never changed."""
    result.update(error.data)
    result.update(failed=True, changed=False, msg=str(error), code=error.code)
    return result
