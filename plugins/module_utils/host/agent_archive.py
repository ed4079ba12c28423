# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the agent, the part of this collection that runs on a host by itself, into one file and installs it.

The file is a zipapp of the modules named here. Its name carries the checksum of its content, so a running agent is never changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import tempfile
import zipfile
from pkgutil import get_data
from types import ModuleType

from ..core import boot as core_boot
from ..core import (
    candidate,
    compat_facts,
    der,
    early_scripts,
    elf,
    errors,
    linkage,
    modprobe_conf,
    module_identity,
    module_signature,
    names,
    reload_request,
    slots,
    swap_request,
    symbols,
    trial,
)
from ..core import consumers as core_consumers
from ..core import early as core_early
from ..core import health as core_health
from ..core import health_md as core_health_md
from ..core import initramfs as core_initramfs
from ..core import ledger as core_ledger
from ..core import modinfo as core_modinfo
from ..core import multipath as core_multipath
from ..core import parent as core_parent
from ..core import reload as core_reload
from ..core.errors import TwostepError
from . import (
    agent,
    boot,
    boot_trial,
    consumers,
    dkms_lock,
    early,
    health_md,
    health_probe,
    initramfs,
    kept_modules,
    kernel_control,
    kernel_module,
    ledger,
    modinfo,
    module_file,
    module_image,
    module_set,
    module_state,
    module_tree,
    multipath,
    new_kernel,
    parent,
    paths,
    phases,
    preload,
    reliance,
    reload_folder,
    request_folder,
    runner,
    settled,
    swap,
    swap_folder,
    trials,
    two_step,
    warm,
    whole_file,
    world,
)
from . import reload as host_reload
from . import slots as host_slots
from .paths import Paths

PACKAGE = "twostep_agent"
# Imported, because Ansible ships to a host only what module code imports; named, because that is what is packed.
# A test runs the packed file alone, so what is missing here is found there.
CORE: tuple[ModuleType, ...] = (
    candidate,
    compat_facts,
    core_boot,
    core_consumers,
    core_early,
    core_health,
    core_health_md,
    core_initramfs,
    core_ledger,
    core_modinfo,
    core_multipath,
    core_parent,
    core_reload,
    der,
    early_scripts,
    elf,
    errors,
    linkage,
    modprobe_conf,
    module_identity,
    module_signature,
    names,
    reload_request,
    slots,
    swap_request,
    symbols,
    trial,
)
HOST: tuple[ModuleType, ...] = (
    agent,
    boot,
    boot_trial,
    consumers,
    dkms_lock,
    early,
    health_md,
    health_probe,
    host_reload,
    host_slots,
    initramfs,
    kept_modules,
    kernel_control,
    kernel_module,
    ledger,
    modinfo,
    module_file,
    module_image,
    module_set,
    module_state,
    module_tree,
    multipath,
    new_kernel,
    parent,
    paths,
    phases,
    preload,
    reliance,
    reload_folder,
    request_folder,
    runner,
    settled,
    swap,
    swap_folder,
    trials,
    two_step,
    warm,
    whole_file,
    world,
)
# The same bytes for the same sources: no time of day, no compression that depends on a library.
_TIME = (1980, 1, 1, 0, 0, 0)
_LICENCE = "# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors\n# SPDX-License-Identifier: GPL-3.0-or-later\n"
_MAIN = f"{_LICENCE}import sys\n\nfrom {PACKAGE}.host.agent import main\n\nsys.exit(main(sys.argv[1:]))\n"
_CHECKSUM_DIGITS = 12


def _source(module: ModuleType) -> tuple[str, bytes]:
    """Return the file name and the source of a module, wherever it was imported from, a zip file included."""
    package, _dot, name = module.__name__.rpartition(".")
    data = get_data(package, f"{name}.py")
    if data is None:
        raise TwostepError("no_source", f"The source of {module.__name__} cannot be read.", "Install the collection with its sources.")
    return f"{name}.py", data


def build() -> bytes:
    """Return the agent as the bytes of a zipapp."""
    files = {
        "__main__.py": _MAIN.encode("ascii"),
        f"{PACKAGE}/__init__.py": _LICENCE.encode("ascii"),
        f"{PACKAGE}/core/__init__.py": _LICENCE.encode("ascii"),
        f"{PACKAGE}/host/__init__.py": _LICENCE.encode("ascii"),
    }
    for folder, modules in (("core", CORE), ("host", HOST)):
        for module in modules:
            name, data = _source(module)
            files[f"{PACKAGE}/{folder}/{name}"] = data
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[path])
    return packed.getvalue()


def path_for(where: Paths, content: bytes) -> str:
    """Return where an agent with this content lies."""
    return os.path.join(where.lib, f"agent-{hashlib.sha256(content).hexdigest()[:_CHECKSUM_DIGITS]}.pyz")


def _has(path: str, content: bytes) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(content) + 1) == content
    except OSError:
        return False


def wanted_path(where: Paths) -> tuple[str, bool]:
    """Return where this collection's agent belongs, and whether it is there; changes nothing."""
    content = build()
    path = path_for(where, content)
    return path, _has(path, content)


def install(where: Paths) -> str:
    """Put this collection's agent in place and return its path; other agents are left alone.

    :raises TwostepError: `agent_not_installed`.
    """
    content = build()
    path = path_for(where, content)
    if _has(path, content):
        return path
    draft = ""
    try:
        os.makedirs(where.lib, mode=0o755, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".agent-", dir=where.lib)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
        draft = ""
    except OSError as error:
        raise TwostepError(
            "agent_not_installed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
        ) from None
    finally:
        if draft:
            with contextlib.suppress(OSError):
                os.unlink(draft)
    return path
