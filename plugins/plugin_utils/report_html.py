# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file that opens from disk: no script, no request, every value escaped.

Takes the report as data only. The template is fixed text; nothing a host returned is ever part of a template.
"""

from __future__ import annotations

from typing import Any, Mapping

from jinja2 import Environment, StrictUndefined

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ what }}: {{ report.result }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; margin: 1em 0; }
th, td { text-align: left; padding: .3em .6em; border-bottom: 1px solid #ccc; vertical-align: top; overflow-wrap: anywhere; }
.halted, .incomplete, .failed, .unknown, .not_ok { color: #a40000; font-weight: bold; }
.succeeded, .rolled_back, .upgraded, .ok { color: #106010; }
.reason { border-left: .3em solid #a40000; padding: .5em 1em; background: #fff4f4; }
@media print { body { margin: 0; } }
</style>
</head>
<body>
<h1>{{ what }}: <span class="{{ report.result }}">{{ report.result }}</span></h1>
{% if report.reason %}
<p class="reason">Halted{% if report.reason.host %} at <b>{{ report.reason.host }}</b>{% endif %}
{%- if report.reason.phase %} in {{ report.reason.phase }}{% endif %}: {{ report.reason.message }}</p>
{% endif %}
{% if report.failures %}
<p class="reason">The run went on without hosts that have failed:
{% for one in report.failures %}<br><b>{{ one.host }}</b>: {{ one.message }}{% endfor %}</p>
{% endif %}
{% if report.roll_back %}
<p class="reason">Taken back to what they served before the run: {{ report.roll_back.back | join(', ') or 'none' }}
{% for one in report.roll_back.left %}<br>Not <b>{{ one.host }}</b>: {{ one.reason }}{% endfor %}</p>
{% endif %}
<p>Run {{ report.run_id }}, {{ report.started }} to {{ report.finished }}, collection {{ report.collection_version }}</p>
<p>I/O during the run: {{ shown(report.io.errors) }} errors, {{ shown(report.io.verify_errors) }} verify errors,
longest latency {{ shown(report.io.max_latency_ms) }} ms</p>
<table>
<tr><th>Wave</th><th>Host</th><th>Slot</th><th>From</th><th>To</th><th>Verdict</th><th>Mode</th><th>Outcome</th>
<th>Hold, ms</th><th>Held requests</th><th>Reason</th></tr>
{% for node in report.nodes %}
<tr><td>{{ shown(node.wave) }}</td><td>{{ node.host }}</td><td>{{ shown(node.slot) }}</td><td>{{ shown(node['from']) }}</td>
<td>{{ shown(node.to) }}</td><td>{{ shown(node.verdict) }}</td><td>{{ shown(node.mode) }}</td>
<td class="{{ node.outcome }}">{{ node.outcome }}</td><td>{{ shown(node.hold_ms) }}</td><td>{{ shown(node.held_requests) }}</td>
<td>{{ shown(node.reason) }}</td></tr>
{% endfor %}
</table>
{% for node in report.nodes if node.gates %}
<h2>Gates asked for {{ node.host }} {{ shown(node.slot) }}</h2>
<table>
<tr><th>Host</th><th>Source</th><th>Subject</th><th>Verdict</th><th>Reason</th></tr>
{% for gate in node.gates %}
<tr><td>{{ gate.host }}</td><td>{{ gate.source }}</td><td>{{ gate.subject }}</td><td class="{{ gate.verdict }}">{{ gate.verdict }}</td>
<td>{{ gate.reason }}</td></tr>
{% endfor %}
</table>
{% endfor %}
{% for node in report.nodes if node.soak and node.soak.findings %}
<h2>Soak of {{ node.host }} {{ shown(node.slot) }}: <span class="{{ node.soak.verdict }}">{{ node.soak.verdict }}</span></h2>
<table>
<tr><th>Slot</th><th>Code</th><th>Verdict</th><th>Message</th><th>Evidence</th></tr>
{% for found in node.soak.findings %}
<tr><td>{{ found.slot }}</td><td>{{ found.code }}</td><td class="{{ found.verdict }}">{{ found.verdict }}</td>
<td>{{ found.message }}</td><td>{% for line in found.evidence %}{{ line }}<br>{% endfor %}</td></tr>
{% endfor %}
</table>
{% endfor %}
</body>
</html>
"""


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def _what(report: Mapping[str, Any]) -> str:
    if report["modules"] is not None:
        return f"{', '.join(report['modules'])} as installed"
    return f"{report['family']} to {report['version']}"


def render(report: Mapping[str, Any]) -> str:
    """Return the page. Precondition: ``report`` is what ``core.report.build`` returned."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(TEMPLATE).render(report=report, what=_what(report), shown=_shown)
