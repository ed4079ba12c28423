# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An example: incremental backup of a slot by the changed-block tracking of ``remap`` from 2.0.0 on.

    incremental.py SLOT BACKUP STATE

brings the file BACKUP up to what the device is, and notes in STATE which epoch that was. It copies what the epoch lists that it
closes if that epoch follows the one of the last backup, and everything otherwise: after a boot, after a release without
tracking, when somebody else has closed an epoch, when the last run did not come to its end.

Who writes meanwhile need not stop; then the copy is of no single instant. For one, freeze the file system around the run.
"""

from __future__ import annotations

import json
import mmap
import os
import pathlib
import sys

STATUS = pathlib.Path("/sys/kernel/twostep/slots")


def copy(device: int, backup: int, offset: int, length: int, buffer: mmap.mmap) -> None:
    """Copy one piece, read past the page cache."""
    view = memoryview(buffer)[:length]
    while view:
        done = os.preadv(device, [view], offset)
        if not done:
            raise SystemExit(f"incremental: the device ends at byte {offset}. Next: has it become smaller? Make a full backup.")
        os.pwrite(backup, view[:done], offset)
        offset += done
        view = view[done:]


def changed(bitmap: bytes) -> list[int]:
    """Return the numbers of the chunks whose bits are set."""
    return [8 * index + bit for index, byte in enumerate(bitmap) if byte for bit in range(8) if byte >> bit & 1]


def last_epoch(state: pathlib.Path) -> int | None:
    """Return the epoch that the last backup covers, None if there is none to build on."""
    return json.loads(state.read_text())["epoch"] if state.exists() else None


def back_up(slot: str, target: pathlib.Path, state: pathlib.Path) -> tuple[str, int]:
    """Make one backup; return ``full`` or ``incremental`` and how many bytes were copied."""
    child = STATUS / slot / "child"
    epoch = int((child / "epoch").read_text())
    (child / "epoch").write_text(str(epoch))  # closes it; fails if somebody else just has
    chunk_bytes = int((child / "chunk_bytes").read_text())
    bitmap = (child / "changed").read_bytes()
    if int((child / "epoch").read_text()) != epoch + 1:
        raise SystemExit("incremental: somebody else closed an epoch meanwhile. Next: run it again.")
    kind = "incremental" if last_epoch(state) == epoch - 1 and target.exists() else "full"
    state.unlink(missing_ok=True)  # what follows is a backup of nothing until it is complete
    device = os.open(f"/dev/twostep/{slot}", os.O_RDONLY | os.O_DIRECT)
    backup = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
    copied = 0
    with mmap.mmap(-1, chunk_bytes) as buffer:
        size = os.lseek(device, 0, os.SEEK_END)
        for chunk in range(-(-size // chunk_bytes)) if kind == "full" else changed(bitmap):
            length = min(chunk_bytes, size - chunk * chunk_bytes)
            copy(device, backup, chunk * chunk_bytes, length, buffer)
            copied += length
    os.fsync(backup)
    os.close(backup)
    os.close(device)
    draft = state.with_name(f".{state.name}")
    draft.write_text(json.dumps({"epoch": epoch}))
    draft.replace(state)
    return kind, copied


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: incremental.py SLOT BACKUP STATE")
    print(*back_up(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])))
