# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the kernel's checkpatch over the kernel code: ``make -C kmod checkpatch``."""

from __future__ import annotations

import subprocess
import sys

import kernel_scripts
from bootstrap import ROOT

IGNORED = {
    "FILE_PATH_CHANGES": "about patches to the kernel's own list of maintainers",
    "LINUX_VERSION_CODE": "tests/repo has a stricter rule",
    "LINE_SPACING": "an attribute's declaration follows its function at once, as in the kernel's own drivers",
    "MACRO_ARG_PRECEDENCE": "arguments that are names, pasted or declared",
    "MACRO_ARG_REUSE": "arguments that are names or literals",
    "MACRO_WITH_FLOW_CONTROL": "macros that define functions, which return",
    "COMPLEX_MACRO": "a list of initialisers takes no parentheses",
    "ENOSYS": "each refusal of a child has an errno of its own; this one says that a method is missing",
}


def main() -> int:
    """Check every C file and header."""
    program = str(kernel_scripts.folder() / "checkpatch.pl")
    options = ["--no-tree", "--strict", "--terse", "--show-types", "--max-line-length=100", f"--ignore={','.join(IGNORED)}"]
    return subprocess.run(["perl", program, *options, "--file", *kernel_scripts.sources()], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
