# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a connection become a target, or a reason for having none. Nothing is opened."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import ssh_target
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import Target

HOME = os.path.expanduser("~")
USUAL = "-C -o ControlMaster=auto -o ControlPersist=60s"
KNOWN = (f"{HOME}/.ssh/known_hosts", f"{HOME}/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


def of(config: dict | None = None, **options: Any) -> Target:
    def lookup(path: str, host: str) -> dict:
        assert path == "~/.ssh/config" or path in (config or {})
        return (config or {}).get(path, config or {}).get(host, {})

    return ssh_target.of_host("n1", {"ssh_args": USUAL, **options}, lookup)


def test_what_is_usual() -> None:
    assert of() == Target("n1", "n1", 22, "", "n1", KNOWN)


def test_what_an_inventory_says() -> None:
    found = of(
        host="10.0.0.1", port=2222, remote_user="ops", private_key_file="~/.ssh/fleet", password="secret", python="/usr/bin/python3.11",  # noqa: S106
    )  # fmt: skip
    assert (found.address, found.port, found.user, found.alias) == ("10.0.0.1", 2222, "ops", "[10.0.0.1]:2222")
    assert (found.keys, found.password, found.python) == ((f"{HOME}/.ssh/fleet",), "secret", "/usr/bin/python3.11")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ("-F none -o UserKnownHostsFile=/k -o StrictHostKeyChecking=yes -o HostKeyAlias=node -o IdentitiesOnly=yes",
         {"known_hosts": ("/k", *KNOWN[2:]), "alias": "node", "identities_only": True}),
        ("-oUserKnownHostsFile=/dev/null -o 'GlobalKnownHostsFile /g /h'", {"known_hosts": ("/dev/null", "/g", "/h")}),
        ("-i /one -i/two -p 23 -l ops", {"keys": ("/one", "/two"), "port": 23, "user": "ops", "alias": "[n1]:23"}),
        ("-o ProxyCommand='ssh -W %h:%p gate'", {"proxy_command": "ssh -W n1:22 gate"}),
        ("-o ProxyCommand=none -q -T", {}),
        ("-J ops@gate:2200", {"jump": (Target("n1", "gate", 2200, "ops", "[gate]:2200", KNOWN),)}),
        ("-o ProxyJump=a,b", {"jump": (Target("n1", "a", 22, "", "a", KNOWN), Target("n1", "b", 22, "", "b", KNOWN))}),
        ("-o ProxyJump=none", {}),
        ("-o Port=24 -o Port=25", {"port": 24, "alias": "[n1]:24"}),
    ],
)  # fmt: skip
def test_arguments_of_ssh(arguments: str, changed: dict) -> None:
    found, usual = of(ssh_common_args=arguments), of()
    assert {name: getattr(found, name) for name in changed} == changed
    assert {name: value for name, value in vars(found).items() if name not in changed} == {
        name: value for name, value in vars(usual).items() if name not in changed
    }


def test_the_configuration_file_comes_after_the_command_line() -> None:
    config = {
        "n1": {"hostname": "real", "user": "other", "port": "24", "identityfile": ["/c"], "proxyjump": "gate", "loglevel": "ERROR"},
        "gate": {"hostname": "gate.example", "user": "g"},
    }
    found = of(config, remote_user="ops", private_key_file="/i")
    assert (found.address, found.port, found.user, found.keys, found.alias) == ("real", 24, "ops", ("/i", "/c"), "[real]:24")
    assert found.jump == (Target("n1", "gate.example", 22, "g", "gate.example", KNOWN),)


def test_another_configuration_file() -> None:
    assert of({"/etc/fleet": {"n1": {"user": "ops"}}}, ssh_extra_args="-F /etc/fleet").user == "ops"


def test_becoming_root() -> None:
    assert of(become=True, become_method="sudo", become_user="root").become
    assert not of(become=False, become_method="su").become
    assert of(python="auto_silent").python == "/usr/bin/python3"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"connection": "local"}, "its connection is local, not ssh"),
        ({"ssh_args": "-o PKCS11Provider=/x"}, "its ssh arguments have the option pkcs11provider"),
        ({"ssh_args": "-o"}, "its ssh arguments have -o"),
        ({"ssh_args": "-4"}, "its ssh arguments have -4"),
        ({"ssh_args": "elsewhere"}, "its ssh arguments have elsewhere"),
        ({"ssh_args": "-o %%"}, "its ssh arguments have the option %%"),
        ({"ssh_args": "-o 'x"}, "of its ssh arguments -o 'x   cannot be read: No closing quotation"),
        ({"port": "http"}, "its port is http"),
        ({"port": 65536}, "its port is 65536"),
        ({"private_key": "-----BEGIN"}, "its connection has the option private_key"),
        ({"ssh_args": "-J 'a b'"}, "the host on the way there is named a b"),
        ({"become": True, "become_method": "su"}, "it becomes another user by su, not by sudo"),
        ({"become": True, "become_user": "ops"}, "it becomes ops, not root"),
        ({"become": True, "become_pass": "x"}, "sudo asks for a password there"),
    ],
)
def test_what_is_not_understood_is_not_guessed(options: dict, why: str) -> None:
    with pytest.raises(TwostepError) as caught:
        of(**options)
    assert (caught.value.code, caught.value.message) == ("no_session", f"n1 cannot be asked at the same time as the others: {why}.")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"n1": {"localforward": "1 2"}}, "~/.ssh/config has the option localforward for it"),
        ({"n1": {"proxyjump": "gate"}, "gate": {"proxyjump": "other"}}, "gate, which is on the way there, is behind another host"),
    ],
)
def test_a_configuration_that_is_not_understood(config: dict, why: str) -> None:
    with pytest.raises(TwostepError) as caught:
        of(config)
    assert caught.value.message.endswith(f": {why}.")
