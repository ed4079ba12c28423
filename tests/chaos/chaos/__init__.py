# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on a fleet under verified I/O: what is broken when, what must hold afterwards, and whether the next run finishes the job."""
