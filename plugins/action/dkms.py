# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module dkms: packs the source folder and sends it as one file. Decides nothing."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive


class ActionModule(ActionBase):
    """Replaces `src` by the remote path and the SHA-256 of the packed source; in check mode by the SHA-256 alone."""

    TRANSFERS_FILES = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        for internal in ("archive", "archive_sha256"):
            if internal in arguments:
                result.update(failed=True, msg=f"{internal} is set by this plugin. Next: Leave it out and set src.", code="internal_option")
                return result
        source = arguments.pop("src", None)
        folders = arguments.get("folders") or []
        try:
            if source and arguments.get("state", "present") != "absent":
                self._add_archive(arguments, self._source_folder(source), [folders] if isinstance(folders, str) else list(folders))
            result.update(self._execute_module(module_name="twostep.hotswap.dkms", module_args=arguments, task_vars=task_vars))
        except TwostepError as error:
            result.update(failed=True, msg=str(error), code=error.code, data=error.data)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _source_folder(self, source: str) -> str:
        if os.path.isabs(source):
            return source
        try:
            return str(self._find_needle("files", source))
        except AnsibleError:
            raise TwostepError(
                "bad_source", f"{source} is not a folder on the controller.", "Set src to the folder with the module's sources."
            ) from None

    def _add_archive(self, arguments: dict[str, Any], folder: str, only: list[str]) -> None:
        packed, sha256 = source_archive.pack(folder, only)
        arguments["archive_sha256"] = sha256
        if self._task.check_mode:
            return
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, "source.tar.gz")
        with tempfile.NamedTemporaryFile(prefix="twostep-", suffix=".tar.gz") as local:
            local.write(source_archive.compress(packed))
            local.flush()
            self._transfer_file(local.name, remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        arguments["archive"] = remote
