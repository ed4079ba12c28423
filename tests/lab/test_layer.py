# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer is only used with the image that it was made from, and with the settings that it was made with."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from lab import layer
from lab.image import Image
from lab.machine import Settings


def test_a_layer_keeps_its_settings(built: Image, tmp_path: Path) -> None:
    settings = Settings(disk_mib=64, kernel_arguments="module.sig_enforce=1")
    (tmp_path / "layer.json").write_text(json.dumps({"image": built.key, **asdict(settings)}))
    assert layer.settings_of(tmp_path, built) == settings


def test_a_layer_of_another_image_is_refused(built: Image, tmp_path: Path) -> None:
    (tmp_path / "layer.json").write_text(json.dumps({"image": "image-trixie-0", **asdict(Settings())}))
    with pytest.raises(SystemExit, match=r"was made from image-trixie-0, not from image-bookworm-.*Next: "):
        layer.settings_of(tmp_path, built)


def test_a_folder_that_is_no_layer_is_refused(built: Image, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"is no layer.*Next: "):
        layer.settings_of(tmp_path, built)


def test_a_bad_name_is_refused(built: Image, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"bad layer name.*Next: "):
        layer.derived("../x", tmp_path, built, "key", ["true"])
