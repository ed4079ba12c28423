# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a package on the controller: made ready to be sent, and what their dkms.conf says, as options.

An archive is read once. What was compared is what is looked into and sent, whatever becomes of the file meanwhile.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.twostep.hotswap.plugins.module_utils.core import source_tree, vendor_dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.vendor_dkms_conf import VendorConf
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive, vendor_archive
from ansible_collections.twostep.hotswap.plugins.plugin_utils import detached_signature

_MAX_CONF = 64 * 1024


@dataclass(frozen=True)
class Source:
    """What is sent: `content` as a file that ends in `suffix`, and its digest. `conf` is the text of its dkms.conf, if it has one.

    `is_vendors`: the digest is that of the file as it stands. Otherwise it is that of what our own packing yields.
    """

    content: bytes
    sha256: str
    suffix: str
    is_vendors: bool
    conf: bytes | None


def _small_file(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            content = stream.read(detached_signature.MAX_BYTES + 1)
    except OSError as error:
        raise TwostepError(f"no_{what}", f"{what} {path} cannot be read: {error.strerror}.", f"Correct {what}.") from None
    if len(content) > detached_signature.MAX_BYTES:
        raise TwostepError(f"bad_{what}", f"{what} {path} is larger than {detached_signature.MAX_BYTES} bytes.", f"Correct {what}.")
    return content


def from_folder(folder: str, only: Sequence[str]) -> Source:
    """Return the packed sources below `folder`."""
    packed, sha256 = source_archive.pack(folder, only)
    conf = None
    path = os.path.join(folder, source_tree.CONF)
    if os.path.isfile(path):
        with open(path, "rb") as stream:
            conf = stream.read(_MAX_CONF + 1)
    return Source(source_archive.compress(packed), sha256, ".tar.gz", False, conf)


def from_archive(path: str, only: Sequence[str], *, sha256: object, signature: str, public_key: str) -> Source:
    """Return a vendor's archive after every check that the host will make again, and that of its signature.

    :raises TwostepError: `unverified_source` when there is nothing to compare it with; the codes of the comparisons and of what
        is in the archive.
    """
    suffix = vendor_archive.suffix_of(path)
    if bool(signature) != bool(public_key):
        raise TwostepError("unverified_source", "signature and public_key belong together.", "Give both, or src_sha256.")
    if not sha256 and not signature:
        raise TwostepError(
            "unverified_source",
            f"Nothing says that {os.path.basename(path)[:80]} is what the vendor published.",
            "Give src_sha256, or signature and public_key.",
        )
    packed = vendor_archive.read(path)
    if sha256:
        vendor_archive.check_sha256(packed, vendor_archive.checked_sha256(sha256))
    if signature:
        detached_signature.verify(packed, _small_file(signature, "signature"), _small_file(public_key, "public_key"))
    files = source_tree.vendor_files(vendor_archive.unpacked(packed, suffix), only)
    conf = files.get(source_tree.CONF)
    return Source(packed, hashlib.sha256(packed).hexdigest(), suffix, True, conf.data if conf else None)


def read_conf(source: Source, package: object, version: object) -> VendorConf | None:
    """Return what the sources' dkms.conf says, None when they have none; raise for one that is refused or of another package."""
    if source.conf is None:
        return None
    # Any byte is a character here, so that the reader can say in which line the odd one is.
    conf = vendor_dkms_conf.read(source.conf.decode("latin-1"))
    vendor_dkms_conf.check_package(conf, str(package), str(version))
    return conf


def defaults(conf: VendorConf, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that `conf` gives and `arguments` leave open."""
    offered = {
        "modules": conf.module_options,
        "make": list(conf.make),
        "depends": list(conf.depends),
        "build_exclusive": conf.exclusive_options,
    }
    return {name: value for name, value in offered.items() if not arguments.get(name)}
