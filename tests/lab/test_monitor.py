# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the monitor prints is understood, or refused."""

from __future__ import annotations

import pytest

from lab import monitor

USERNET = """Hub -1 (lab):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   19       127.0.0.1 40001       10.0.2.15    22     0     0
  TCP[HOST_FORWARD]  12       127.0.0.1 41234       10.0.2.15    22     0     0
"""


def test_the_port_is_the_forwarding_one() -> None:
    assert monitor.forwarded_port(USERNET) == 41234


def test_no_forwarding_is_an_error() -> None:
    with pytest.raises(SystemExit, match=r"does not forward a port for ssh.*Next: "):
        monitor.forwarded_port(USERNET.replace("HOST_FORWARD", "SYN_SENT"))


def test_a_machine_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SystemExit, match=r"does not run.*Next: "):
        monitor.line("/nonexistent/n1.qmp", "info status")
