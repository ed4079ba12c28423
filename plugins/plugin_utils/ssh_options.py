# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Ansible's ssh connection for any host of the inventory, as Ansible itself would find them."""

from __future__ import annotations

import os
from typing import Any, Mapping

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import connection_loader

from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import no_session

_SSH = "ssh"
_OPTIONS = (
    *("host", "port", "remote_user", "password", "ssh_args", "ssh_common_args", "ssh_extra_args"),
    *("private_key_file", "private_key", "private_key_passphrase", "pkcs11_provider"),
)
# Ours by their names in the inventory. Ansible never takes these from what a host returned.
_VARIABLES = {
    "connection": ("ansible_connection",),
    "become": ("ansible_become",),
    "become_method": ("ansible_become_method",),
    "become_user": ("ansible_become_user",),
    "become_pass": ("ansible_become_password", "ansible_become_pass"),
    "python": ("ansible_python_interpreter",),
}


class Options:
    """Options by host, for one task.

    :param task: whose keywords (``remote_user``, ``become``) count where a host's variables say nothing.
    """

    def __init__(self, task: Any, play_context: Any, hostvars: Mapping[str, Any]) -> None:
        self._task_keys = task.dump_attrs()
        self._play_context = play_context
        self._hostvars = hostvars

    def of(self, host: str) -> dict[str, Any]:
        """Return what ``ssh_target.of_host`` takes.

        :raises TwostepError: ``no_session`` where a variable cannot be templated.
        """
        try:
            return self._of(self._hostvars[host])
        except AnsibleError as error:
            raise no_session(host, str(error)[:300]) from None

    def _of(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        connection = connection_loader.get(_SSH, self._play_context, os.devnull)
        names = constants.config.get_plugin_vars("connection", connection._load_name)
        connection.set_options(task_keys=self._task_keys, var_options={name: variables[name] for name in names if name in variables})
        found = {name: connection.get_option(name) for name in _OPTIONS}
        keywords = {name: getattr(self._play_context, name, None) for name in ("become", "become_method", "become_user", "become_pass")}
        for option, aliases in _VARIABLES.items():
            found[option] = next((variables[name] for name in aliases if name in variables), keywords.get(option))
        found["connection"] = found["connection"] or constants.DEFAULT_TRANSPORT
        found["become"] = boolean(found["become"] or False, strict=False)
        return found
