# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: fleets of real kernels in QEMU, booted once, snapshotted and restored in seconds."""
