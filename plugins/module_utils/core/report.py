# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run as data: one node per slot of every host, the gates asked, the phases passed, and why it ended.

Builds from what hosts registered, through ``untrusted``; writes nothing. The format is docs/schemas/report.schema.json.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import failure_budget, gate_report, names, outcome, reload_report, roll_back, soak_report, untrusted
from .errors import TwostepError
from .fleet import MODES, VERDICTS, natural
from .plan import PENDING
from .release import VERSION

SCHEMA = "twostep.hotswap.report/1"
RESULTS = ("succeeded", "incomplete", "halted", "rolled_back", "nothing_to_do")

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
    failures, back = failure_budget.tolerated(fleet, hosts), roll_back.told(fleet, hosts)
    soaks = soak_report.by_host([untrusted.mapping(hosts.get(host)) for host in fleet])
    nodes = []
    gates = gate_report.Reader()
    for host in sorted(set(fleet), key=natural):
        registers = untrusted.mapping(hosts.get(host))
        goals = roll_back.goals(host, controller)
        nodes += _nodes(host, registers, plan, soaks, gates, goals) if modules is None else [_reloaded(host, registers, gates)]
    return {
        "schema": SCHEMA,
        "collection_version": VERSION,
        "run_id": names.identifier(run["run_id"]),
        "result": _result(intent, plan, nodes, halted, failures, back) if modules is None else _reload_result(nodes, halted),
        "reason": _reason(fleet, hosts) if halted or back else None,
        "failures": failures,
        "roll_back": back,
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


def _result(
    intent: str,
    plan: Mapping[Any, Any] | None,
    nodes: Sequence[Mapping[str, Any]],
    halted: bool,
    failures: Sequence[object],
    back: Mapping[str, Any] | None,
) -> str:
    if back is not None:
        return "halted" if halted or back["left"] else "rolled_back"
    if halted or plan is None:
        return "halted"
    if not plan["order"]:
        return "nothing_to_do"
    if failures:
        return "incomplete"
    if any(node["outcome"] not in ("upgraded", "current") for node in nodes):
        return "halted"
    return "rolled_back" if intent == "rollback" else "succeeded"


def _reload_result(nodes: Sequence[Mapping[str, Any]], halted: bool) -> str:
    outcomes = {node["outcome"] for node in nodes}
    if halted or not outcomes <= {"upgraded", "current"}:
        return "halted"
    return "succeeded" if "upgraded" in outcomes else "nothing_to_do"


def _reason(fleet: Sequence[str], hosts: Records) -> dict[str, Any]:
    """Return where and why the run halted: what the way back began with, else the first trouble that the controller or a host registered.

    Hosts whose failure the run has gone on after come last.
    """
    rolled = untrusted.mapping((roll_back.decision(hosts[CONTROLLER]) or {}).get("cause"))
    if rolled:
        told = {name: untrusted.text(rolled.get(name), 255) for name in ("host", "phase", "code")}
        return {**told, "message": untrusted.text(rolled.get("message"), untrusted.MAX_MESSAGE) or "no reason was given"}
    tolerated = [failure["host"] for failure in failure_budget.tolerated(fleet, hosts)]
    order = sorted(set(fleet), key=natural)
    order = [host for host in order if host not in tolerated] + [host for host in order if host in tolerated]
    for host in [CONTROLLER, *order]:
        for phase, name in REGISTERS:
            record = untrusted.mapping(untrusted.mapping(hosts.get(host)).get(name))
            found = untrusted.problem(record)
            if found:
                shown = None if host == CONTROLLER and host not in fleet else host
                return {"host": shown, "phase": phase, "code": failure_budget.code(record), "message": found}
    return {"host": None, "phase": None, "code": None, "message": "The run ended early; the log of the run tells where."}


def _nodes(
    host: str,
    registers: Mapping[Any, Any],
    plan: Mapping[Any, Any] | None,
    soaks: Mapping[str, Sequence[Mapping[str, Any]]],
    gates: gate_report.Reader,
    goals: Mapping[str, str],
) -> list[dict[str, Any]]:
    planned = untrusted.mapping(untrusted.mapping(plan.get("hosts") if plan else None).get(host))
    slots = untrusted.records(planned.get("slots")) or [{}]
    compat = outcome.by_slot(registers.get("__twostep_compat"))
    swaps = outcome.by_slot(registers.get("__twostep_swap"))
    commits = outcome.by_slot(registers.get("__twostep_commit"))
    earlier = [
        outcome.by_slot(told) for told in untrusted.records(registers.get("__twostep_earlier"))
    ]  # of the hops before, in their order
    nodes = []
    for step in slots:
        slot = untrusted.text(step.get("slot"), 16)
        swap, commit = swaps.get(slot or "", {}), commits.get(slot or "", {})
        before = [told[slot] for told in earlier if slot in told]
        ways_back = [outcome.by_slot(registers.get(name)).get(slot or "", {}) for name in roll_back.SWAPS]
        held = [*before, swap, *ways_back]
        is_back = slot in goals and roll_back.is_back(slot or "", goals[slot or ""], registers)
        verdict = untrusted.choice(step.get("verdict"), VERDICTS) or untrusted.choice(compat.get(slot or "", {}).get("verdict"), VERDICTS)
        node = {
            "host": host,
            "slot": slot,
            "from": _version(step.get("from")),
            "to": _version(planned.get("to")),
            "verdict": verdict or (PENDING if step else None),
            "mode": untrusted.choice(swap.get("mode"), MODES) or untrusted.choice(step.get("mode"), MODES),
            "outcome": "rolled_back" if is_back else outcome.of_slot(step, registers),
            "reason": _node_reason(step, swap, commit, registers, goals, is_back),
            "hold_ms": max(_numbers([_hold_ms(told) for told in held]), default=None),
            "held_requests": _sum(_numbers([untrusted.integer(told.get("held_requests")) for told in held])),
            "wave": untrusted.integer(planned.get("wave"), 100_000),
            "gates": gates.of_host(registers, held),
            "soak": soak_report.of_slot(soaks, host, slot),
            "phases": [phase for told in [*before, swap, commit, *ways_back] for phase in _phases(told)][:_MAX_PHASES],
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
        "reason": _node_reason({}, {}, {}, registers, {}),
        "hold_ms": None,
        "held_requests": None,
        "wave": None,
        "gates": gates.of_host(registers),
        "soak": None,
        "phases": _phases(act),
        "build": _build(registers.get("__twostep_build_parent")),
    }


def _node_reason(
    step: Mapping[Any, Any],
    swap: Mapping[Any, Any],
    commit: Mapping[Any, Any],
    registers: Mapping[Any, Any],
    goals: Mapping[str, str],
    is_back: bool = False,
) -> str | None:
    told = [commit, swap, *(untrusted.mapping(registers.get(name)) for _phase, name in REGISTERS)]
    problem = next((found for found in map(untrusted.problem, told) if found), None)
    problem = problem or failure_budget.went_along(registers) or untrusted.text(step.get("reason"))
    if is_back:
        return f"taken back to {step.get('from')}; {problem}"
    if untrusted.text(step.get("slot")) in goals:
        return f"not taken back: {roll_back.left(registers) or roll_back.NOT_YET}"
    return problem


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
    if report["failures"]:
        line += f"; failed: {failure_budget.shown(report['failures'])}"
    if report["reason"]:
        where = f" at {report['reason']['host']}" if report["reason"]["host"] else ""
        line += f"; halted{where}: {report['reason']['message']}"
    return f"{line}; {_ways_back(report['roll_back'])}" if report["roll_back"] else line


def _ways_back(back: Mapping[str, Any]) -> str:
    """Return which hosts are back where they were before the run, and which are not."""
    told = f"taken back: {', '.join(back['back']) or 'none'}"
    return f"{told}; not taken back: {failure_budget.shown(_as_failures(back['left']))}" if back["left"] else told


def _as_failures(missing: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{"host": one["host"], "message": one["reason"]} for one in missing]


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


def failure(report: Mapping[str, Any], path: str | None) -> TwostepError | None:
    """Return the failure that ends the run after its report was written, None for a run that has no reason to fail."""
    if report["result"] == "incomplete":
        cause, step = f"All waves are done, but hosts have failed: {failure_budget.shown(report['failures'])}", ""
        code = "incomplete"
    elif report["reason"] is None:
        return None
    else:
        code, cause, step = _halted(report)
    step = step or "Remove the cause and run the same playbook again; finished hosts are left alone."
    return TwostepError(
        code, f"{cause.rstrip('.')}.", f"{step} The report is {path}." if path else step, {"reason": report["reason"]}
    )  # fmt: skip


def _halted(report: Mapping[str, Any]) -> tuple[str, str, str]:
    reason = report["reason"]
    where = f" at {reason['host']}" if reason["host"] else ""
    cause, _next, step = reason["message"].partition(" Next: ")
    line = f"The run is halted{where}, later waves are untouched: {cause.rstrip('.')}"
    if report["failures"]:
        line += f". Before it hosts have failed: {failure_budget.shown(report['failures'])}"
    if report["roll_back"]:
        line += f". Then {_ways_back(report['roll_back'])}"
    return ("rolled_back" if report["result"] == "rolled_back" else "halted"), line, step
