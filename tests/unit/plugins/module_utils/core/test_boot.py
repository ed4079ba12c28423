# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

PATH = "/etc/twostep/slots.d/data.json"
PLAIN = boot.boot_slot("data", "remap", "lower=/dev/vdb", "1.0.0")
LIMITED = boot.boot_slot("data", "remap", "", "1.0.0", queue_depth=64, hw_queues=2)
EARLY = boot.boot_slot("data", "remap", "", "1.0.0", early=True)
ROOMY = boot.boot_slot("data", "remap", "", "1.0.0", request_bytes=512)
DATA = {"schema": 1, "slot": "data", "family": "remap", "params": "lower=/dev/vdb", "version": "1.0.0"}


@pytest.mark.parametrize("slot", [PLAIN, LIMITED, ROOMY, EARLY, boot.boot_slot("data", "remap", "", "1.0.0", request_bytes=0)])
def test_there_and_back(slot: boot.BootSlot) -> None:
    assert boot.parse(boot.render(slot), PATH) == slot


def test_the_file_has_just_the_keys_that_the_architecture_names() -> None:
    assert json.loads(boot.render(PLAIN)) == DATA
    assert json.loads(boot.render(ROOMY)) == {**DATA, "params": "", "request_bytes": 512}
    assert json.loads(boot.render(EARLY)) == {**DATA, "params": "", "early": True}


def test_the_committed_version_changes_nothing_else() -> None:
    assert LIMITED.with_version("1.1.0") == boot.boot_slot("data", "remap", "", "1.1.0", queue_depth=64, hw_queues=2)
    assert ROOMY.with_version("1.1.0").request_bytes == 512
    with pytest.raises(TwostepError):
        LIMITED.with_version("1.1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_boot_config"),
        ("[]", "bad_boot_config"),
        (json.dumps(DATA)[:-3], "bad_boot_config"),
        (json.dumps({**DATA, "schema": 2}), "bad_boot_config"),
        (json.dumps({**DATA, "colour": "red"}), "bad_boot_config"),
        (json.dumps({**DATA, "slot": "other"}), "bad_boot_config"),
        (json.dumps({**DATA, "slot": "../x"}), "bad_slot"),
        (json.dumps({**DATA, "version": 1.1}), "bad_version"),
        (json.dumps({**DATA, "family": None}), "bad_family"),
        (json.dumps({**DATA, "params": "a\nb"}), "bad_params"),
        (json.dumps({**DATA, "params": "x" * (boot.MAX_PARAMS_CHARS + 1)}), "bad_params"),
        (json.dumps({**DATA, "queue_depth": 0}), "bad_limit"),
        (json.dumps({**DATA, "hw_queues": True}), "bad_limit"),
        (json.dumps({**DATA, "hw_queues": "4"}), "bad_limit"),
        (json.dumps({**DATA, "request_bytes": 4097}), "bad_limit"),
        (json.dumps({**DATA, "request_bytes": -1}), "bad_limit"),
        (json.dumps({**DATA, "request_bytes": "512"}), "bad_limit"),
        (json.dumps({**DATA, "early": "yes"}), "bad_early"),
    ],
)
def test_a_damaged_file_is_refused(text: str, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        boot.parse(text, PATH)
    assert caught.value.code == code


def test_a_bad_limit_is_named() -> None:
    with pytest.raises(TwostepError) as caught:
        boot.boot_slot("data", "remap", "", "1.0.0", request_bytes=5000)
    assert (caught.value.message, caught.value.next_step) == (
        "request_bytes '5000' is not a number from 0 to 4096.",
        "Set request_bytes within that range.",
    )


def test_the_unit_runs_the_agent_and_waits_for_no_filesystem_that_may_lie_on_a_slot() -> None:
    lines = boot.render_unit("/usr/local/lib/twostep/agent-0123456789ab.pyz").splitlines()
    assert "ExecStart=/usr/bin/python3 /usr/local/lib/twostep/agent-0123456789ab.pyz restore" in lines
    assert "DefaultDependencies=no" in lines
    assert not any("local-fs" in line for line in lines)


@pytest.mark.parametrize("agent", ["agent.pyz", "/a b", "/a\nExecStartPre=/x", "/a%n", ""])
def test_the_unit_takes_plain_paths_only(agent: str) -> None:
    with pytest.raises(TwostepError) as caught:
        boot.render_unit(agent)
    assert caught.value.code == "bad_agent"
