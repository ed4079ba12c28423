# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended parent on which a scratch slot can be made, with a file as its device: the I/O is real, its users are not.

It shows what a rehearsal does and says, and that it cleans up. What children do is shown by real ones, in virtual machines.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Sequence

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_control import Control
from ansible_collections.twostep.hotswap.plugins.module_utils.host.servant import Orders, answer
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import TIMES, FakeParent

SIZE_MIB = 4
QUEUE = {
    "write_cache": "write back", "fua": "0", "discard_max_bytes": "0", "write_zeroes_max_bytes": "0", "logical_block_size": "4096",
}  # fmt: skip
SETTINGS = {"queue_depth": "128", "hw_queues": "2", "request_bytes": "256", "inflight_policy": "drain"}


class Inline:
    """A servant that is no process: an order is done when it is begun."""

    pid = 1

    def __init__(self, name: str, orders: Orders, keep: Sequence[int] = ()) -> None:
        self.name = name
        self.is_stuck = False
        self.ended = False
        self.orders: list[str] = []
        self._handlers = orders()
        self._answer: dict[str, Any] = {}

    def order(self, order: str, timeout_s: float, **arguments: Any) -> Any:
        self.begin(order, **arguments)
        return self.finish(timeout_s)

    def begin(self, order: str, **arguments: Any) -> None:
        self.orders.append(order)
        self._answer = answer(self._handlers, order, arguments)

    def finish(self, timeout_s: float) -> Any:
        if "error" in self._answer:
            raise TwostepError(**self._answer["error"])
        return self._answer["result"]

    def end(self, timeout_s: float = 2.0) -> bool:
        self.ended = True
        return not self.is_stuck


class DiskDouble:
    """A scratch device that passes on all that it is given."""

    def __init__(self, kind: str = "loop") -> None:
        self.kind = kind
        self.arrived: list[list[Any]] = [["write", 0, SIZE_MIB << 20, False], ["flush", 0, 0, False]]
        self.left: list[str] = []
        self.calls: list[str] = []
        self.on_stall: Callable[[], None] = lambda: None

    def make(self) -> str:
        self.calls.append("make")
        return "/dev/scratch0"

    def mark(self) -> None:
        pass

    def taken(self) -> list[list[Any]]:
        return self.arrived

    def stall(self) -> None:
        self.calls.append("stall")
        self.on_stall()

    def stalled(self, timeout_s: float) -> bool:
        return True

    def release(self) -> None:
        self.calls.append("release")

    def remove(self) -> list[str]:
        self.calls.append("remove")
        return self.left


class RehearsalDouble(FakeParent):
    """`on_swap` is called with slot and version when a scratch slot is swapped, before it is."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.on_swap: Callable[[str, str], None] = lambda slot, version: None
        self.control = Control(self.paths, self.status, self.write, self.make_slot, self.drop_slot)
        self.world = replace(self.world, control=self.control)
        self.add_slot()
        self.install("1.1.0")
        self.queue("data")
        for name, value in SETTINGS.items():
            self.put(root / f"sys/kernel/config/twostep/data/{name}", value)
        self.put(root / "proc/meminfo", "MemTotal: 2000000 kB\nMemAvailable: 1000000 kB")
        self.put(root / "dev/loop-control", "")
        self.put(root / "dev/nbd0", "")
        self.fill = bytes(SIZE_MIB << 20)

    def queue(self, slot: str, **changes: str) -> None:
        for name, value in {**QUEUE, **changes}.items():
            self.put(self.root / f"sys/class/block/twostep!{slot}/queue/{name}", value)
        self.put(self.root / f"sys/class/block/twostep!{slot}/stat", "0 0")

    def device(self, slot: str) -> Path:
        return self.root / "dev/twostep" / slot

    def scratch_slots(self) -> list[str]:
        return [name for name in self.status.slot_names() if name.startswith("rehearse-")]

    def make_slot(self, path: str) -> None:
        os.makedirs(path)
        slot = os.path.basename(path)
        self.set(slot, state="empty", family="", params="", version="", module="", generation=0, parked="", inflight=0, openers=0)
        self.set(slot, srcversion="", previous="", probation="none", probation_failures=0, refused_ends=0, hold_histogram="0 0 0")
        self.set(slot, last_swap__generation=0, last_swap__from="", last_swap__to="", last_swap__mode="handover")
        self.set(slot, last_swap__result="none", last_swap__reason="", last_swap__held_requests=0, last_swap__hold_ns=0)
        self.set(slot, last_swap__return_hold_ns=2_000_000, **{f"last_swap__{name}": 0 for name in TIMES})

    def drop_slot(self, path: str) -> None:
        slot = os.path.basename(path)
        if self.get("state", slot) != "empty":
            raise OSError(16, "busy")
        shutil.rmtree(path)
        shutil.rmtree(str(self.folder(slot)))

    def write(self, path: str, text: str) -> None:
        slot, name = path.rsplit("/", 2)[1:]
        if name in ("swap", "commit") or name in self.refuse:
            super().write(path, text)
            return
        self.writes.append((name, text))
        if name == "active":
            self.set(slot, state="empty", version="", module="", parked="")
            with contextlib.suppress(FileNotFoundError):
                self.device(slot).unlink()
        elif name in ("family", "params"):
            self.set(slot, **{name: text})
        else:
            self.put(Path(path), text)

    def _swap(self, slot: str, line: dict[str, str]) -> None:
        if not self.device(slot).exists() and slot.startswith("rehearse-"):
            self.device(slot).parent.mkdir(parents=True, exist_ok=True)
            self.device(slot).write_bytes(self.fill)
            self.queue(slot)
            self.set(slot, child__reads=3, child__note="a word")
            self.adopt(slot, line["version"])
            return
        self.on_swap(slot, line["version"])
        super()._swap(slot, line)

    def bring_back(self, slot: str, cause: str = "request stalled: tag 1 READ for 120 ms") -> None:
        """Do what the kernel does in a probation that goes wrong."""
        old, new = self.get("parked", slot), self.get("version", slot)
        self.adopt(slot, old)
        self.set(slot, last_swap__result="returned", last_swap__reason=f"probation: {cause}", last_swap__to=new)
