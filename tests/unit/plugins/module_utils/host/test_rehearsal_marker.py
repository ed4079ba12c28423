# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rehearsal_marker
from ansible_collections.twostep.hotswap.plugins.module_utils.host.rehearsal_marker import Marker
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of

MARKER = Marker("rehearse-0123456", (module_of("1.1.0"), "loop"))


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    os.makedirs(fake.paths.state)
    return fake


def test_fake_parent_what_was_written_is_read(fake_parent: FakeParent) -> None:
    assert rehearsal_marker.read(fake_parent.paths) is None
    rehearsal_marker.write(fake_parent.paths, MARKER)
    assert rehearsal_marker.read(fake_parent.paths) == MARKER
    rehearsal_marker.remove(fake_parent.paths)
    assert rehearsal_marker.read(fake_parent.paths) is None
    rehearsal_marker.remove(fake_parent.paths)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"slot": "rehearse-1"}', '{"slot": "data", "modules": []}', '{"slot": "rehearse-1", "modules": ["../x"]}'],
)
def test_fake_parent_a_damaged_marker_names_nothing(fake_parent: FakeParent, text: str) -> None:
    with open(os.path.join(fake_parent.paths.state, "rehearsal.json"), "w", encoding="ascii") as stream:
        stream.write(text)
    assert rehearsal_marker.read(fake_parent.paths) == Marker("", ())


def test_fake_parent_it_cannot_be_written(fake_parent: FakeParent) -> None:
    os.rmdir(fake_parent.paths.state)
    with pytest.raises(TwostepError) as caught:
        rehearsal_marker.write(fake_parent.paths, MARKER)
    assert caught.value.code == "write_failed"
    assert caught.value.message.endswith("/rehearsal.json cannot be written: No such file or directory.")


def test_fake_parent_one_at_a_time(fake_parent: FakeParent) -> None:
    with rehearsal_marker.alone(fake_parent.paths):
        with pytest.raises(TwostepError) as caught, rehearsal_marker.alone(fake_parent.paths):
            pass
        assert caught.value.code == "rehearsal_running"
        assert str(caught.value) == "Another rehearsal runs on this host. Next: Wait until it has ended, then run again."
    with rehearsal_marker.alone(fake_parent.paths):
        pass
    assert os.listdir(fake_parent.paths.state) == []


def test_fake_parent_the_folder_is_made(tmp_path) -> None:
    fake = FakeParent(tmp_path)
    with rehearsal_marker.alone(fake.paths):
        assert os.stat(fake.paths.state).st_mode & 0o777 == 0o700


def test_fake_parent_without_a_folder(tmp_path) -> None:
    fake = FakeParent(tmp_path)
    fake.put(tmp_path / "var", "a file")
    with pytest.raises(TwostepError) as caught, rehearsal_marker.alone(fake.paths):
        pass
    assert caught.value.code == "write_failed"


def test_fake_parent_modules_are_unloaded_but_for_those_in_use(fake_parent: FakeParent) -> None:
    fake_parent.register("1.1.0")
    assert rehearsal_marker.unload(fake_parent.world, MARKER.modules) == [f"module {module_of('1.1.0')}"]
    fake_parent.register("1.1.0")
    fake_parent.drop = lambda module: None  # type: ignore[method-assign]
    assert rehearsal_marker.unload(fake_parent.world, MARKER.modules) == []
