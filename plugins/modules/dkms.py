#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for DKMS: argument spec, check mode, diff, results. The work is in module_utils/host/dkms_job.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dkms
short_description: Build, sign and install a kernel module package with DKMS from sources of the controller
version_added: 0.1.0
description:
  - Brings one version of a DKMS package to a wanted state on one or several kernels, and proves the result by reading the
    installed module files, since C(dkms) exits 0 in several cases where it did nothing.
  - The source is packed on the controller (sources only, always the same bytes for the same files), sent as one file, and unpacked into
    C(/usr/src/<package>-<version>/) whole or not at all. C(dkms.conf) is written by this module.
  - DKMS runs C(dkms.conf) as shell code of root. One that comes with the sources is therefore read as data and never reaches DKMS. What
    it says is a default for O(modules), O(make), O(depends) and O(build_exclusive); anything in it that a shell would execute is refused.
  - An archive of a vendor is compared with its digest or signature on the controller, and its digest again on the host, before anything
    of it is unpacked. Links, special files, odd names and archives that are too large are refused. A top folder that all files lie in is
    left out. A build still runs the vendor's Makefile as root, so it is the digest or signature that is trusted.
  - A version that is built never changes. Another source for it is refused with code C(source_differs); give it a new version instead.
  - C(--force) is never passed to DKMS. A newer installed version of the same module file has to be removed before an older one is
    installed; children of twostep carry the version in the file name, so theirs lie side by side.
  - One host can build for many. With O(binaries_to) the built modules are kept on the controller; with O(binaries_from) a host gets them
    instead of building, if they are of the very source, options, kernel and symbol versions, and else builds by itself and says why.
    Such a host needs C(dkms), but neither compiler nor headers. C(dkms ldtarball) is not used, since it verifies nothing.
  - Where a file is in place, DKMS may still call its version C(built), because it counts one version of a package as active per kernel.
    This module then reports C(installed).
notes:
  - DKMS may sign by itself, with a key that it makes. O(sign) replaces such a signature. What a kernel upgrade lets DKMS build is
    signed by DKMS only; run this module with O(sign) and the new kernel in O(kernels) before the reboot.
  - A kernel upgrade lets DKMS build only the newest version of each package. M(twostep.hotswap.parent) leaves a script with
    Debian's packages of kernels that has it build the committed ones as well; elsewhere run this module with the new kernel in
    O(kernels) before the reboot.
author:
  - The twostep.hotswap authors (@twostep)
options:
  package:
    description: Name of the DKMS package. For children of twostep it is C(twostep-<family>).
    type: str
    required: true
  version:
    description: Version of the package as three numbers, quoted. The modules must carry the same version.
    type: str
    required: true
  src:
    description:
      - Folder on the controller with the source tree, or an archive of it (C(.tar), C(.tar.gz), C(.tgz) or C(.tar.xz)).
      - Required unless O(state=absent).
    type: path
  src_sha256:
    description:
      - SHA-256 of the archive O(src), as the vendor publishes it.
      - Required for an archive unless O(signature) is given.
    type: str
  signature:
    description:
      - File on the controller with the detached signature of the archive O(src), as C(openssl) makes it, binary. For an Ed25519 key
        C(openssl pkeyutl -sign -rawin), for an RSA or EC key C(openssl dgst -sha256 -sign).
    type: path
  public_key:
    description: File on the controller with the public key for O(signature), PEM. Get it another way than the archive.
    type: path
  vendor_conf:
    description:
      - V(read) takes defaults from the C(dkms.conf) at the top of O(src), if there is one. V(ignore) looks at the options alone.
    type: str
    choices: [read, ignore]
    default: read
  folders:
    description:
      - Names of the folders directly in O(src) that the package consists of, besides the files directly in O(src). Default is all.
      - A change in any packed file makes the source another one, so name only what the modules are built from.
    type: list
    elements: str
    default: []
  modules:
    description:
      - The modules that the package yields. Default is what the vendor's C(dkms.conf) names.
      - Required unless O(state=absent) or O(state=added), or O(src) has a C(dkms.conf).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the module, without C(.ko).
        type: str
        required: true
      location:
        description: Folder inside the source tree whose Kbuild makes the module, V(.) for its top.
        type: str
        required: true
  make:
    description: Arguments for make, each as C(NAME=value) without spaces or quotes.
    type: list
    elements: str
    default: []
  depends:
    description: DKMS packages that have to be installed for the same kernel before this one is built.
    type: list
    elements: str
    default: []
  build_exclusive:
    description:
      - For which kernels the package is meant. Any other gets the status V(excluded) and no build.
      - The patterns are extended regular expressions, found anywhere, without braces and character classes by name.
    type: dict
    suboptions:
      kernel:
        description: Pattern for the kernel release.
        type: str
      arch:
        description: Pattern for the machine as printed by C(uname -m).
        type: str
      config:
        description: Kernel options that must be set, or with C(!) before it must not.
        type: list
        elements: str
  sign:
    description:
      - Signs the built modules before they are installed, and proves it by reading the signature. A signature by somebody else is replaced.
      - Paths are paths on the managed host; no key is ever sent to one. Best have a key in a hardware module and use
        O(sign.command), or build on one host that has it.
    type: dict
    suboptions:
      certificate:
        description: X.509 certificate of the key on the host, PEM or DER. The signature must name it.
        type: path
        required: true
      key:
        description:
          - Private key on the host without a passphrase, PEM. C(scripts/sign-file) of the kernel's headers gets its path.
          - It must be a plain file of root that nobody else can read, mode 0600 or 0400.
        type: path
      command:
        description:
          - Program on the host, with arguments, that appends a signature to the file whose path it gets as the last argument.
          - It must not contain secrets, since arguments can be seen by other processes.
        type: list
        elements: str
      hash:
        description: Digest for O(sign.key).
        type: str
        choices: [sha256, sha384, sha512]
        default: sha256
  symvers:
    description:
      - V(publish) keeps the symbol versions of the build for the builds of other packages.
      - When left out, they are not kept.
    type: str
    choices: [publish]
  symvers_from:
    description:
      - DKMS package whose published symbol versions this one is built with.
      - They are looked up at build time, so a build that a kernel upgrade triggers finds the right ones.
    type: str
  kernels:
    description:
      - Kernel releases to build for. Default is the running one.
      - With O(state=absent) the version is removed from all kernels, whatever is given here.
    type: list
    elements: str
  binaries_to:
    description:
      - Folder on the controller that gets the built modules of each kernel in O(kernels), for O(binaries_from) of other hosts.
      - It is created with mode 0700 and must be writable for its owner only, since its content is loaded by root elsewhere.
    type: path
  binaries_from:
    description:
      - Folder on the controller that an earlier task has filled by O(binaries_to).
      - It is looked into for the host's running kernel, or for O(kernels) where they are given.
    type: path
  state:
    description:
      - V(present) means built and installed, V(built) at least built, V(added) at least registered.
      - V(absent) removes builds, installed files and source of this version from all kernels. It is refused with code
        C(module_loaded) while one of its modules is loaded.
    type: str
    choices: [present, built, added, absent]
    default: present
  archive:
    description: Path of the packed source on the host. Set by the action plugin only.
    type: path
  archive_sha256:
    description: SHA-256 of the packed source. Set by the action plugin only.
    type: str
  archive_suffix:
    description: How a vendor's archive is packed. Set by the action plugin only.
    type: str
    choices: [.tar, .tar.gz, .tgz, .tar.xz]
  export_folder:
    description: Folder on the host for the built binaries. Set by the action plugin only.
    type: path
  offers:
    description: Binaries that were built elsewhere. Set by the action plugin only.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path of the binary on the host, empty in check mode.
        type: path
      sha256:
        description: SHA-256 of the binary.
        type: str
        required: true
      manifest:
        description: What the controller has read of it.
        type: dict
        required: true
attributes:
  check_mode:
    description: Can run in check mode and returns the steps without doing any. The source is not transferred.
    support: full
  diff_mode:
    description: Shows the status per kernel before and after.
    support: full
requirements:
  - dkms, a compiler, make and the headers of each kernel, on the managed host
seealso:
  - module: twostep.hotswap.parent
"""

EXAMPLES = r"""
- name: Install the parent
  twostep.hotswap.dkms:
    package: twostep
    version: "1.0.0"
    src: "{{ playbook_dir }}/kmod"
    modules:
      - name: twostep
        location: parent
    symvers: publish

- name: Build remap 1.1.0 ahead of the upgrade, beside the version that serves
  twostep.hotswap.dkms:
    package: twostep-remap
    version: "1.1.0"
    src: "{{ playbook_dir }}/kmod"
    folders: [remap, include, compat]
    modules:
      - name: twostep_remap_1_1_0
        location: remap
    make:
      - RELEASE=1.1.0
    depends:
      - twostep
    symvers_from: twostep

- name: Install what a vendor publishes, signed with the key of this site
  twostep.hotswap.dkms:
    package: twostep-remap
    version: "1.1.0"
    src: files/twostep-remap-1.1.0.tar.xz
    src_sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    symvers_from: twostep
    sign:
      certificate: /etc/twostep/module.pem
      command: [/usr/local/sbin/sign-module-with-hsm]

- name: The same by the vendor's signature, on the host that has the key
  twostep.hotswap.dkms:
    package: twostep-remap
    version: "1.1.0"
    src: files/twostep-remap-1.1.0.tar.xz
    signature: files/twostep-remap-1.1.0.tar.xz.sig
    public_key: files/vendor.pem
    symvers_from: twostep
    sign:
      certificate: /etc/twostep/module.pem
      key: /etc/twostep/module.key

- name: Build once, on a host that has compiler and headers
  twostep.hotswap.dkms:
    package: twostep-remap
    version: "1.1.0"
    src: "{{ playbook_dir }}/kmod"
    folders: [remap, include, compat]
    make: [RELEASE=1.1.0]
    modules:
      - name: twostep_remap_1_1_0
        location: remap
    symvers_from: twostep
    kernels: ["{{ ansible_kernel }}"]
    state: built
    binaries_to: ~/.cache/twostep/binaries
  delegate_to: builder

- name: Install what was built
  twostep.hotswap.dkms:
    package: twostep-remap
    version: "1.1.0"
    src: "{{ playbook_dir }}/kmod"
    folders: [remap, include, compat]
    make: [RELEASE=1.1.0]
    modules:
      - name: twostep_remap_1_1_0
        location: remap
    symvers_from: twostep
    binaries_from: ~/.cache/twostep/binaries

- name: Remove a version that nothing uses any more
  twostep.hotswap.dkms:
    package: twostep-remap
    version: "1.0.0"
    state: absent
"""

RETURN = r"""
code:
  description: Stable word for the reason of a failure, e.g. V(no_headers), V(build_failed) or V(source_differs).
  returned: failure
  type: str
  sample: no_headers
data:
  description: Evidence of a failure. For V(build_failed) the path of make.log in C(log) and up to 20 of its lines in C(log_lines).
  returned: failure
  type: dict
package:
  description: Name of the package.
  returned: success
  type: str
  sample: twostep-remap
version:
  description: Version of the package.
  returned: success
  type: str
  sample: 1.1.0
steps:
  description: What was done, or in check mode would be done, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: >-
        One of V(write_source), V(add), V(discard_build), V(build), V(place), V(sign), V(install), V(uninstall), V(remove), V(remove_tree),
        V(remove_file), V(remove_source).
      type: str
    kernel:
      description: Kernel release, or an empty string.
      type: str
    path:
      description: File that the step removes, or an empty string.
      type: str
    reason:
      description: Why the step is needed.
      type: str
    seconds:
      description: How long it took; none in check mode.
      type: float
kernels:
  description: >-
    What each wanted kernel has; in check mode what it has now. With O(state=absent) the kernels that had anything of this
    version.
  returned: success
  type: list
  elements: dict
  contains:
    kernel:
      description: Kernel release.
      type: str
    status:
      description: V(installed), V(built), V(added) or V(absent), found by looking at the files, or V(excluded).
      type: str
    reason:
      description: Why the package is not meant for this kernel. Present only with V(excluded).
      type: str
    modules:
      description: The installed module files.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the module.
          type: str
        path:
          description: Path of the file.
          type: str
        version:
          description: Version that the file carries.
          type: str
        vermagic:
          description: Kernel and options that the file was built for.
          type: str
        srcversion:
          description: Checksum of the module's sources.
          type: str
        sha256:
          description: SHA-256 of the file.
          type: str
        signed:
          description: Whether a signature is appended. Says nothing about whether the kernel trusts it.
          type: bool
        signer:
          description: Common name of the issuer of the signer's certificate, as modinfo shows it; empty when the signature names none.
          type: str
        signature_key:
          description: Serial number of the signer's certificate or its key identifier, in hexadecimal.
          type: str
        signature_hash:
          description: Digest that was signed, e.g. V(sha256).
          type: str
        problem:
          description: Why the file is no module. Present only then.
          type: str
signature_policy:
  description: What the host demands of a module's signature, read before anything is done.
  returned: success
  type: dict
  contains:
    lockdown:
      description: V(none), V(integrity), V(confidentiality) or V(unknown).
      type: str
    secure_boot:
      description: V(on), V(off), V(absent) where there is no EFI, or V(unknown).
      type: str
    sig_enforce:
      description: Whether the kernel refuses unsigned modules by a parameter of its own.
      type: bool
    refuses_unsigned:
      description: Why the kernel refuses unsigned modules, or an empty string. Then an unsigned module is a failure, V(unsigned).
      type: str
    keys:
      description: Names of public keys that the kernel holds, as far as C(/proc/keys) shows them.
      type: list
      elements: str
    dkms_key:
      description: The key that DKMS makes by itself, V(absent), V(private), or V(exposed) when others can read it.
      type: str
vendor_conf:
  description: What was read from the C(dkms.conf) of the sources; options that were given win.
  returned: when the sources have one and O(vendor_conf=read)
  type: dict
  contains:
    package:
      description: Name of the package.
      type: str
    version:
      description: Version of the package.
      type: str
    modules:
      description: Default for O(modules).
      type: list
      elements: dict
    make:
      description: Default for O(make).
      type: list
      elements: str
    depends:
      description: Default for O(depends).
      type: list
      elements: str
    build_exclusive:
      description: Default for O(build_exclusive).
      type: dict
    passed_over:
      description: What it says and is not followed.
      type: list
      elements: str
binaries:
  description: What became of the binaries that O(binaries_from) had for this host's kernels.
  returned: success
  type: list
  elements: dict
  contains:
    kernel:
      description: Kernel release.
      type: str
    taken:
      description: Whether it was fit to be installed here. One that is built already is not touched.
      type: bool
    reason:
      description: Why it was not, or an empty string.
      type: str
    built_on:
      description: Name of the host that built it, or an empty string.
      type: str
    build_seconds:
      description: How long the build took there; 0 when it was there already.
      type: float
exported:
  description: The files that O(binaries_to) has got.
  returned: success
  type: list
  elements: dict
  contains:
    kernel:
      description: Kernel release.
      type: str
    arch:
      description: Architecture as printed by C(uname -m).
      type: str
    path:
      description: File on the controller.
      type: str
    sha256:
      description: SHA-256 of the file.
      type: str
"""

import os
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary, dkms_conf, names, signing_request
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.built_binary import Offer
from ansible_collections.twostep.hotswap.plugins.module_utils.host.dkms_job import Job, Outcome, Request
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import run

_STATUS_AFTER = {"present": "installed", "built": "built", "added": "added", "absent": "absent"}


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "package": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "src": {"type": "path"},
        "src_sha256": {"type": "str"},
        "signature": {"type": "path"},
        "public_key": {"type": "path", "no_log": False},
        "vendor_conf": {"type": "str", "choices": ["read", "ignore"], "default": "read"},
        "folders": {"type": "list", "elements": "str", "default": []},
        "modules": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"name": {"type": "str", "required": True}, "location": {"type": "str", "required": True}},
        },
        "make": {"type": "list", "elements": "str", "default": []},
        "depends": {"type": "list", "elements": "str", "default": []},
        "build_exclusive": {
            "type": "dict",
            "options": {"kernel": {"type": "str"}, "arch": {"type": "str"}, "config": {"type": "list", "elements": "str"}},
        },
        "sign": {
            "type": "dict",
            "options": {
                "certificate": {"type": "path", "required": True},
                # A path: what it names never gets here.
                "key": {"type": "path", "no_log": False},
                "command": {"type": "list", "elements": "str"},
                "hash": {"type": "str", "choices": list(signing_request.HASHES), "default": "sha256"},
            },
            "mutually_exclusive": [("key", "command")],
            "required_one_of": [("key", "command")],
        },
        "symvers": {"type": "str", "choices": ["publish"]},
        "symvers_from": {"type": "str"},
        "kernels": {"type": "list", "elements": "str"},
        "state": {"type": "str", "choices": ["present", "built", "added", "absent"], "default": "present"},
        "archive": {"type": "path"},
        "archive_sha256": {"type": "str"},
        "archive_suffix": {"type": "str", "choices": [".tar", ".tar.gz", ".tgz", ".tar.xz"]},
        "binaries_to": {"type": "path"},
        "binaries_from": {"type": "path"},
        "export_folder": {"type": "path"},
        "offers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "path": {"type": "path"},
                "sha256": {"type": "str", "required": True},
                "manifest": {"type": "dict", "required": True},
            },
        },
    }


def request_from(params: dict[str, Any], running_kernel: str) -> Request:
    """Return the request; every value has passed its check, else the check's error is raised."""
    state = params["state"]
    package = dkms_conf.package(
        params["package"],
        params["version"],
        modules=params["modules"],
        make=params["make"],
        depends=params["depends"],
        publish_symvers=params["symvers"] == "publish",
        symvers_from=params["symvers_from"],
        exclusive=params["build_exclusive"],
    )
    signing = signing_request.signing(params["sign"])
    if state in ("present", "built") and not package.modules:
        raise TwostepError("no_modules", f"state {state} needs to know which modules the package yields.", "Set modules.")
    if state != "absent" and not params["archive_sha256"]:
        raise TwostepError("no_src", f"state {state} needs a source.", "Set src to the folder with the module's sources on the controller.")
    kernels = tuple(dict.fromkeys(names.kernel(kernel) for kernel in params["kernels"] or [running_kernel]))
    if state == "absent":
        return Request(package, state, kernels)
    return Request(
        package,
        state,
        kernels,
        params["archive"] or "",
        params["archive_sha256"],
        archive_suffix=params["archive_suffix"] or "",
        folders=tuple(params["folders"]),
        signing=signing if state != "added" else None,
        offers=tuple(Offer(built_binary.manifest(offer["manifest"]), offer["path"] or "", offer["sha256"]) for offer in params["offers"]),
        export_folder=params["export_folder"] or "",
    )


def result_of(job: Job, request: Request, outcome: Outcome, check_mode: bool) -> dict[str, Any]:
    """Return the result of the module, with the diff."""
    shown = job.kernels_of(outcome)
    before = {entry["kernel"]: entry["status"] for entry in job.report(outcome.before, shown)}
    kernels = job.report(outcome.after, shown)
    after = {entry["kernel"]: entry["status"] for entry in kernels}
    if check_mode and outcome.steps:
        after = {kernel: status if status == "excluded" else _STATUS_AFTER[request.state] for kernel, status in before.items()}
    return {
        "changed": bool(outcome.steps),
        "package": request.package.name,
        "version": request.package.version,
        "steps": [
            {"action": step.action, "kernel": step.kernel, "path": step.path, "reason": step.reason, "seconds": seconds}
            for step, seconds in zip(outcome.steps, [*outcome.seconds, *[None] * len(outcome.steps)])
        ],
        "kernels": kernels,
        "signature_policy": {
            **asdict(job.policy),
            "keys": list(job.policy.keys),
            "refuses_unsigned": job.policy.refuses_unsigned,
        },
        "binaries": [
            {
                "kernel": kernel,
                "taken": not received.reason,
                "reason": received.reason,
                "built_on": received.manifest.built_on,
                "build_seconds": received.manifest.build_seconds,
            }
            for kernel, received in job.received.items()
        ],
        "exported": list(outcome.exported),
        "diff": {"before": before, "after": after},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        request = request_from(module.params, os.uname().release)
        job = Job(request, Paths(), run)
        outcome = job.check() if module.check_mode else job.apply()
        module.exit_json(**result_of(job, request, outcome, module.check_mode))
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, data=error.data)


if __name__ == "__main__":
    main()
