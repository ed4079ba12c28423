# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Consul's autopilot for its health, over HTTP."""

from __future__ import annotations

from typing import Callable

from ..core import health_consul
from ..core.errors import TwostepError
from . import http
from .health_probe import Question, Sample, World
from .sysfs import read

SUBJECT = "quorum"
ADDRESS = "http://127.0.0.1:8500"
_PATH = "/v1/operator/autopilot/health"


def sample(question: Question, world: World, fetch: Callable[..., tuple[int, str]] = http.fetch) -> list[Sample]:
    settings = question.settings.get("consul") or {}
    headers = {}
    if settings.get("token_file"):
        headers["X-Consul-Token"] = _token(world.paths.at(settings["token_file"]))
    address = (settings.get("address") or ADDRESS).rstrip("/")
    status, body = fetch(address + _PATH, headers, world.timeout_s, settings.get("cacert"))
    finding = health_consul.judge(status, body, question.stall_seconds)
    return [Sample(SUBJECT, finding, health_consul.evidence(status, body))]


def _token(path: str) -> str:
    token = read(path)
    if not token:
        raise TwostepError("unreadable_answer", f"There is no token in {path}.", "Give a file that root can read and that holds the token.")
    return token
