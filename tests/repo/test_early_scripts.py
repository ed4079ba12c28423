# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts for an initramfs and for new kernels are written by Python, where the linter of shell scripts does not find them by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot, early_scripts

SCRIPTS = {
    maker: early_scripts.files(maker, "/agent.pyz", "/usr/bin/python3") for maker in (early_scripts.INITRAMFS_TOOLS, early_scripts.DRACUT)
}
SCRIPTS["kernel"] = {"dkms-twostep": boot.render_kernel_script("/agent.pyz")}


@pytest.mark.parametrize("maker", SCRIPTS)
def test_scripts_that_python_writes_are_clean(tmp_path: Path, maker: str) -> None:
    for path, text in SCRIPTS[maker].items():
        file = tmp_path / path.rsplit("/", 1)[-1]
        file.write_text(text, encoding="ascii")
        shell = text.splitlines()[0].removeprefix("#!/bin/")
        subprocess.run([shell, "-n", str(file)], check=True)
        done = subprocess.run(["shellcheck", str(file)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")
