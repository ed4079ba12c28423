# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-2.0-only
# Broken releases of the family, for tests only. Staged beside a copy of
# kmod/remap (tests/tools/stage_broken.py); never part of the artifact.
remap-9.1.0 := $(remap-common) stats_counters.c broken_serve.c release_9_1_0.c
remap-9.2.0 := $(remap-common) stats_counters.c release_9_2_0.c
remap-9.3.0 := $(remap-common) stats_counters.c release_9_3_0.c
remap-9.4.0 := $(remap-common) stats_counters.c release_9_4_0.c
remap-9.5.0 := $(remap-common) stats_counters.c release_9_5_0.c
remap-9.6.0 := $(remap-common) stats_counters.c release_9_6_0.c
