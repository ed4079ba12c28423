# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML page: one file, nothing active in it, everything escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import report
from ansible_collections.twostep.hotswap.plugins.plugin_utils import report_html

RUN = {"run_id": "20260101t120000z-abcdef", "started": "2026-01-01T12:00:00Z", "family": "remap", "version": "1.1.0"}
EVIL = "<script>alert(1)</script><img src=x onerror=y> {{ 7 * 7 }} {% raw %} \" ' &"


def page(word: str, halted: bool = True) -> str:
    gates = [{"source": word, "subject": word, "host": word, "verdict": "ok", "reason": word}]
    found = {"host": "n1", "slot": "vol0", "code": "log_reports", "message": word, "evidence": [word, word]}
    soak = {"judged": ["n1"], "findings": [found]}
    host = {"__twostep_gate_before": {"gates": gates}, "__twostep_build": {"failed": True, "msg": word}, "__twostep_soak_after": soak}
    slot = {"slot": "vol0", "act": "swap", "from": "1.0.0", "verdict": "hot", "mode": "handover", "reason": word}
    plan = {"order": ["n1"], "hosts": {"n1": {"to": "1.1.0", "wave": 1, "slots": [slot]}}}
    known = {"n1": host, "localhost": {"__twostep_run": RUN, "__twostep_plan": plan}}
    return report_html.render(report.build(["n1"], known, "upgrade", halted, "2026-01-01T12:05:00Z", None))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, tuple(sorted(attrs))))


def tags(text: str) -> list:
    parser = Tags()
    parser.feed(text)
    return parser.found


def test_what_a_host_says_adds_no_markup() -> None:
    assert tags(page(EVIL)) == tags(page("harmless"))


def test_what_a_host_says_is_shown_as_it_is() -> None:
    text = page(EVIL)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7 * 7 }}" in text
    assert "49" not in text


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    text = page("fine")
    assert "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">" in text
    assert re.search(r"<script|<link|<img|<iframe|src=|href=|url\(|@import|javascript:", text) is None


def test_the_reason_of_a_halt_comes_before_the_nodes() -> None:
    text = page("It does not compile.")
    assert text.index("It does not compile.") < text.index("<table>")
    assert "Halted at <b>n1</b> in build: It does not compile." in text


def test_the_page_of_a_run_that_replaces_modules() -> None:
    run = {"run_id": RUN["run_id"], "started": RUN["started"], "modules": ["vendor", EVIL]}
    made = report.build(["n1"], {"n1": {}, "localhost": {"__twostep_run": run}}, "upgrade", True, "2026-01-01T12:05:00Z", None)
    text = report_html.render(made)
    assert "<h1>vendor, &lt;script&gt;" in text
    assert "<script" not in text


def test_a_run_that_did_not_halt_has_no_reason() -> None:
    assert 'class="reason"' not in page("fine", halted=False)


@pytest.mark.parametrize("missing", ["nodes", "io", "result"])
def test_a_report_with_a_part_missing_is_not_rendered(missing: str) -> None:
    made = report.build(["n1"], {"localhost": {"__twostep_run": RUN}}, "upgrade", True, "2026-01-01T12:05:00Z", None)
    del made[missing]
    with pytest.raises(Exception, match=missing):
        report_html.render(made)
