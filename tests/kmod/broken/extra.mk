# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-2.0-only
# Broken releases of the family, for tests only: README.md. Staged beside a copy
# of kmod/remap (kmod/Makefile, BROKEN); never part of the artifact.
remap-broken := broken_mode.c broken_load.c broken_life.c broken_state.c \
		broken_serve.c broken_keep.c
remap-9.1.0 := $(remap-common) stats_counters.c $(remap-broken) release_9_1_0.c
remap-9.2.0 := $(remap-common) stats_counters.c release_9_2_0.c
remap-9.3.0 := $(remap-common) stats_counters.c release_9_3_0.c
remap-9.4.0 := $(remap-common) stats_counters.c release_9_4_0.c
remap-9.5.0 := $(remap-common) stats_counters.c release_9_5_0.c
remap-9.6.0 := $(remap-common) stats_counters.c release_9_6_0.c
remap-9.7.0 := $(remap-common) histogram.c tracking.c stats_tracking.c $(remap-broken) release_9_7_0.c
remap-9.8.0 := $(remap-common) stats_counters.c release_9_8_0.c
remap-9.9.0 := $(remap-common) stats_counters.c release_9_9_0.c
