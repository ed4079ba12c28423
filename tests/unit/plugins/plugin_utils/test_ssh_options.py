# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as Ansible's own ssh connection finds them: the real plugin, made-up inventories."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options

TASK = SimpleNamespace(dump_attrs=lambda: {"remote_user": "keyword"})


def of(variables: dict, play_context: Any = None) -> dict:
    return Options(TASK, play_context or PlayContext(), {"n1": variables}).of("n1")


def test_variables_come_before_keywords() -> None:
    found = of({"ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "ops", "ansible_ssh_common_args": "-F none",
                "ansible_ssh_private_key_file": "/key", "ansible_python_interpreter": "/py"})  # fmt: skip
    assert (found["host"], found["port"], found["remote_user"], found["ssh_common_args"]) == ("10.0.0.1", 2222, "ops", "-F none")
    assert (found["private_key_file"], found["python"], found["connection"], found["become"]) == ("/key", "/py", "ssh", False)


def test_keywords_count_where_no_variable_does() -> None:
    assert of({})["remote_user"] == "keyword"
    context = PlayContext()
    context.become, context.become_method, context.become_user = True, "sudo", "root"
    found = of({}, context)
    assert (found["become"], found["become_method"], found["become_user"]) == (True, "sudo", "root")
    assert of({"ansible_become": "no"}, context)["become"] is False


def test_the_connection_is_told() -> None:
    assert of({"ansible_connection": "local"})["connection"] == "local"


def test_a_variable_that_cannot_be_templated() -> None:
    class HostVars(dict):
        def __getitem__(self, host: str) -> object:
            raise AnsibleError("undefined")

    with pytest.raises(TwostepError) as caught:
        Options(TASK, PlayContext(), HostVars()).of("n1")
    assert caught.value.code == "no_session"
    assert "undefined" in caught.value.message
