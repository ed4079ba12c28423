# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-2.0-only
# Modules of the benchmarks, staged beside a copy of kmod/remap as the broken
# releases are; never part of the artifact. RELEASE is their name.
remap-plain := $(remap-common) stats_counters.c plain.c
remap-grace := grace.c

ifneq ($(filter plain grace,$(RELEASE)),)
override twostep-module := $(RELEASE)_$(if $(filter plain,$(RELEASE)),remap,periods)
override twostep-probes := BDEV_FILE BDEV_ROT F_SHOULD_MERGE ALLOC_DISK_LIMITS HRTIMER_SETUP
endif
