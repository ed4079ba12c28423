# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real command runner, on programs that are everywhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import runner
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result, run


def python(code: str) -> list:
    return [sys.executable, "-c", code]


def test_status_and_both_texts_come_back() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert run(python(code)) == Result(3, "out\n", "err\n")


def test_arguments_reach_the_program_as_they_are() -> None:
    assert run(["echo", "a b", "$HOME", "*", ";ls"]).stdout == "a b $HOME * ;ls\n"


def test_the_environment_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LD_PRELOAD_OF_SOMEBODY", "x")
    told = run(python("import os; print(os.environ['LC_ALL'], os.environ['PATH'], 'LD_PRELOAD_OF_SOMEBODY' in os.environ)")).stdout
    assert told == "C /usr/sbin:/usr/bin:/sbin:/bin False\n"


def test_text_reaches_standard_input() -> None:
    assert run(["cat"], stdin="line\n").stdout == "line\n"


def test_nobody_is_asked_at_the_terminal() -> None:
    assert run(["cat"]) == Result(0, "", "")


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    assert run(python("import sys; sys.stdout.buffer.write(b'a\\xffb')")).stdout == "a\ufffdb"


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(TwostepError) as caught:
        run(["twostep-no-such-program"])
    assert caught.value.code == "no_command"
    assert str(caught.value) == (
        "The program 'twostep-no-such-program' is not installed on this host. "
        "Next: Install the package that provides twostep-no-such-program."
    )


def test_a_file_that_is_no_program_is_named(tmp_path) -> None:
    (tmp_path / "check").write_text("#!/bin/sh\n")
    with pytest.raises(TwostepError) as caught:
        run([str(tmp_path / "check")])
    assert (caught.value.code, caught.value.message) == (
        "no_command",
        f"The program '{tmp_path}/check' cannot be started: Permission denied.",
    )


def test_a_program_that_hangs_is_ended_and_named() -> None:
    with pytest.raises(TwostepError) as caught:
        run(python("import threading; threading.Event().wait()"), timeout_s=0.2)
    assert caught.value.code == "command_timeout"
    assert "within 0.2 s" in caught.value.message


def test_a_program_that_cannot_be_killed_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that waits for a device that does not answer; there, a signal has no effect."""
    left: list[subprocess.Popen] = []
    monkeypatch.setattr(runner, "_PARTING_S", 0.1)

    def keep(process: subprocess.Popen) -> None:
        left.append(process)

    monkeypatch.setattr(subprocess.Popen, "kill", keep)
    with pytest.raises(TwostepError) as caught:
        run(python("import threading; threading.Event().wait()"), timeout_s=0.1)
    assert caught.value.code == "command_timeout"
    (process,) = left
    assert process.poll() is None
    process.terminate()
    process.wait()


def test_what_a_program_does_not_read_is_no_error() -> None:
    assert run(["true"], stdin="x" * 2**20).rc == 0
