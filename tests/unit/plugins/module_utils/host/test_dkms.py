# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each refusal of DKMS becomes. The texts were captured from DKMS 2.8.4, 3.0.10 and 3.2.2."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.dkms import Step
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.dkms import Actor
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

K = "5.10.0-1-amd64"
PACKAGE = dkms_conf.package("twostep-remap", "1.0.0")
BUILD = Step("build", "because", K)
EXCLUDED_30 = (
    "Error! The /var/lib/dkms/twostep-remap/1.0.0/x/x86_64/dkms.conf for module twostep-remap includes a BUILD_EXCLUSIVE directive which"
    " does not match this kernel/arch/config.\nThis indicates that it should not be built.\n"
)
HEADERS_30 = f"Error! Your kernel headers for kernel {K} cannot be found at /lib/modules/{K}/build or /lib/modules/{K}/source.\n"
HEADERS_28 = f"Error! Your kernel headers for kernel {K} cannot be found.\nPlease install the linux-headers-{K} package,\n"
BROKEN_32 = (
    "\nError! twostep-remap/1.0.0 is broken!\nMissing the source directory or the symbolic link pointing to it.\n"
    "Manual intervention is required!\n"
)
FAILED_30 = (
    "Error! Bad return status for module build on kernel: x (x86_64)\n"
    "Consult /var/lib/dkms/twostep-remap/1.0.0/build/make.log for more information.\n"
)
ABORTED_32 = "Module /lib/x.ko already installed at version 1.0.0, override by specifying --force\n\nError! Installation aborted.\n"


def failure(root: Path, step: Step, result: Result) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        Actor(Paths(str(root)), lambda _argv, **_options: result, PACKAGE).do(step)
    return caught.value


@pytest.mark.parametrize(
    ("step", "result", "code"),
    [
        (BUILD, Result(77, "", EXCLUDED_30), "excluded"),
        (BUILD, Result(9, "", EXCLUDED_30), "excluded"),
        (BUILD, Result(1, "", HEADERS_28), "no_headers"),
        (BUILD, Result(1, "", HEADERS_30), "no_headers"),
        (BUILD, Result(21, "", HEADERS_30), "no_headers"),
        (BUILD, Result(10, "", FAILED_30), "dkms_failed"),
        (BUILD, Result(1, "", "cp: error writing 'x': No space left on device\n"), "disk_full"),
        (Step("remove", "because"), Result(4, "", BROKEN_32), "broken_tree"),
        (Step("install", "because", K), Result(6, ABORTED_32, ""), "dkms_failed"),
        (Step("install", "because", K), Result(1, "", ""), "dkms_failed"),
    ],
)
def test_refusals_by_code(tmp_path: Path, step: Step, result: Result, code: str) -> None:
    error = failure(tmp_path, step, result)
    assert error.code == code
    assert error.message.endswith(".")
    assert error.next_step.endswith(".")


def make_log(root: Path, text: str) -> None:
    log = root / "var/lib/dkms/twostep-remap/1.0.0/build/make.log"
    log.parent.mkdir(parents=True)
    log.write_text(text)


@pytest.mark.parametrize("output", [FAILED_30, "no path is named\n"])
def test_a_failed_build_tells_why(tmp_path: Path, output: str) -> None:
    make_log(tmp_path, "make: Entering directory\n/b/io.c:3:2: error: #error broken\n    3 | #error broken\n")
    error = failure(tmp_path, BUILD, Result(10, "", output))
    assert error.code == "build_failed"
    assert error.message == f"The build of twostep-remap 1.0.0 for kernel {K} failed: /b/io.c:3:2: error: #error broken."
    assert error.data["log_lines"] == ["/b/io.c:3:2: error: #error broken", "    3 | #error broken"]
    assert error.data["log"].endswith("/var/lib/dkms/twostep-remap/1.0.0/build/make.log")
    assert error.data["rc"] == 10


def test_a_full_disk_in_the_log_is_the_reason(tmp_path: Path) -> None:
    make_log(tmp_path, "as: io.o: No space left on device\n")
    assert failure(tmp_path, BUILD, Result(10, "", FAILED_30)).code == "disk_full"


def test_argument_lists_never_force(tmp_path: Path) -> None:
    calls = []

    def run(argv: list[str], **_options: object) -> Result:
        calls.append(argv)
        return Result(0, "", "")

    actor = Actor(Paths(str(tmp_path)), run, PACKAGE)
    for step in (Step("add", "x"), BUILD, Step("install", "x", K), Step("uninstall", "x", K), Step("remove", "x")):
        actor.do(step)
    common = ["-m", "twostep-remap", "-v", "1.0.0"]
    assert calls == [
        ["dkms", "add", *common],
        ["dkms", "build", *common, "-k", K],
        ["dkms", "install", *common, "-k", K],
        ["dkms", "uninstall", *common, "-k", K],
        ["dkms", "remove", *common, "--all"],
    ]


def test_a_file_that_is_gone_already_is_no_error_but_a_failed_depmod_is(tmp_path: Path) -> None:
    step = Step("remove_file", "because", K, str(tmp_path / "gone.ko"))
    Actor(Paths(str(tmp_path)), lambda _argv, **_options: Result(0, "", ""), PACKAGE).do(step)
    assert failure(tmp_path, step, Result(1, "", "depmod: FATAL\n")).code == "depmod_failed"


def test_discarding_a_build_takes_its_link_and_no_other(tmp_path: Path) -> None:
    tree = tmp_path / "var/lib/dkms/twostep-remap"
    for version, kernel in (("1.0.0", K), ("1.0.0", "6.0.0"), ("1.0.1", K)):
        (tree / version / kernel / "x86_64").mkdir(parents=True)
    (tree / f"kernel-{K}-x86_64").symlink_to(f"1.0.0/{K}/x86_64")
    (tree / "kernel-6.0.0-x86_64").symlink_to("1.0.0/6.0.0/x86_64")
    Actor(Paths(str(tmp_path)), lambda _argv, **_options: Result(0, "", ""), PACKAGE).do(Step("discard_build", "because", K))
    assert not (tree / "1.0.0" / K).exists()
    assert not (tree / f"kernel-{K}-x86_64").is_symlink()
    assert (tree / "kernel-6.0.0-x86_64").is_symlink()
    assert (tree / "1.0.1" / K).exists()
