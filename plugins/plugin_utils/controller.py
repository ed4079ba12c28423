# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins share: options in, hosts' registered results in, failures out. Decides nothing."""

from __future__ import annotations

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
