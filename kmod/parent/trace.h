/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twostep parent: tracepoints.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM twostep

#if !defined(_TWOSTEP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TWOSTEP_TRACE_H

#include <linux/tracepoint.h>

/* In the order of enum twostep_phase. */
#define twostep_show_phase(phase)						\
	__print_symbolic(phase, { 0, "prepare" }, { 1, "quiesce" }, { 2, "drain" },	\
			 { 3, "abandon" }, { 4, "adopt" }, { 5, "release" },	\
			 { 6, "hold" }, { 7, "return_hold" })

TRACE_EVENT(twostep_phase,
	    TP_PROTO(const char *slot, unsigned int phase, u64 duration_ns),
	    TP_ARGS(slot, phase, duration_ns),
	    TP_STRUCT__entry(__array(char, slot, 17)
			     __field(unsigned int, phase)
			     __field(u64, duration_ns)),
	    TP_fast_assign(strscpy(__entry->slot, slot, sizeof(__entry->slot));
			   __entry->phase = phase;
			   __entry->duration_ns = duration_ns;),
	    TP_printk("slot=%s phase=%s duration_ns=%llu", __entry->slot,
		      twostep_show_phase(__entry->phase), __entry->duration_ns)
);

TRACE_EVENT(twostep_transition,
	    TP_PROTO(const char *slot, const char *state, const char *version, u64 generation,
		     const char *reason),
	    TP_ARGS(slot, state, version, generation, reason),
	    TP_STRUCT__entry(__array(char, slot, 17)
			     __array(char, state, 10)
			     __array(char, version, 18)
			     __field(u64, generation)
			     __array(char, reason, 160)),
	    TP_fast_assign(strscpy(__entry->slot, slot, sizeof(__entry->slot));
			   strscpy(__entry->state, state, sizeof(__entry->state));
			   strscpy(__entry->version, version, sizeof(__entry->version));
			   __entry->generation = generation;
			   strscpy(__entry->reason, reason, sizeof(__entry->reason));),
	    TP_printk("slot=%s state=%s version=%s generation=%llu reason=\"%s\"",
		      __entry->slot, __entry->state, __entry->version, __entry->generation,
		      __entry->reason)
);

#endif /* _TWOSTEP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
