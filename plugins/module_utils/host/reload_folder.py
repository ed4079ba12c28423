# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for reloads and their results, by type. Their folders are `request_folder`."""

from __future__ import annotations

from ..core import reload_request
from ..core.errors import TwostepError
from ..core.reload_request import ReloadRequest, ReloadResult
from .paths import Paths
from .request_folder import Requests


def requests(paths: Paths) -> Requests:
    """Return the folders of reloads."""
    return Requests(paths.reloads)


def write_request(paths: Paths, request: ReloadRequest) -> None:
    """Make the folder of a new request."""
    requests(paths).add(request.reload_id, reload_request.render(request))


def read_request(paths: Paths, reload_id: str) -> ReloadRequest:
    """Return a request, or raise `no_request` or `bad_reload_file`."""
    text, path = requests(paths).read(reload_id, "request.json"), requests(paths).path(reload_id, "request.json")
    if text is None:
        raise TwostepError("no_request", f"{path} does not exist.", "Ask for a reload with twostep.hotswap.reload.")
    request = reload_request.parse_request(text, path)
    if request.reload_id != reload_id:
        raise reload_request.damaged(path)
    return request


def write_result(paths: Paths, result: ReloadResult) -> None:
    """Write how a request ended."""
    requests(paths).put(result.reload_id, "result.json", reload_request.render(result))


def read_result(paths: Paths, reload_id: str) -> ReloadResult | None:
    """Return how a request ended, None while it has not."""
    text = requests(paths).read(reload_id, "result.json")
    return None if text is None else reload_request.parse_result(text, requests(paths).path(reload_id, "result.json"))


def unfinished(paths: Paths) -> ReloadRequest | None:
    """Return the newest request that has no result, or None."""
    return next((read_request(paths, reload_id) for reload_id in requests(paths).unfinished()), None)
