# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is packed is what is imported. That it runs alone is seen with the programs that are packed."""

from __future__ import annotations

import io
import zipfile

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import packed, runner

SOURCE = b"""
import os
from . import a, b as c
from .d import e
from ..core import f
from ..core.g import h
from os import path


def later():
    from .i import j
"""


def test_only_what_is_imported_of_us_goes_in() -> None:
    assert sorted(packed._imported("host", SOURCE)) == ["core.f", "core.g", "host.a", "host.b", "host.d", "host.i"]
    assert sorted(packed._imported("core", b"from . import x\nfrom .y import z")) == ["core.x", "core.y"]


def test_imports_are_followed() -> None:
    names = zipfile.ZipFile(io.BytesIO(packed.pack(runner, "p"))).namelist()
    assert names == ["__main__.py", "p/__init__.py", "p/core/__init__.py", "p/core/errors.py", "p/host/__init__.py", "p/host/runner.py"]


@pytest.mark.parametrize("answer", [None, FileNotFoundError()])
def test_a_source_that_is_not_shipped(monkeypatch, answer) -> None:
    def get(_package: str, _name: str) -> bytes | None:
        if answer:
            raise answer
        return None

    monkeypatch.setattr(packed, "get_data", get)
    with pytest.raises(TwostepError) as caught:
        packed.pack(runner, "p")
    assert caught.value.code == "no_source"
    assert caught.value.message.endswith("host.runner cannot be read.")
    assert caught.value.next_step == "Install the collection with its sources."
