# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import threading
from typing import Iterator

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import servant
from ansible_collections.twostep.hotswap.plugins.module_utils.host.servant import Handlers, Servant

TIMEOUT_S = 60.0


def refuse() -> None:
    raise TwostepError("some_code", "It is wrong.", "Do it right.", {"block": 3})


def handlers() -> Handlers:
    return {
        "add": lambda left, right: left + right,
        "refuse": refuse,
        "break": lambda: "".index("x"),
        "hang": threading.Event().wait,
        "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "files": lambda: sorted(os.listdir("/proc/self/fd")),
        "large": lambda: "x" * 300000,
        "parent": os.getppid,
    }


@pytest.fixture
def hired() -> Iterator[Servant]:
    one = Servant("a test", handlers)
    yield one
    one.end()


def test_it_answers(hired: Servant) -> None:
    assert hired.order("add", TIMEOUT_S, left=2, right=3) == 5
    assert hired.order("add", TIMEOUT_S, left="a", right="b") == "ab"


def test_it_is_a_process_of_its_own(hired: Servant) -> None:
    assert hired.order("parent", TIMEOUT_S) == os.getpid()


def test_an_answer_may_be_larger_than_a_pipe(hired: Servant) -> None:
    assert len(hired.order("large", TIMEOUT_S)) == 300000


def test_a_refusal_keeps_its_data(hired: Servant) -> None:
    with pytest.raises(TwostepError) as caught:
        hired.order("refuse", TIMEOUT_S)
    assert (caught.value.code, str(caught.value), caught.value.data) == ("some_code", "It is wrong. Next: Do it right.", {"block": 3})
    assert hired.order("add", TIMEOUT_S, left=1, right=1) == 2


def test_a_defect_of_ours_is_an_answer_too(hired: Servant) -> None:
    with pytest.raises(TwostepError) as caught:
        hired.order("break", TIMEOUT_S)
    assert caught.value.code == "rehearsal_failed"
    assert str(caught.value) == (
        "The rehearsal's order break failed: ValueError: substring not found. Next: Look at the host, and report this."
    )


def test_one_that_hangs_is_not_waited_for(hired: Servant) -> None:
    with pytest.raises(TwostepError) as caught:
        hired.order("hang", 0.0)
    assert caught.value.code == "stuck"
    assert str(caught.value) == (
        "The rehearsal's process for a test did not answer within 0.0 s. "
        "Next: Read the kernel log of the host: the child may keep requests, or sleep where it must not."
    )
    assert caught.value.data == {"process": "a test", "pid": hired.pid}
    with pytest.raises(TwostepError) as caught:
        hired.begin("add", left=1, right=1)
    assert "still has its last order to do" in caught.value.message
    assert hired.end(TIMEOUT_S)


def test_one_that_dies_is_noticed(hired: Servant) -> None:
    with pytest.raises(TwostepError) as caught:
        hired.order("die", TIMEOUT_S)
    assert (caught.value.code, "ended without an answer" in caught.value.message) == ("stuck", True)
    with pytest.raises(TwostepError):
        hired.begin("add", left=1, right=1)


def test_it_has_only_the_files_that_it_needs(tmp_path) -> None:
    with open(tmp_path / "kept", "w", encoding="ascii") as kept, open(tmp_path / "other", "w", encoding="ascii") as other:
        one = Servant("a test", handlers, [kept.fileno()])
        found = one.order("files", TIMEOUT_S)
        assert one.end()
        assert str(kept.fileno()) in found
        assert len(found) == 7  # the standard ones, two pipes, the kept one, and the folder that is being listed
        assert other.fileno() > 2


def test_what_cannot_even_begin_says_why() -> None:
    def broken() -> Handlers:
        raise OSError(2, "No such file or directory")

    one = Servant("a test", broken)
    with pytest.raises(TwostepError, match="The rehearsal's order begin failed: FileNotFoundError"):
        one.order("add", TIMEOUT_S)
    assert one.end()


def test_its_end_is_seen_and_may_be_asked_for_twice(hired: Servant) -> None:
    assert hired.end()
    assert hired.end()


def test_an_order_that_does_not_exist() -> None:
    assert servant.answer({}, "nothing", {})["error"]["code"] == "rehearsal_failed"
