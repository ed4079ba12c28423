# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the kernel's own Coccinelle rules over the kernel code, in report mode: ``make -C kmod coccinelle``.

Each rule says with what options it wants to run; those are obeyed, as scripts/coccicheck does. Headers are looked for
in kmod/ alone: the kernel's would cost minutes, and the rules are written to work without them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kernel_scripts
from bootstrap import ROOT

OPTIONS = re.compile(r"^//\s*Options:(.*)$", re.MULTILINE)
REPORTS = re.compile(r"^virtual\s+(?:\w+,\s*)*report\b", re.MULTILINE)
LEFT_OUT = {
    "api/check_bq27xxx_data.cocci": "about one battery driver",
    "misc/add_namespace.cocci": "rewrites drivers when symbols get a namespace; reports nothing",
    "null/badzero.cocci": "needs an OCaml compiler; sparse finds the same (0 used as a pointer)",
}
INCLUDES = [word for folder in ("include", "compat", "parent", "remap") for word in ("-I", str(ROOT / "kmod" / folder))]


def rules(folder: Path) -> list[Path]:
    """Return the rules that report something and are not left out."""
    found = [path for path in sorted(folder.rglob("*.cocci")) if str(path.relative_to(folder)) not in LEFT_OUT]
    return [path for path in found if REPORTS.search(path.read_text())]


def command(rule: Path, groups: Path) -> list[str]:
    """Return the argument list that runs one rule over the files that ``groups`` lists."""
    options = [word for text in OPTIONS.findall(rule.read_text()) for word in shlex.split(text)]
    return ["spatch", "--very-quiet", "--no-show-diff", "-D", "report", "--cocci-file", str(rule), *options, *INCLUDES,
            "--file-groups", str(groups)]  # fmt: skip


def findings(rule: Path, groups: Path) -> list[str]:
    """Run one rule; return what it reports, or why it could not run."""
    done = subprocess.run(command(rule, groups), cwd=ROOT, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        found.append(f"spatch ended with {done.returncode}: {done.stderr.strip().splitlines()[:1]}")
    return [f"{rule.parent.name}/{rule.name}: {line}" for line in found]


def main() -> int:
    """Run all rules, one per processor at a time."""
    wanted = rules(kernel_scripts.folder() / "coccinelle")
    files = kernel_scripts.sources()
    with tempfile.NamedTemporaryFile("w", suffix=".groups") as groups, ThreadPoolExecutor(os.cpu_count()) as pool:
        groups.write("\n\n".join(files) + "\n")  # an empty line ends a group: each file by itself
        groups.flush()
        found = [line for lines in pool.map(lambda rule: findings(rule, Path(groups.name)), wanted) for line in lines]
    print("\n".join([*found, f"{len(wanted)} Coccinelle rules over {len(files)} files: {len(found)} findings"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
