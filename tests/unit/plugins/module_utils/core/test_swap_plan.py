# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import swap_plan
from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import Reason, Verdict
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import LastSwap, Slot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_plan import Step, Wish

GOOD = {
    "slot": "data", "version": "1.1.0", "mode": "auto", "deadline_ms": 500, "generation": None, "commit": True, "run_id": None,
    "timeout_s": 9.0,
}  # fmt: skip


def slot(version: str | None = "1.0.0", parked: str | None = None, state: str = "serving") -> Slot:
    return Slot("data", state, "remap", "", version, None, 3, parked, 0, 0, LastSwap())


def test_options_become_a_wish() -> None:
    assert swap_plan.wish(**GOOD) == Wish("data", "1.1.0", timeout_s=9.0)
    assert swap_plan.wish(**{**GOOD, "run_id": "run-7"}).run_id == "run-7"
    warm = swap_plan.wish(**{**GOOD, "mode": "warm", "units": ["b.service", "a.timer"]})
    assert (warm.mode, warm.units) == ("warm", ("b.service", "a.timer"))


@pytest.mark.parametrize(
    ("name", "value", "code", "message", "next_step"),
    [
        ("mode", "now", "bad_mode", "mode 'now' is unknown.", "Use auto, handover, two_step, warm or cold."),
        ("deadline_ms", 0, "bad_deadline", "deadline_ms is 0.", "Use a number of milliseconds from 1 to 10000."),
        ("deadline_ms", 10001, "bad_deadline", "deadline_ms is 10001.", "Use a number of milliseconds from 1 to 10000."),
        ("generation", 0, "bad_generation", "generation is 0.", "Use the generation that twostep.hotswap.slot_info told."),
        ("timeout_s", 0.5, "bad_timeout", "timeout_s is 0.5.", "Use a number of seconds from 1."),
        ("timeout_s", float("nan"), "bad_timeout", "timeout_s is nan.", "Use a number of seconds from 1."),
        ("slot", "../x", "bad_slot", "slot '../x' is not a valid name.", "Use up to 16 of a-z, 0-9, - and _, beginning with a letter."),
        ("run_id", "a b", "bad_id", "id 'a b' is not a valid name.", "Use up to 64 of a-z, 0-9 and -."),
        (
            "units",
            ["a.service", "b.mount"],
            "bad_unit",
            "unit 'b.mount' is not a valid name.",
            "Name a .service, .socket, .timer or .path, with its suffix.",
        ),
    ],
)
def test_a_bad_option_is_named(name: str, value: object, code: str, message: str, next_step: str) -> None:
    with pytest.raises(TwostepError) as caught:
        swap_plan.wish(**{**GOOD, name: value})
    assert (caught.value.code, caught.value.message, caught.value.next_step) == (code, message, next_step)


@pytest.mark.parametrize(
    ("found", "boot", "commit", "step"),
    [
        (slot(), "1.0.0", True, Step("swap", "1.0.0")),
        (slot(), None, False, Step("swap", "1.0.0")),
        (slot("1.1.0"), "1.1.0", True, Step("none", None)),
        (slot("1.1.0"), None, True, Step("none", None)),
        (slot("1.1.0", "1.0.0"), "1.0.0", True, Step("commit", "1.0.0")),
        (slot("1.1.0", "1.0.0"), "1.0.0", False, Step("none", "1.0.0")),
        (slot("1.1.0"), "1.0.0", True, Step("commit", "1.0.0")),
        (slot("1.0.0", "1.1.0"), "1.1.0", True, Step("swap", "1.0.0", release_first=True)),
        (slot("1.0.0", "0.9.0"), "0.9.0", True, Step("swap", "1.0.0")),
        (slot(None, state="detached"), "1.0.0", True, Step("swap", None)),
    ],
)
def test_what_is_left_to_do(found: Slot, boot: str | None, commit: bool, step: Step) -> None:
    assert swap_plan.next_step(Wish("data", "1.1.0", commit=commit), found, boot) == step


def test_another_generation_is_refused_unless_the_version_serves() -> None:
    wanted = Wish("data", "1.1.0", generation=2)
    with pytest.raises(TwostepError) as caught:
        swap_plan.next_step(wanted, slot(), None)
    assert caught.value.code == "stale_generation"
    assert caught.value.message == "Slot data is at generation 3, expected was 2: somebody else has swapped it."
    assert caught.value.next_step == "Read the slot again with twostep.hotswap.slot_info, and decide anew."
    assert swap_plan.next_step(wanted, slot("1.1.0"), None).action == "none"


def test_the_verdict_names_the_mode() -> None:
    assert swap_plan.mode_of(Wish("data", "1.1.0"), Verdict("hot", "handover", ())) == "handover"
    assert swap_plan.mode_of(Wish("data", "1.1.0"), Verdict("two_step", "two_step", ())) == "two_step"
    assert swap_plan.mode_of(Wish("data", "1.1.0", mode="two_step"), Verdict("two_step", "two_step", ())) == "two_step"


def test_what_rules_a_swap_out_is_the_error() -> None:
    reason = Reason("state", "schema_none", "warm", "They have none in common.", "Go through another.")
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0"), Verdict("warm", None, (reason,)))
    assert (caught.value.code, str(caught.value)) == ("schema_none", "They have none in common. Next: Go through another.")
    assert caught.value.data["verdict"] == "warm"


@pytest.mark.parametrize(
    ("deadline_ms", "mode", "fits"),
    [(2500, "handover", True), (2501, "handover", False), (1250, "two_step", True), (1251, "two_step", False)],
)
def test_a_hold_is_never_taken_for_a_hung_task(deadline_ms: int, mode: str, fits: bool) -> None:
    wanted = Wish("data", "1.1.0", deadline_ms=deadline_ms)
    swap_plan.check_hold(wanted, mode, 0)
    if fits:
        swap_plan.check_hold(wanted, mode, 5)
        return
    with pytest.raises(TwostepError) as caught:
        swap_plan.check_hold(wanted, mode, 5)
    assert caught.value.code == "deadline_hung_task"
    assert caught.value.message.endswith("ms is more than half of the 5 s after which the kernel reports a hung task.")
    assert caught.value.next_step == "Lower deadline_ms, or raise the sysctl kernel.hung_task_timeout_secs on the host."


def test_no_way_back_needs_consent() -> None:
    reason = Reason("state", "no_way_back", "warning", "There is no way back.", "Consent.")
    verdict = Verdict("hot", "handover", (reason,))
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0"), verdict)
    assert (caught.value.code, str(caught.value)) == ("no_way_back", "There is no way back. Next: Set one_way to true if that is meant.")
    assert swap_plan.mode_of(Wish("data", "1.1.0", one_way=True), verdict) == "handover"


def test_handover_is_not_silently_another_mode() -> None:
    reason = Reason("slot", "same_module", "two_step", "One module of a name.", "Nothing to do.")
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0", mode="handover"), Verdict("two_step", "two_step", (reason,)))
    assert caught.value.code == "needs_two_step"
    assert caught.value.message == "Slot data cannot go to 1.1.0 by handover. One module of a name."
    assert caught.value.next_step == "Use mode auto or two_step."


def test_a_verdict_without_a_mode_is_not_guessed() -> None:
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0"), Verdict("current", None, ()))
    assert (caught.value.code, caught.value.message) == ("no_mode", "The verdict current names no mode.")
    assert caught.value.next_step == "Report this, with the slot's status."


@pytest.mark.parametrize("verdict", [Verdict("hot", "handover", ()), Verdict("two_step", "two_step", ())])
def test_who_asks_for_the_warm_way_gets_it(verdict: Verdict) -> None:
    assert swap_plan.mode_of(Wish("data", "1.1.0", mode="warm"), verdict) == "warm"


@pytest.mark.parametrize("code", ["schema_none", "no_way_back"])
def test_the_warm_way_needs_no_common_schema_and_no_consent(code: str) -> None:
    level = "warm" if code == "schema_none" else "warning"
    verdict = Verdict("warm", None, (Reason("state", code, level, "They have none in common.", "Go through another."),))
    assert swap_plan.mode_of(Wish("data", "1.1.0", mode="warm"), verdict) == "warm"


@pytest.mark.parametrize("mode", ["auto", "handover", "two_step"])
def test_nobody_else_gets_the_warm_way(mode: str) -> None:
    verdict = Verdict("warm", None, (Reason("state", "schema_none", "warm", "None in common.", "Go through another."),))
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0", mode=mode), verdict)
    assert caught.value.code == "schema_none"


@pytest.mark.parametrize("level", ["cold", "refuse"])
def test_what_the_warm_way_does_not_mend_rules_it_out(level: str) -> None:
    known = Reason("state", "schema_none", "warm", "None in common.", "Go through another.")
    worse = Reason("kernel", "vermagic", level, "Another kernel.", "Build it anew.")
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0", mode="warm"), Verdict(level, None, (known, worse)))
    assert (caught.value.code, str(caught.value)) == ("vermagic", "Another kernel. Next: Build it anew.")


def test_nobody_waits_in_a_hold_on_the_warm_way() -> None:
    swap_plan.check_hold(Wish("data", "1.1.0", mode="warm", deadline_ms=10000), "warm", 1)
    with pytest.raises(TwostepError):
        swap_plan.check_hold(Wish("data", "1.1.0", deadline_ms=10000), "handover", 1)


@pytest.mark.parametrize("code", ["schema_none", "feature_dropped"])
def test_who_asks_for_the_cold_way_gets_it(code: str) -> None:
    verdict = Verdict("warm", None, (Reason("state", code, "warm", "None in common.", "Go through another."),))
    assert swap_plan.mode_of(Wish("data", "1.1.0", mode="cold"), verdict) == "cold"
    swap_plan.check_hold(Wish("data", "1.1.0", mode="cold", deadline_ms=10000), "cold", 1)


def test_a_boot_cures_a_kernel_that_loads_nothing_any_more() -> None:
    locked = Reason("kernel", "modules_disabled", "cold", "No module can be loaded.", "Reboot.")
    assert swap_plan.mode_of(Wish("data", "1.1.0", mode="cold"), Verdict("cold", None, (locked,))) == "cold"
    with pytest.raises(TwostepError):
        swap_plan.mode_of(Wish("data", "1.1.0", mode="warm"), Verdict("cold", None, (locked,)))


@pytest.mark.parametrize(("code", "level"), [("contract_major", "cold"), ("other_kernel", "cold"), ("unsigned", "refuse")])
def test_what_a_boot_does_not_cure_rules_it_out(code: str, level: str) -> None:
    locked = Reason("kernel", "modules_disabled", "cold", "No module can be loaded.", "Reboot.")
    worse = Reason("contract", code, level, "No.", "Do it.")
    with pytest.raises(TwostepError) as caught:
        swap_plan.mode_of(Wish("data", "1.1.0", mode="cold"), Verdict(level, None, (locked, worse)))
    assert caught.value.code == code
