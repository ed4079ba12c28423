# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version in reports is the collection's."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core.release import VERSION

GALAXY = Path(__file__).resolve().parents[5] / "galaxy.yml"


def test_the_version_is_that_of_galaxy_yml() -> None:
    assert yaml.safe_load(GALAXY.read_text(encoding="utf-8"))["version"] == VERSION
