# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LVM: which rows of lvs count as a healthy volume."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_lvm
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

IMAGES = (
    ("vg0/data_rimage_0", "iwi-aor---"),
    ("vg0/data_rimage_1", "iwi-aor---"),
    ("vg0/data_rmeta_0", "ewi-aor---"),
    ("vg0/data_rmeta_1", "ewi-aor---"),
)
RAID1 = health_lvm.Volume("vg0/data", "raid1", "rwi-aor---", "", "idle", "100.00", "2", IMAGES)
MIRROR = health_lvm.Volume(
    "vg0/old", "mirror", "mwi-aom---", "", "", "100.00", "2", (("vg0/old_mimage_0", "iwi-aom---"), ("vg0/old_mimage_1", "iwi-aom---"))
)
RAID0 = health_lvm.Volume("vg0/fast", "raid0", "rwi-aor---", "", "idle", "", "2", ())
WHOLE = "vg0/data is active. vg0/data is whole. vg0/data is not being rebuilt. vg0/data is in sync. All 2 images of vg0/data are in sync."


def with_images(*attrs: str) -> health_lvm.Volume:
    return replace(RAID1, images=tuple((f"vg0/data_rimage_{place}", attr) for place, attr in enumerate(attrs)))


@pytest.mark.parametrize(
    ("volume", "verdict", "reason"),
    [
        (
            RAID1,
            OK,
            WHOLE,
        ),
        (replace(RAID1, sync_action="check", segtype="raid6_zr"), OK, None),
        # Of integrity below an image only the volume's percentage tells.
        (with_images("gwi-aor---", "gwi-aor---"), OK, None),
        (replace(RAID1, attr="rwi---r---"), NOT_OK, "vg0/data is not active."),
        (replace(RAID1, attr="rwi-sor---"), NOT_OK, "vg0/data is suspended."),
        (replace(RAID1, attr="rwi-ior---"), NOT_OK, "vg0/data is not active."),
        (replace(RAID1, attr="rwi-XXr---"), UNKNOWN, "vg0/data does not tell whether it is active."),
        (replace(RAID1, attr=""), UNKNOWN, None),
        (replace(RAID1, attr=None), UNKNOWN, None),
        (replace(RAID1, attr="rwi-aor-p-", health="partial"), NOT_OK, "vg0/data is not whole: lvs reports 'partial'."),
        (replace(RAID1, health="refresh needed"), NOT_OK, "vg0/data is not whole: lvs reports 'refresh needed'."),
        (replace(RAID1, health="mismatches exist"), NOT_OK, "vg0/data is not whole: lvs reports 'mismatches exist'."),
        (replace(RAID1, health="unknown"), UNKNOWN, "vg0/data does not tell its health."),
        (replace(RAID1, health=None), UNKNOWN, None),
        (replace(RAID1, sync_action="recover", sync_percent="41.67"), NOT_OK, None),
        (replace(RAID1, sync_action="resync"), NOT_OK, "vg0/data is busy with resync."),
        (replace(RAID1, sync_action="reshape"), NOT_OK, "vg0/data is busy with reshape."),
        (replace(RAID1, sync_action="repair"), NOT_OK, "vg0/data is busy with repair."),
        (replace(RAID1, sync_action="frozen"), NOT_OK, "vg0/data is busy with frozen."),
        (replace(RAID1, sync_action=""), UNKNOWN, "vg0/data does not tell whether it is being rebuilt."),
        (replace(RAID1, sync_action=None), UNKNOWN, None),
        # A rebuild that waits for its turn.
        (replace(RAID1, sync_percent="0.00"), NOT_OK, "vg0/data is in sync to 0.00 %."),
        (replace(RAID1, sync_percent="99.99"), NOT_OK, "vg0/data is in sync to 99.99 %."),
        (replace(RAID1, sync_percent=""), UNKNOWN, "vg0/data does not tell how much of it is in sync."),
        (replace(RAID1, sync_percent="100"), UNKNOWN, None),
        (replace(RAID1, sync_percent="all"), UNKNOWN, None),
        (replace(RAID1, sync_percent=None), UNKNOWN, None),
        # Alive, idle, all in sync by the percentage, and yet one image holds old data.
        (with_images("iwi-aor---", "Iwi-aor---"), NOT_OK, "vg0/data has images that are not in sync: vg0/data_rimage_1."),
        # Split off with --trackchanges: the image is visible then and has no parent.
        (with_images("iwi-aor---"), UNKNOWN, "vg0/data has 2 images, and 1 of them tell that they are in sync."),
        (with_images("iwi-aor---", "vwi-aor---"), UNKNOWN, None),
        (replace(RAID1, images=()), UNKNOWN, None),
        (replace(RAID1, images=(*IMAGES[:1], ("vg0/data_rimage_1", None))), UNKNOWN, None),
        (replace(RAID1, stripes=None), UNKNOWN, "vg0/data does not tell how many images it has."),
        (replace(RAID1, stripes="\u00b2"), UNKNOWN, None),
        (replace(RAID1, stripes="0", images=()), UNKNOWN, None),
        (MIRROR, OK, None),
        (replace(MIRROR, sync_percent="12.50"), NOT_OK, "vg0/old is in sync to 12.50 %."),
        (replace(MIRROR, health="partial"), NOT_OK, None),
        (replace(MIRROR, sync_action=None), UNKNOWN, None),
        (RAID0, OK, "vg0/fast is active. vg0/fast is whole. vg0/fast is raid0 and keeps no copies that could be lost."),
        (replace(RAID0, segtype="raid0_meta"), OK, None),
        (replace(RAID0, health="partial"), NOT_OK, None),
        (replace(RAID1, segtype="raid99", sync_percent=""), UNKNOWN, None),
    ],
)
def test_judge(volume: health_lvm.Volume, verdict: str, reason: str | None) -> None:
    finding = health_lvm.judge(volume)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def row(lv: str, segtype: str = "linear", attr: str = "-wi-ao----", parent: str = "", action: str = "", percent: str = "") -> dict:
    words = ("vg0", lv, segtype, attr, parent, "", action, percent, "2" if segtype != "linear" else "1")
    return dict(zip(health_lvm.FIELDS, words))


def answer(*rows: object) -> str:
    return json.dumps({"report": [{"lv": list(rows)}]})


def test_hidden_volumes_count_and_lose_their_brackets() -> None:
    # A raid volume below a cache, as in a listing of lvs -a; one of a thin pool looks the same.
    volumes = health_lvm.parse(
        answer(
            row("root", "cache", "Cwi-aoC---"),
            row("[root_corig]", "raid1", "rwi-aoC---", action="idle", percent="100.00"),
            row("[root_corig_rimage_0]", attr="iwi-aor---", parent="[root_corig]"),
            row("[root_corig_rimage_1]", attr="iwi-aor---", parent="[root_corig]"),
            row("plain"),
            row("plain"),
        )
    )
    assert [volume.name for volume in volumes] == ["vg0/root_corig"]
    assert volumes[0].images == (("vg0/root_corig_rimage_0", "iwi-aor---"), ("vg0/root_corig_rimage_1", "iwi-aor---"))
    assert health_lvm.judge(volumes[0]).verdict == OK


def test_images_are_not_taken_from_another_group() -> None:
    other = {**row("[data_rimage_0]", attr="Iwi-aor---", parent="data"), "vg_name": "vg1"}
    assert health_lvm.parse(answer(row("data", "raid1"), other))[0].images == ()


def test_more_volumes_than_a_report_has_room_for_are_all_judged() -> None:
    assert len(health_lvm.parse(answer(*(row(f"lv{number}", "raid1") for number in range(1000))))) == 1000


def test_a_field_that_is_missing_or_no_string_is_not_told() -> None:
    # json_std has numbers where json has strings.
    (volume,) = health_lvm.parse(answer({**row("data", "raid1"), "sync_percent": 100.0, "stripes": 2, "lv_health_status": None}))
    assert (volume.sync_percent, volume.stripes, volume.health) == (None, None, None)
    assert health_lvm.judge(volume).verdict == UNKNOWN


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "nonsense",
        '  {\n      "report": [\n          {\n              "lv": [\n                  {"vg_name":"vg0", "lv_name":"data"',
        "[]",
        "{}",
        '{"report": []}',
        '{"report": {}}',
        '{"report": [[]]}',
        '{"report": [{"vg": []}]}',
        answer("data"),
        answer({**row("data", "raid1"), "vg_name": ""}),
        answer({**row("data", "raid1"), "lv_name": 1}),
        answer({**row("data"), "segtype": None}),
        answer({key: value for key, value in row("data").items() if key != "lv_parent"}),
    ],
)
def test_an_answer_of_another_form_is_refused(stdout: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_lvm.parse(stdout)
    assert (caught.value.code, caught.value.message) == ("unreadable_answer", "The answer of lvs could not be read.")


def test_evidence_is_the_snapshot() -> None:
    assert health_lvm.evidence(MIRROR) == {
        "segtype": "mirror",
        "attr": "mwi-aom---",
        "health": "",
        "sync_action": "",
        "sync_percent": "100.00",
        "stripes": "2",
        "images": {"vg0/old_mimage_0": "iwi-aom---", "vg0/old_mimage_1": "iwi-aom---"},
    }
