# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of one host: a table of truth for each code, and what no amount of trouble may do."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import soak
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.evidence import Io, SlotEvidence, Snapshot, Traffic
from ansible_collections.twostep.hotswap.plugins.module_utils.core.kernel_log import MAX_REPORTS, Log, Report
from ansible_collections.twostep.hotswap.plugins.module_utils.core.soak import Baseline, Bounds

BOUNDS = Bounds()
NO_TRAFFIC = Traffic()


def io(reads: int = 0, read_ms: int = 0, in_flight: int = 0, **kinds: Traffic) -> Io:
    return Io(Traffic(reads, read_ms), **{kind: kinds.get(kind, NO_TRAFFIC) for kind in ("write", "discard", "flush")}, in_flight=in_flight)


def look(uptime_s: float, counted: Io | None, generation: int = 1, *reports: Report, **changes: object) -> Snapshot:
    slot = SlotEvidence("data", "serving", "1.0.0", generation, "none", "ok", "ok", 0, 0, 0, counted)
    return Snapshot("boot", uptime_s, (replace(slot, **changes),), Log(0, 100 + int(uptime_s), True, tuple(reports)))


# 1000 reads of 1 ms before the swap, 1000 of 1 ms after it.
EARLY = look(0, io(0, 0))
BEFORE = look(100, io(1000, 1000))
BASE = Baseline(BEFORE, EARLY)
START = look(110, io(1100, 1600), 2)
NOW = look(200, io(2100, 2600), 2)


def changed(base: Snapshot = NOW, **changes: object) -> Snapshot:
    return replace(base, slots=(replace(base.slots[0], **changes),))


def logged(*reports: Report, first_seq: int = 0, complete: bool = True, base: Snapshot = NOW) -> Snapshot:
    assert base.log is not None
    return replace(base, log=Log(first_seq, base.log.next_seq, complete, reports))


def codes(
    now: Snapshot, start: Snapshot | None = START, base: Baseline = BASE, bounds: Bounds = BOUNDS, restarted: bool = False
) -> list[str]:
    return [finding.code for finding in soak.judge(base, start, now, bounds, restarted)]


def test_a_host_that_is_as_it_was() -> None:
    assert codes(NOW) == []
    assert codes(START, None) == []
    assert soak.verdict([], strict=True) == "ok"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (replace(NOW, boot_id="other"), "rebooted"),
        (replace(NOW, slots=()), "slot_gone"),
        (changed(state="held"), "not_serving"),
        (changed(state="failed"), "not_serving"),
        (changed(health="not_ok -5"), "unhealthy"),
        (changed(health="unknown"), None),
        (changed(health=None), None),
        (changed(probation="watching"), None),
        (changed(probation="alarmed"), "returned"),
        (changed(generation=3, last_result="returned"), "returned"),
        (changed(last_result="returned"), None),  # of a swap before the one that is judged
        (changed(generation=3), "generation_moved"),
        (changed(generation=1), "generation_moved"),
        (changed(child_errors=1), "errors_up"),
        (changed(refused_ends=1), "errors_up"),
        (changed(probation_failures=1), "errors_up"),
        (changed(child_errors=None), None),
    ],
)
def test_who_serves_and_what_has_failed(now: Snapshot, expected: str | None) -> None:
    found = codes(now)
    assert (expected in found) if expected else found == []
    if expected:
        assert soak.verdict(soak.judge(BASE, START, now, BOUNDS), strict=False) == "not_ok"


@pytest.mark.parametrize(
    ("was", "is_", "expected"),
    [
        ({"child_errors": 5}, {"child_errors": 5}, []),
        ({"child_errors": 5}, {"child_errors": 6}, ["errors_up"]),
        ({"child_errors": 5}, {"child_errors": 0}, []),  # the new child counts from 0
        ({"child_errors": 5}, {"child_errors": 2}, ["errors_up"]),
        ({"child_errors": None}, {"child_errors": 0}, []),
        ({"child_errors": None}, {"child_errors": 1}, ["errors_up"]),
        ({"refused_ends": 3}, {"refused_ends": 3}, []),
        ({"probation_failures": 3}, {"probation_failures": 0}, []),
        ({"probation_failures": 3}, {"probation_failures": 1}, ["errors_up"]),  # of this probation, the others were of one before
        # What an earlier run has left in its probation is judged by all that it has failed in there.
        ({"probation_failures": 3, "probation": "watching", "generation": 2}, {"probation_failures": 3}, ["errors_up"]),
        ({"child_errors": 5}, {"child_errors": 4, "generation": 1}, ["generation_moved", "counter_reset"]),
    ],
)
def test_only_what_has_grown_counts(was: dict, is_: dict, expected: list) -> None:
    base = Baseline(changed(BEFORE, **was), EARLY)
    assert [code for code in codes(changed(NOW, **is_), base=base) if code != "no_baseline"] == expected


def test_what_begins_anew_counts_whole() -> None:
    """Three failures in this probation are three, whatever the one before had; and so are those since the slot was taken down."""
    base = Baseline(changed(BEFORE, probation_failures=1), EARLY)
    assert codes(changed(NOW, probation_failures=3), base=base, bounds=replace(BOUNDS, max_errors=2)) == ["errors_up"]
    base = Baseline(changed(BEFORE, child_errors=5), EARLY)
    assert "errors_up" in codes(changed(NOW, child_errors=5), base=base, restarted=True)


@pytest.mark.parametrize(("most", "errors", "expected"), [(0, 1, True), (2, 2, False), (2, 3, True)])
def test_the_bound_of_errors(most: int, errors: int, expected: bool) -> None:
    now = changed(child_errors=errors - 1, refused_ends=1)
    found = soak.judge(BASE, START, now, replace(BOUNDS, max_errors=most))
    assert [finding.code for finding in found] == (["errors_up"] if expected else [])
    if expected:
        assert found[0].message == f"Slot data has failed {errors} requests since the swap."
        assert "refused_ends +1" in found[0].evidence


OLD, OOPS, USB = Report(150, True, "Oops"), Report(201, True, "Oops: 0002"), Report(202, False, "usb 1-1: error -71")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (logged(OLD), []),
        (logged(OOPS), ["log_reports"]),
        (logged(USB), ["log_reports"]),
        (logged(OLD, OOPS, USB), ["log_reports"]),
        (logged(first_seq=200), []),
        (logged(first_seq=201), ["log_gap"]),
        (logged(complete=False), ["log_gap"]),
        (logged(OOPS, first_seq=201), ["log_gap", "log_reports"]),
        (replace(NOW, log=None), ["log_unknown"]),
        (replace(NOW, log=Log(0, 199, True)), ["counter_reset"]),
    ],
)
def test_what_the_kernel_has_reported(now: Snapshot, expected: list) -> None:
    assert codes(now) == expected


def test_the_first_reports_are_shown_defects_first() -> None:
    (found,) = soak.judge(BASE, START, logged(Report(201, False, "a"), Report(202, False, "b"), Report(203, True, "c"), USB), BOUNDS)
    assert found.message == "The kernel has reported 1 defects and 3 other errors."
    assert found.evidence == ("c", "a", "b")


@pytest.mark.parametrize(
    ("reports", "most", "expected"),
    [(2, 0, []), (3, 0, ["log_reports"]), (3, 1, []), (MAX_REPORTS - 1, 1000, []), (MAX_REPORTS, 1000, ["log_reports"])],
)
def test_a_host_may_report_what_it_used_to_but_no_defect(reports: int, most: int, expected: list) -> None:
    """It had 2 errors and 5 defects in 100 s before; until now 100 more have gone."""
    used = [Report(150 + number, False, "link down") for number in range(2)] + [Report(160 + number, True, "BUG:") for number in range(5)]
    base = Baseline(logged(*used, base=BEFORE), EARLY)
    now = logged(*used, *(Report(210 + number, False, "link down") for number in range(reports)))
    bounds = replace(BOUNDS, max_reports=most)
    assert codes(now, base=base, bounds=bounds) == expected
    assert codes(logged(*used, *(Report(210 + number, True, "BUG:") for number in range(most + 1))), base=base, bounds=bounds) == [
        "log_reports"
    ]


@pytest.mark.parametrize(
    ("ms", "count", "expected"),
    [
        (1000, 1000, []),
        (5000, 1000, []),  # 5 times what it was
        (5001, 1000, ["latency_up"]),
        (99_000, 99, ["no_io"]),
        (99_000, 100, ["latency_up"]),
        (0, 0, ["no_io"]),
    ],
)
def test_latency_is_compared_with_the_hosts_own(ms: int, count: int, expected: list) -> None:
    assert codes(changed(io=io(1100 + count, 1600 + ms))) == expected


def test_the_figures_are_told() -> None:
    (found,) = soak.judge(BASE, START, changed(io=io(1200, 1600 + 900)), BOUNDS)
    assert found.message == "A read of slot data takes 9.000 ms on average, before the swap 1.000 ms."
    assert found.evidence == ("100 requests, mean 9.000 ms", "before 1000 requests, mean 1.000 ms")


def test_below_the_floor_nothing_is_worse() -> None:
    base = Baseline(changed(BEFORE, io=io(1000, 10)), EARLY)
    now = changed(io=io(2100, 1600 + 5000))
    assert codes(now, base=base) == []
    assert codes(now, base=base, bounds=replace(BOUNDS, latency_floor_ms=4.0)) == ["latency_up"]


def test_the_hold_is_in_neither_window() -> None:
    """Requests waited for 10 s between the last look before and the first one after the swap."""
    start = changed(START, io=io(1100, 1_000_000))
    assert codes(changed(io=io(2100, 1_001_000)), start) == []


def test_kinds_are_not_mixed() -> None:
    base = Baseline(changed(BEFORE, io=io(1000, 1000, write=Traffic(1000, 20_000))), EARLY)
    writes_only = changed(io=io(1100, 1600, write=Traffic(1000, 20_000)))
    assert codes(writes_only, changed(START, io=io(1100, 1600)), base) == []
    slow_reads = changed(io=io(1200, 2600, write=Traffic(1000, 20_000)))
    assert codes(slow_reads, changed(START, io=io(1100, 1600)), base) == ["latency_up"]


@pytest.mark.parametrize(
    "base",
    [
        Baseline(BEFORE),
        Baseline(BEFORE, replace(EARLY, boot_id="other")),
        Baseline(BEFORE, replace(EARLY, slots=())),
        Baseline(BEFORE, changed(EARLY, io=None)),
        Baseline(BEFORE, changed(EARLY, generation=0)),
        Baseline(BEFORE, changed(EARLY, io=io(901, 0))),
        Baseline(BEFORE, changed(EARLY, io=io(2000, 0))),
        Baseline(changed(BEFORE, io=None), EARLY),
    ],
)
def test_without_a_time_before_the_swap_latency_is_unknown(base: Baseline) -> None:
    found = soak.judge(base, START, changed(io=io(2100, 1_000_000)), BOUNDS)
    assert [finding.code for finding in found] == ["no_baseline"]
    assert (soak.verdict(found, strict=False), soak.verdict(found, strict=True)) == ("ok", "unknown")


def test_a_slot_that_was_swapped_by_another_run_has_no_time_before() -> None:
    base = Baseline(changed(BEFORE, generation=2), changed(EARLY, generation=2))
    assert codes(changed(io=io(2100, 1_000_000)), base=base) == ["no_baseline"]


@pytest.mark.parametrize(
    ("then", "now", "bounds", "expected"),
    [
        (io(1100, 1600, 3), io(1100, 1600, 3), BOUNDS, ["stalled", "no_io"]),
        (io(1100, 1600, 3), io(1101, 1600, 3), BOUNDS, ["no_io"]),
        (io(1100, 1600, 0), io(1100, 1600, 3), BOUNDS, ["no_io"]),  # it may just have come
        (io(1100, 1600, 3), io(1100, 1600, 0), BOUNDS, ["no_io"]),
        (io(1100, 1600, 3), io(1100, 1600, 3), Bounds(stall_s=91), ["no_io"]),
        (io(1100, 1600), None, BOUNDS, ["io_unknown"]),
        (None, io(1100, 1600), BOUNDS, ["io_unknown"]),
        (io(1100, 1600), io(1099, 1600), BOUNDS, ["counter_reset"]),
        (io(1100, 1600), io(1100, 1599), BOUNDS, ["counter_reset"]),
    ],
)
def test_requests_that_do_not_end_and_disks_that_do_not_count(then: Io | None, now: Io | None, bounds: Bounds, expected: list) -> None:
    assert codes(changed(io=now), changed(START, io=then), bounds=bounds) == expected


def test_right_after_the_swap_a_disk_must_be_the_same_one() -> None:
    assert codes(changed(START, io=io(999, 1000)), None) == ["counter_reset"]
    assert codes(changed(START, io=io(999, 1000)), None, restarted=True) == []


def test_a_host_that_was_booted_by_the_upgrade() -> None:
    start = replace(
        changed(START, io=io(), generation=1), boot_id="second", uptime_s=30.0, log=Log(0, 50, True, (Report(5, False, "ACPI"),))
    )
    now = replace(
        changed(NOW, io=io(500, 500), generation=1), boot_id="second", uptime_s=90.0, log=Log(0, 60, True, (Report(5, False, "ACPI"),))
    )
    assert codes(start, None, restarted=True) == []
    assert codes(now, start, restarted=True) == []
    assert codes(start, None) == ["rebooted", "counter_reset"]
    assert codes(replace(now, boot_id="third"), start, restarted=True)[0] == "rebooted"
    assert codes(replace(start, log=Log(0, 50, True, (Report(5, True, "Oops"),))), None, restarted=True) == ["log_reports"]
    assert codes(replace(now, log=Log(0, 60, True, (Report(55, False, "error"),))), start, restarted=True) == ["log_reports"]
    assert codes(changed(now, child_errors=1), start, restarted=True) == ["errors_up"]


def test_what_a_warm_upgrade_makes_the_kernel_say_is_no_error_but_a_defect_is_one() -> None:
    leg = Report(203, False, "md/raid1:md0: Disk failure on twostep!data, disabling device.")
    start = logged(leg, base=START)  # whose log ends before 210
    assert codes(start, None, restarted=True) == []
    assert codes(logged(leg), start, restarted=True) == []
    assert codes(logged(leg, Report(250, False, "error")), start, restarted=True) == ["log_reports"]
    assert codes(logged(leg, OOPS, base=START), None, restarted=True) == ["log_reports"]
    assert codes(start, None) == ["log_reports"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_errors", -1), ("max_reports", -1), ("latency_factor", 0.9), ("latency_factor", math.nan), ("latency_factor", math.inf),
     ("latency_floor_ms", -0.1), ("min_requests", -1), ("stall_s", math.nan)],
)  # fmt: skip
def test_bounds_that_are_none(name: str, value: float) -> None:
    with pytest.raises(TwostepError) as caught:
        replace(BOUNDS, **{name: value}).check()
    assert caught.value.code == "bad_soak"
    assert caught.value.next_step == f"Correct twostep_soak_{name}."
    assert BOUNDS.check() is BOUNDS


COUNT = st.integers(0, 2**63 - 1)
SMALL = st.integers(0, 3000)
TRAFFIC = st.builds(Traffic, COUNT | SMALL, COUNT | SMALL)
SLOT = st.builds(
    SlotEvidence, st.just("data"), st.sampled_from(["serving", "held"]), st.none(), st.integers(0, 4),
    st.sampled_from(["none", "alarmed"]), st.none() | st.just("not_ok -5"), st.sampled_from(["ok", "returned"]),
    st.none() | COUNT | SMALL, COUNT | SMALL, COUNT | SMALL, st.none() | st.builds(Io, TRAFFIC, TRAFFIC, TRAFFIC, TRAFFIC, COUNT | SMALL),
)  # fmt: skip
REPORTS = st.lists(st.builds(Report, st.integers(0, 400), st.booleans(), st.just("x")), max_size=MAX_REPORTS).map(tuple)
LOG = st.builds(Log, st.integers(0, 200), st.integers(200, 400), st.booleans(), REPORTS)
LOOK = st.builds(Snapshot, st.sampled_from(["boot", "other"]), st.floats(0, 1e10), st.lists(SLOT, max_size=1).map(tuple), st.none() | LOG)
ANY_BOUNDS = st.builds(
    Bounds, SMALL, SMALL, st.floats(1, 1e6), st.floats(0, 1e6), SMALL, st.floats(0, 1e6), st.booleans()
)  # fmt: skip


@given(LOOK, st.none() | LOOK, st.none() | LOOK, LOOK, ANY_BOUNDS, st.booleans())
def test_nothing_that_a_host_says_raises(before, early, start, now, bounds, restarted) -> None:
    for finding in soak.judge(Baseline(before, early), start, now, bounds, restarted):
        assert finding.verdict in ("not_ok", "unknown")


@given(
    errors=st.tuples(SMALL, SMALL, SMALL), reports=st.integers(0, 40), ms=st.integers(0, 100_000), bounds=ANY_BOUNDS,
    more=st.tuples(SMALL, SMALL, SMALL), more_reports=st.integers(0, 40), more_ms=st.integers(0, 100_000), defects=st.booleans(),
)  # fmt: skip
def test_more_trouble_never_makes_it_better(errors, reports, ms, bounds, more, more_reports, more_ms, defects) -> None:
    def verdict(counts, reported: int, took: int) -> str:
        names = ("child_errors", "refused_ends", "probation_failures")
        now = changed(io=io(2100, 1600 + took), **dict(zip(names, counts)))
        told = [Report(201 + number, defects, "x") for number in range(reported)][-MAX_REPORTS:]
        now = replace(now, log=Log(0, 400, True, tuple(told)))
        return soak.verdict(soak.judge(BASE, START, now, bounds), strict=False)

    if verdict(errors, reports, ms) == "not_ok":
        added = [count + extra for count, extra in zip(errors, more)]
        assert verdict(added, reports + more_reports, ms + more_ms) == "not_ok"
