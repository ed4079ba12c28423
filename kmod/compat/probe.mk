# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-2.0-only
# Compile probes: which interfaces does the kernel we build for have?
# Each file in probes/ is compiled with the kernel's own flags; what compiles
# becomes -DTWOSTEP_HAVE_<NAME>. Kernel version numbers are never asked.

twostep-compat := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
twostep-probes := $(basename $(notdir $(wildcard $(twostep-compat)/probes/*.c)))

# MODULE must be defined: some headers differ for modules. KBUILD_MODNAME is
# wanted by linux/module.h.
twostep-probe = $(if $(filter y,$(shell $(CC) $(LINUXINCLUDE) $(KBUILD_CPPFLAGS) \
	$(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE) -DKBUILD_MODNAME='"probe"' \
	-Wno-unused-function -Werror -c -o /dev/null \
	$(twostep-compat)/probes/$(1).c >/dev/null 2>&1 && echo y)),-DTWOSTEP_HAVE_$(1))

# Kbuild reads this file also when it only cleans or runs modpost; the compiler
# is asked just when objects will be built.
ifdef CC
ccflags-y += $(foreach probe,$(twostep-probes),$(call twostep-probe,$(probe)))
endif
ccflags-y += -I$(twostep-compat) -I$(twostep-compat)/../include
