# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""crm_mon --output-as=xml: what its elements are taken for. Forms follow pacemaker's schemas crm_mon-2.25 and crm_mon-2.0."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_pacemaker
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

PAGE = """\
<pacemaker-result api-version="2.25" request="crm_mon --output-as=xml">
  <summary>
    <stack type="corosync" pacemakerd-state="running"/>
    <current_dc present="true" version="2.1.5-a3f44794f94" name="n1" id="1" with_quorum="true" mixed_version="false"/>
    <last_update time="Fri Nov 27 15:20:11 2026" origin="n1"/>
    <nodes_configured number="3"/>
    <resources_configured number="1" disabled="0" blocked="0"/>
    <cluster_options stonith-enabled="true" symmetric-cluster="true" no-quorum-policy="stop" maintenance-mode="false"/>
  </summary>
  <nodes>
    <node name="n1" id="1" online="true" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" \
health="green" feature_set="3.16.2" shutdown="false" expected_up="true" is_dc="true" resources_running="1" type="member"/>
    <node name="n2" id="2" online="true" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" \
health="green" feature_set="3.16.2" shutdown="false" expected_up="true" is_dc="false" resources_running="0" type="member"/>
    <node name="n3" id="3" online="true" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" \
health="green" feature_set="3.16.2" shutdown="false" expected_up="true" is_dc="false" resources_running="0" type="member"/>
    <node name="far" id="far" online="false" standby="false" maintenance="false" pending="false" unclean="false" type="remote"/>
  </nodes>
  <resources/>
  <status code="0" message="OK"/>
</pacemaker-result>
"""
# As pacemaker 2.0.3 printed it: no states of the daemon, no health, no feature sets.
OLDER = PAGE.replace(' pacemakerd-state="running"', "").replace(' health="green" feature_set="3.16.2"', "").replace('"2.25"', '"2.0"')
FAILURE = '<failures><failure op_key="disk_monitor_10000" node="n2" exitstatus="error" exitcode="1"/></failures>\n  <status'


def of_n2(**changed: str) -> str:
    """Return the page with other flags of n2."""
    before, n2, after = PAGE.partition('<node name="n2"')
    element, end, rest = after.partition("/>")
    for name, value in changed.items():
        element = element.replace(f'{name}="{"true" if value == "false" else "false"}"', f'{name}="{value}"')
    return before + n2 + element + end + rest


@pytest.mark.parametrize(
    ("page", "verdict", "reason"),
    [
        (PAGE, OK, "3 nodes can run resources."),
        (OLDER, OK, "The cluster has a coordinator and quorum."),
        (PAGE.replace('with_quorum="true"', 'with_quorum="false"'), NOT_OK, "The partition of this node has no quorum."),
        (PAGE.replace('present="true"', 'present="false"'), NOT_OK, "The cluster has no designated coordinator."),
        (PAGE.replace('with_quorum="true"', ""), UNKNOWN, "crm_mon does not tell whether there is a coordinator with quorum."),
        (PAGE.replace("current_dc", "other"), UNKNOWN, "crm_mon does not tell whether there is a coordinator with quorum."),
        (of_n2(online="false"), NOT_OK, "n2 is offline."),
        (of_n2(pending="true"), NOT_OK, "n2 is joining."),
        (of_n2(unclean="true"), NOT_OK, "n2 is unclean: it is to be fenced."),
        (PAGE.replace(' pending="false"', ""), UNKNOWN, "crm_mon does not tell the state of n1."),
        (of_n2(standby="true"), OK, "2 nodes can run resources."),
        (PAGE.replace('standby="false" standby', 'standby="true" standby'), NOT_OK, "Only no node can run resources"),
        (PAGE.replace('maintenance-mode="false"', 'maintenance-mode="true"'), NOT_OK, "The cluster is in maintenance mode"),
        (PAGE.replace('maintenance-mode="false"', ""), UNKNOWN, "whether the cluster is in maintenance mode"),
        (PAGE.replace("<status", FAILURE), NOT_OK, "Actions have failed: disk_monitor_10000 on n2."),
        (PAGE.replace("<nodes>", "<other>").replace("</nodes>", "</other>"), NOT_OK, "Only no node can run resources"),
    ],
)  # fmt: skip
def test_judge(page: str, verdict: str, reason: str) -> None:
    finding = health_pacemaker.judge(health_pacemaker.parse(page))
    assert finding.verdict == verdict
    assert reason in finding.reason


@pytest.mark.parametrize(
    "page",
    [
        "",
        "Critical: Unable to get the cluster information",
        PAGE[:400],
        '<!DOCTYPE a [<!ENTITY b "c">]>' + PAGE,
        PAGE.replace('code="0"', 'code="102"'),
        PAGE.replace("pacemaker-result", "crm_mon"),  # the root of --as-xml
    ],
)
def test_another_form_is_unreadable(page: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_pacemaker.parse(page)
    assert caught.value.code == "unreadable_answer"


def test_evidence() -> None:
    assert health_pacemaker.evidence(health_pacemaker.parse(of_n2(standby="true"))) == {
        "with_quorum": True,
        "nodes": 3,
        "online": 3,
        "standby": 1,
        "failures": [],
    }
