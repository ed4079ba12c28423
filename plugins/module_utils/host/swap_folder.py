# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for swaps and their results, by type. Their folders are `request_folder`."""

from __future__ import annotations

from ..core import swap_request
from ..core.errors import TwostepError
from ..core.swap_request import SwapRequest, SwapResult
from .paths import Paths
from .request_folder import Requests


def requests(paths: Paths) -> Requests:
    """Return the folders of swaps."""
    return Requests(paths.swaps)


def consumers_file(paths: Paths, swap_id: str) -> str:
    """Return where a warm upgrade writes down what it stops."""
    return requests(paths).path(swap_id, "consumers.json")


def write_request(paths: Paths, request: SwapRequest) -> None:
    """Make the folder of a new request."""
    requests(paths).add(request.swap_id, swap_request.render(request))


def read_request(paths: Paths, swap_id: str) -> SwapRequest:
    """Return a request, or raise `no_request` or `bad_swap_file`."""
    text, path = requests(paths).read(swap_id, "request.json"), requests(paths).path(swap_id, "request.json")
    if text is None:
        raise TwostepError("no_request", f"{path} does not exist.", "Ask for a swap with twostep.hotswap.swap.")
    request = swap_request.parse_request(text, path)
    if request.swap_id != swap_id:
        raise TwostepError("bad_swap_file", f"{path} is damaged: it names the swap {request.swap_id}.", "Remove its folder.")
    return request


def write_result(paths: Paths, result: SwapResult) -> None:
    """Write how a request ended."""
    requests(paths).put(result.swap_id, "result.json", swap_request.render(result))


def read_result(paths: Paths, swap_id: str) -> SwapResult | None:
    """Return how a request ended, None while it has not."""
    text = requests(paths).read(swap_id, "result.json")
    return None if text is None else swap_request.parse_result(text, requests(paths).path(swap_id, "result.json"))


def write_consumers(paths: Paths, swap_id: str, text: str) -> None:
    """Write down what a warm upgrade stops."""
    requests(paths).put(swap_id, "consumers.json", text)


def read_consumers(paths: Paths, swap_id: str) -> str | None:
    """Return what a warm upgrade has written down, None where it did not come that far."""
    return requests(paths).read(swap_id, "consumers.json")


def is_finished(paths: Paths, swap_id: str) -> bool:
    """Return whether a result is there, or will never be since there is no request."""
    return requests(paths).is_finished(swap_id)


def unfinished(paths: Paths, slot: str) -> SwapRequest | None:
    """Return the newest request for a slot that has no result, or None."""
    found = (read_request(paths, swap_id) for swap_id in requests(paths).unfinished())
    return next((request for request in found if request.slot == slot), None)


def prune(paths: Paths) -> None:
    """Remove the oldest finished swaps."""
    requests(paths).prune()
