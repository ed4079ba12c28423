# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration file of ssh says about a host. paramiko reads it."""

from __future__ import annotations

import os
from typing import Any, Mapping

try:
    import paramiko

    HAS_PARAMIKO = True
except ImportError:
    HAS_PARAMIKO = False

from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import no_session


def lookup(path: str, host: str) -> Mapping[str, Any]:
    """Return the options for ``host`` by name in lower case; a file that is not there says nothing.

    :raises TwostepError: ``no_session`` where the file has what paramiko does not know.
    """
    full = os.path.expanduser(path)
    if not HAS_PARAMIKO or not os.path.exists(full):
        return {}
    try:
        return dict(paramiko.SSHConfig.from_path(full).lookup(host))
    except (paramiko.SSHException, OSError, ValueError, ImportError) as error:
        raise no_session(host, f"{path} cannot be read: {error}") from None
