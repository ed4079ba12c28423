# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-2.0-only
# Compile probes: which interfaces does the kernel we build for have? Version
# numbers are never asked. A Kbuild file says which probes its code needs:
#
#	twostep-probes := BDEV_FILE
#	twostep-objects := lower.o
#	include $(src)/../compat/probe.mk
#
# Each probe is compiled once, with the kernel's own flags; what compiles
# becomes TWOSTEP_HAVE_<name> in a header that is included in all objects.

twostep-compat := $(src)/../compat
twostep-have := $(patsubst %,$(obj)/have_%.h,$(twostep-probes))

quiet_cmd_twostep_probe = PROBE   $*
      cmd_twostep_probe = if $(CC) $(LINUXINCLUDE) $(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) \
	$(KBUILD_CFLAGS_MODULE) -DKBUILD_MODNAME='"probe"' -Werror -fsyntax-only $< 2>/dev/null; \
	then echo "\#define TWOSTEP_HAVE_$* 1"; else echo "/* no $* */"; fi > $@

$(obj)/have_%.h: $(twostep-compat)/probes/%.c
	$(call cmd,twostep_probe)

$(addprefix $(obj)/,$(twostep-objects)): $(twostep-have)

ccflags-y += $(addprefix -include ,$(twostep-have)) -I$(twostep-compat) -I$(src)/../include
clean-files += have_*.h
