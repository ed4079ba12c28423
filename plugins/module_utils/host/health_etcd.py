# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks etcd for its members, their health and its alarms, by ``etcdctl`` of 3.4 or newer."""

from __future__ import annotations

from ..core import health_etcd
from .health_probe import Question, Sample, World

SUBJECT = "quorum"
_FILES = ("cacert", "cert", "key")
# A member that is down costs `endpoint status` a whole wait; with a quarter of the time three may be down before nothing is told.
_WAITS = 4


def sample(question: Question, world: World) -> list[Sample]:
    settings = question.settings.get("etcd") or {}
    start = ["etcdctl", "--write-out=json", f"--command-timeout={int(world.timeout_s * 1000 / _WAITS)}ms"]
    if settings.get("endpoints"):
        start.append("--endpoints=" + ",".join(settings["endpoints"]))
    start += [f"--{name}={settings[name]}" for name in _FILES if settings.get(name)]

    def told(*words: str) -> str:
        return world.run([*start, *words], timeout_s=world.timeout_s).stdout

    snapshot = health_etcd.Snapshot(
        members=told("member", "list"),
        health=told("endpoint", "health", "--cluster"),
        status=told("endpoint", "status", "--cluster"),
        alarms=told("alarm", "list"),
    )
    return [Sample(SUBJECT, health_etcd.judge(snapshot, question.stall_seconds), health_etcd.evidence(snapshot))]
