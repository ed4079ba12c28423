# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module dkms: checks and packs the source, reads its dkms.conf as data, sends files and fetches binaries."""

from __future__ import annotations

import base64
import os
import tempfile
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import binary_folder, vendor_source
from ansible_collections.twostep.hotswap.plugins.plugin_utils.vendor_source import Source

_INTERNAL = ("archive", "archive_sha256", "archive_suffix", "export_folder", "offers")
_OURS = ("src", "src_sha256", "signature", "public_key", "vendor_conf", "binaries_to", "binaries_from")


class ActionModule(ActionBase):
    """Replaces `src` by the remote path and the SHA-256 of the packed source; in check mode by the SHA-256 alone."""

    TRANSFERS_FILES = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        for internal in _INTERNAL:
            if internal in arguments:
                result.update(failed=True, msg=f"{internal} is set by this plugin. Next: Leave it out and set src.", code="internal_option")
                return result
        ours = {name: arguments.pop(name) for name in _OURS if name in arguments}
        told = None
        missing: list[dict[str, Any]] = []
        try:
            if ours.get("src") and arguments.get("state", "present") != "absent":
                source = self._source(ours, arguments.get("folders") or [])
                told = self._read_conf(source, ours.get("vendor_conf", "read"), arguments)
                self._add_archive(arguments, source)
                missing = self._add_offers(arguments, str(ours.get("binaries_from") or ""))
                if ours.get("binaries_to") and not self._task.check_mode:
                    arguments["export_folder"] = self._remote_folder()
            result.update(self._execute_module(module_name="twostep.hotswap.dkms", module_args=arguments, task_vars=task_vars))
            if told is not None:
                result["vendor_conf"] = told
            if not result.get("failed"):
                result["binaries"] = [*result.get("binaries", []), *missing]
                if "export_folder" in arguments:
                    self._fetch(result, os.path.expanduser(str(ours["binaries_to"])), task_vars)
        except TwostepError as error:
            result.update(failed=True, msg=str(error), code=error.code, data=error.data)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _find(self, path: str, what: str, next_step: str) -> str:
        if not path or os.path.isabs(path):
            return path
        try:
            return str(self._find_needle("files", path))
        except AnsibleError:
            raise TwostepError(f"bad_{what}", f"{path} is neither a file nor a folder on the controller.", next_step) from None

    def _source(self, ours: dict[str, Any], folders: str | list[str]) -> Source:
        only = [folders] if isinstance(folders, str) else list(folders)
        path = self._find(str(ours["src"]), "source", "Set src to the folder with the module's sources or to an archive of it.")
        given = {name: ours.get(name) or "" for name in ("src_sha256", "signature", "public_key")}
        if os.path.isfile(path):
            return vendor_source.from_archive(
                path,
                only,
                sha256=given["src_sha256"],
                signature=self._find(str(given["signature"]), "signature", "Correct signature."),
                public_key=self._find(str(given["public_key"]), "public_key", "Correct public_key."),
            )
        if any(given.values()):
            name = next(name for name, value in given.items() if value)
            raise TwostepError(
                "bad_source", f"{name} is for an archive, and {path} is none.", f"Set src to an archive, or leave {name} out."
            )
        return vendor_source.from_folder(path, only)

    def _read_conf(self, source: Source, how: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Add what the sources' dkms.conf says to `arguments` where they leave it open, and return it for the result."""
        if how not in ("read", "ignore"):
            raise TwostepError("bad_vendor_conf", f"vendor_conf {str(how)[:40]!r} is not known.", "Use read or ignore.")
        conf = vendor_source.read_conf(source, arguments.get("package"), arguments.get("version")) if how == "read" else None
        if conf is None:
            return None
        arguments.update(vendor_source.defaults(conf, arguments))
        return conf.shown()

    def _add_archive(self, arguments: dict[str, Any], source: Source) -> None:
        arguments["archive_sha256"] = source.sha256
        if source.is_vendors:
            arguments["archive_suffix"] = source.suffix
        if not self._task.check_mode:
            arguments["archive"] = self._send(source.content, "source" + source.suffix)

    def _remote_folder(self) -> str:
        """Return the task's temporary folder on the host, which goes with the task."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        return str(self._connection._shell.tmpdir)

    def _send(self, content: bytes, name: str) -> str:
        """Put `content` on the host and return its path there."""
        remote = str(self._connection._shell.join_path(self._remote_folder(), name))
        with tempfile.NamedTemporaryFile(prefix="twostep-") as local:
            local.write(content)
            local.flush()
            self._transfer_file(local.name, remote)
        self._fixup_perms2((self._remote_folder(), remote))
        return remote

    def _add_offers(self, arguments: dict[str, Any], folder: str) -> list[dict[str, Any]]:
        """Send what `folder` has for the host's kernels, and return what the result is to say of those for which it has nothing."""
        if not folder:
            return []
        answer = self._low_level_execute_command("uname -rm", sudoable=False)
        running, _space, arch = str(answer.get("stdout", "")).strip().partition(" ")
        given = arguments.get("kernels") or [running]
        package, version = (str(arguments.get(name, "")) for name in ("package", "version"))
        offers, missing = [], []
        for kernel in dict.fromkeys(given.split(",") if isinstance(given, str) else given):
            found = binary_folder.read(os.path.expanduser(folder), package, version, kernel, arch)
            if found is None:
                reason = "nobody has built it for this kernel"
                missing.append({"kernel": kernel, "taken": False, "reason": reason, "built_on": "", "build_seconds": 0.0})
                continue
            path = "" if self._task.check_mode else self._send(found.content, found.manifest.file_name)
            offers.append({"path": path, "sha256": found.sha256, "manifest": found.manifest.as_json()})
        arguments["offers"] = offers
        return missing

    def _fetch(self, result: dict[str, Any], folder: str, task_vars: Any) -> None:
        """Fetch what the host has built into `folder`; the result then names the files here."""
        for entry in result.get("exported", []):
            told = self._execute_module(module_name="ansible.legacy.slurp", module_args={"src": entry["path"]}, task_vars=task_vars)
            if told.get("failed"):
                raise TwostepError("binary_not_fetched", f"The binary could not be fetched: {told.get('msg')}", "Run the task again.")
            content, wanted = base64.b64decode(told["content"]), self._task.args
            entry["path"] = binary_folder.write(folder, content, entry["sha256"], wanted.get("package"), wanted.get("version"))
