# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-2.0-only
# How a module of ours is built. A Kbuild file sets, before it includes this:
#
#	twostep-module := twostep		the module's name
#	twostep-sources := main.c slot.c	its source files
#	twostep-probes := HRTIMER_SETUP		the probes that its code needs
#
# Compile probes find out which interfaces the kernel has that we build for;
# version numbers are never asked. Each is compiled once, with the kernel's own
# flags; what compiles becomes TWOSTEP_HAVE_<name>.
#
# The sources are compiled as one unit, as kernel/sched/build_policy.c does it:
# a kernel's headers cost far more than our code, and hosts build at their own.

twostep-compat := $(src)/../compat
twostep-have := $(patsubst %,$(obj)/have_%.h,$(twostep-probes))

quiet_cmd_twostep_probe = PROBE   $*
      cmd_twostep_probe = if $(CC) $(LINUXINCLUDE) $(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) \
	$(KBUILD_CFLAGS_MODULE) -DKBUILD_MODNAME='"probe"' -Werror -fsyntax-only $< 2>/dev/null; \
	then echo "\#define TWOSTEP_HAVE_$* 1"; else echo "/* no $* */"; fi > $@

$(obj)/have_%.h: $(twostep-compat)/probes/%.c
	$(call cmd,twostep_probe)

quiet_cmd_twostep_unit = UNIT    $@
      cmd_twostep_unit = printf '\#include "%s"\n' $(notdir $(twostep-have) $(twostep-sources)) > $@

$(obj)/$(twostep-module)_unit.c: $(twostep-have) $(addprefix $(src)/,$(twostep-sources))
	$(call cmd,twostep_unit)

obj-m := $(twostep-module).o
$(twostep-module)-y := $(twostep-module)_unit.o
ccflags-y += -I$(src) -I$(twostep-compat) -I$(src)/../include
clean-files += have_*.h *_unit.c
