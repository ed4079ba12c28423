# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run as data: one node per slot of every host, the gates asked, the phases passed, and why it ended.

Builds from what hosts registered, through ``untrusted``; writes nothing. The format is docs/schemas/report.schema.json.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import gate_report, names, reload_report, soak_report, untrusted
from .errors import TwostepError
from .fleet import MODES, VERDICTS, natural
from .plan import PENDING
from .release import VERSION

SCHEMA = "twostep.hotswap.report/1"
RESULTS = ("succeeded", "halted", "rolled_back", "nothing_to_do")
OUTCOMES = ("upgraded", "current", "untouched", "uncommitted", "returned", "failed", "unknown")

# In the order of the run: the first failure found is the reason of the halt.
REGISTERS = (
    ("plan", "__twostep_plan"),
    *[("lease", f"__twostep_lease_{name}") for name in ("read", "held", "renewed", "judged")],
    ("check", "__twostep_check"),
    ("slots", "__twostep_slots"),
    ("build", "__twostep_build"),
    ("compat", "__twostep_compat"),
    ("rehearsal", "__twostep_rehearsal"),
    ("gate before the swap", "__twostep_gate_before"),
    ("swap", "__twostep_swap"),
    ("boot", "__twostep_reboot"),
    ("boot", "__twostep_boot"),
    *soak_report.REGISTERS,
    ("gate before the commit", "__twostep_gate_after"),
    ("commit", "__twostep_commit"),
    ("way back", "__twostep_back"),
    *reload_report.REGISTERS,
    ("another task", "ansible_failed_result"),
)
CONTROLLER = "localhost"
# Codes of a failed swap after which it may still run, or ran unseen.
_UNPROVED = ("still_running", "agent_died", "swap_in_progress")
_MAX_PHASES = 32

Records = Mapping[str, Mapping[str, Any]]


def build(fleet: Sequence[str], hosts: Records, intent: str, halted: bool, finished: str, io: object) -> dict[str, Any]:
    """Return the report.

    :param hosts: the variables of every host of ``fleet``, and of ``localhost`` on which inputs and plan are registered.
        Whatever a managed host put there is untrusted.
    :param intent: ``upgrade`` or ``rollback``.
    :raises TwostepError: ``no_run`` when the inputs were never checked.
    """
    controller = hosts[CONTROLLER]
    run = untrusted.mapping(controller.get("__twostep_run"))
    if not run.get("run_id"):
        raise TwostepError("no_run", "There is no run to report on: the inputs were not checked on localhost.", "Run without --limit.")
    plan, modules = _plan(controller), reload_report.modules(run)
    soaks = soak_report.by_host([untrusted.mapping(hosts.get(host)) for host in fleet])
    nodes = []
    gates = gate_report.Reader()
    for host in sorted(set(fleet), key=natural):
        registers = untrusted.mapping(hosts.get(host))
        nodes += _nodes(host, registers, plan, soaks, gates) if modules is None else [_reloaded(host, registers, gates)]
    return {
        "schema": SCHEMA,
        "collection_version": VERSION,
        "run_id": names.identifier(run["run_id"]),
        "result": _result(intent, plan, nodes, halted) if modules is None else _reload_result(nodes, halted),
        "reason": _reason(fleet, hosts) if halted else None,
        "family": names.family(run["family"]) if modules is None else None,
        "version": names.version(run["version"]) if modules is None else None,
        "modules": modules,
        "digest": untrusted.text(plan.get("digest"), 64) if plan else None,
        "started": untrusted.text(run["started"], 32),
        "finished": finished,
        "nodes": nodes,
        "io": _io(io),
    }


def _plan(controller: Mapping[str, Any]) -> Mapping[Any, Any] | None:
    """Return the newest plan that was made: the one checked after the build, else the first one."""
    for name in ("__twostep_check", "__twostep_plan"):
        plan = untrusted.mapping(controller.get(name))
        if plan.get("order") is not None:
            return plan
    return None


def _result(intent: str, plan: Mapping[Any, Any] | None, nodes: Sequence[Mapping[str, Any]], halted: bool) -> str:
    if halted or plan is None:
        return "halted"
    if not plan["order"]:
        return "nothing_to_do"
    if any(node["outcome"] not in ("upgraded", "current") for node in nodes):
        return "halted"
    return "rolled_back" if intent == "rollback" else "succeeded"


def _reload_result(nodes: Sequence[Mapping[str, Any]], halted: bool) -> str:
    outcomes = {node["outcome"] for node in nodes}
    if halted or not outcomes <= {"upgraded", "current"}:
        return "halted"
    return "succeeded" if "upgraded" in outcomes else "nothing_to_do"


def _reason(fleet: Sequence[str], hosts: Records) -> dict[str, Any]:
    """Return where and why the run halted: the first trouble that the controller or a host registered."""
    for host in [CONTROLLER, *sorted(set(fleet), key=natural)]:
        for phase, name in REGISTERS:
            record = untrusted.mapping(untrusted.mapping(hosts.get(host)).get(name))
            found = untrusted.problem(record)
            if found:
                shown = None if host == CONTROLLER and host not in fleet else host
                return {"host": shown, "phase": phase, "code": _code(record), "message": found}
    return {"host": None, "phase": None, "code": None, "message": "The run ended early; the log of the run tells where."}


def _code(record: Mapping[Any, Any]) -> str | None:
    if record.get("unreachable"):
        return "unreachable"
    for item in [record, *untrusted.records(record.get("results"))]:
        code = untrusted.text(item.get("code"), 64)
        if code:
            return code
        if item.get("unreachable"):
            return "unreachable"
    return None


def _nodes(
    host: str,
    registers: Mapping[Any, Any],
    plan: Mapping[Any, Any] | None,
    soaks: Mapping[str, Sequence[Mapping[str, Any]]],
    gates: gate_report.Reader,
) -> list[dict[str, Any]]:
    planned = untrusted.mapping(untrusted.mapping(plan.get("hosts") if plan else None).get(host))
    slots = untrusted.records(planned.get("slots")) or [{}]
    compat = _by_slot(registers.get("__twostep_compat"))
    swaps = _by_slot(registers.get("__twostep_swap"))
    commits = _by_slot(registers.get("__twostep_commit"))
    backs = _by_slot(registers.get("__twostep_back"))
    boots = _by_slot(registers.get("__twostep_boot"))
    earlier = [_by_slot(told) for told in untrusted.records(registers.get("__twostep_earlier"))]  # of the hops before, in their order
    nodes = []
    for step in slots:
        slot = untrusted.text(step.get("slot"), 16)
        swap, commit = swaps.get(slot or "", {}), commits.get(slot or "", {})
        before = [told[slot] for told in earlier if slot in told]
        verdict = untrusted.choice(step.get("verdict"), VERDICTS) or untrusted.choice(compat.get(slot or "", {}).get("verdict"), VERDICTS)
        node = {
            "host": host,
            "slot": slot,
            "from": _version(step.get("from")),
            "to": _version(planned.get("to")),
            "verdict": verdict or (PENDING if step else None),
            "mode": untrusted.choice(swap.get("mode"), MODES) or untrusted.choice(step.get("mode"), MODES),
            "outcome": _outcome(step, registers, swap, boots.get(slot or "", {}), commit, backs.get(slot or "", {})),
            "reason": _node_reason(step, swap, commit, registers),
            "hold_ms": max(_numbers([_hold_ms(told) for told in [*before, swap]]), default=None),
            "held_requests": _sum(_numbers([untrusted.integer(told.get("held_requests")) for told in [*before, swap]])),
            "wave": untrusted.integer(planned.get("wave"), 100_000),
            "gates": gates.of_host(registers, [*before, swap]),
            "soak": soak_report.of_slot(soaks, host, slot),
            "phases": [phase for told in [*before, swap, commit] for phase in _phases(told)][:_MAX_PHASES],
            "build": _build(registers.get("__twostep_build")),
        }
        nodes.append(node)
    return nodes


def _reloaded(host: str, registers: Mapping[Any, Any], gates: gate_report.Reader) -> dict[str, Any]:
    """Return the node of a host whose modules were to be replaced; it is about no slot."""
    mode, (before, after) = reload_report.mode(registers), reload_report.versions(registers)
    act = untrusted.mapping(registers.get("__twostep_reload"))
    return {
        "host": host,
        "slot": None,
        "from": before,
        "to": after,
        "verdict": mode or "current",
        "mode": mode,
        "outcome": reload_report.outcome(registers),
        "reason": _node_reason({}, {}, {}, registers),
        "hold_ms": None,
        "held_requests": None,
        "wave": None,
        "gates": gates.of_host(registers),
        "soak": None,
        "phases": _phases(act),
        "build": _build(registers.get("__twostep_build_parent")),
    }


def _by_slot(result: object) -> dict[str, Mapping[Any, Any]]:
    found = {}
    for record in untrusted.records(untrusted.mapping(result).get("results")):
        item = record.get("item")
        if isinstance(item, Mapping) and "item" in item:
            item = item["item"]  # of a loop over the results of a loop
        slot = untrusted.text(item.get("slot") if isinstance(item, Mapping) else item, 16)
        if slot:
            found[slot] = record
    return found


def _outcome(
    step: Mapping[Any, Any],
    registers: Mapping[Any, Any],
    swap: Mapping[Any, Any],
    boot: Mapping[Any, Any],
    commit: Mapping[Any, Any],
    back: Mapping[Any, Any],
) -> str:
    """Return what stands on the slot as far as this run has proof of it; without proof it is ``unknown``."""
    if not step:
        return "unknown" if untrusted.problem(untrusted.mapping(registers.get("__twostep_slots"))) else "untouched"
    if step.get("act") == "none":
        return "current"
    ran = [untrusted.mapping(registers.get(name)) for name in ("__twostep_swap", "__twostep_boot", "__twostep_commit", "__twostep_reboot")]
    if any(record.get("unreachable") or record.get("timedout") for record in [swap, boot, commit, back, *ran]):
        return "unknown"
    if not swap or swap.get("skipped"):
        return "failed" if untrusted.problem(ran[0]) else "untouched"
    if swap.get("failed"):
        if swap.get("code") in _UNPROVED:
            return "unknown"
        return {"returned": "returned", "refused": "untouched"}.get(str(swap.get("outcome")), "failed")
    if "returned" in (boot.get("code"), commit.get("code")) or (back and not back.get("failed") and not back.get("skipped")):
        return "returned"
    if swap.get("outcome") == "armed" and not boot:
        return "unknown" if ran[3].get("failed") else "uncommitted"
    if commit and not commit.get("failed") and not commit.get("skipped"):
        return "upgraded"
    if commit.get("code") == "stale_generation":
        return "unknown"  # something else has served since the gate
    return "uncommitted"


def _node_reason(step: Mapping[Any, Any], swap: Mapping[Any, Any], commit: Mapping[Any, Any], registers: Mapping[Any, Any]) -> str | None:
    for record in (commit, swap, *(untrusted.mapping(registers.get(name)) for _phase, name in REGISTERS)):
        problem = untrusted.problem(record)
        if problem:
            return problem
    return untrusted.text(step.get("reason"))


def _version(value: object) -> str | None:
    try:
        return names.version(value)
    except TwostepError:
        return None


def _hold_ms(swap: Mapping[Any, Any]) -> float | None:
    milliseconds = untrusted.number(swap.get("hold_ms"))
    return None if milliseconds is None else round(milliseconds, 3)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _sum(values: Sequence[float]) -> int | None:
    return int(sum(values)) if values else None


def _ms(nanoseconds: object) -> float | None:
    value = untrusted.number(nanoseconds)
    return None if value is None else round(value / 1e6, 3)


def _phases(result: Mapping[Any, Any]) -> list[dict[str, Any]]:
    phases = []
    for record in untrusted.records(result.get("phases"), _MAX_PHASES):
        name = untrusted.text(record.get("phase"), 32)
        if name:
            phases.append(
                {
                    "phase": name,
                    "event": untrusted.choice(record.get("event"), ("begin", "end", "fail")),
                    "at": untrusted.text(record.get("at"), 32),
                    "duration_ms": _ms(record.get("duration_ns")),
                }
            )
    return phases


def _build(result: object) -> dict[str, Any] | None:
    """Return where the host's module comes from and how long that took, so that both ways can be compared; None if nothing was done."""
    record = untrusted.mapping(result)
    steps = untrusted.records(record.get("steps"))
    actions = [step.get("action") for step in steps]
    if "build" not in actions and "place" not in actions:
        return None
    taken = [entry for entry in untrusted.records(record.get("binaries")) if entry.get("taken")] if "place" in actions else []
    return {
        "how": "shipped" if taken else "here",
        "seconds": round(sum(untrusted.number(step.get("seconds")) or 0.0 for step in steps), 3),
        "built_on": untrusted.text(taken[0].get("built_on"), 64) if taken else None,
        "build_seconds": untrusted.number(taken[0].get("build_seconds")) if taken else None,
    }


def _io(value: object) -> dict[str, Any]:
    watched = untrusted.mapping(value)
    return {
        "errors": untrusted.integer(watched.get("errors")),
        "verify_errors": untrusted.integer(watched.get("verify_errors")),
        "max_latency_ms": untrusted.number(watched.get("max_latency_ms")),
    }


def headline(report: Mapping[str, Any]) -> str:
    """Return one line that says how the run ended."""
    worked = sum(node["outcome"] == "upgraded" for node in report["nodes"])
    line = f"{report['result']}: {worked} of {len(report['nodes'])} {_what(report)} in this run"
    if report["reason"]:
        where = f" at {report['reason']['host']}" if report["reason"]["host"] else ""
        return f"{line}; halted{where}: {report['reason']['message']}"
    return line


def _what(report: Mapping[str, Any], went: str = "went") -> str:
    if report["modules"] is not None:
        return f"hosts {went} to the installed {', '.join(report['modules'])}"
    return f"slots of family {report['family']} {went} to {report['version']}"


def checked(report: Mapping[str, Any]) -> str:
    """Return one line for check mode: what would be done, which is no result of a run."""
    work = [node for node in report["nodes"] if node["outcome"] != "current"]
    pending = sum(node["verdict"] == PENDING for node in work)
    line = f"check mode: {len(work)} of {len(report['nodes'])} {_what(report, 'would go')}"
    return f"{line}; {pending} not built yet, verdict after the build" if pending else line


def halted(report: Mapping[str, Any], path: str | None) -> TwostepError:
    """Return the failure that ends the run after its report was written."""
    reason = report["reason"]
    where = f" at {reason['host']}" if reason["host"] else ""
    cause, _next, step = reason["message"].partition(" Next: ")
    step = step or "Remove the cause and run the same playbook again; finished hosts are left alone."
    return TwostepError(
        "halted",
        f"The run is halted{where}, later waves are untouched: {cause.rstrip('.')}.",
        f"{step} The report is {path}." if path else step,
        {"reason": reason},
    )
