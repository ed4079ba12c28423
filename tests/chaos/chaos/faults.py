# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults: each with its place in a run, what is done, how the operator mends it, and how the run must end.

``row`` is its row in the project's catalogue of faults: C controller, N node, P operator, W network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import etcd
from .place import BETWEEN, HOLD, TASKS
from .scene import Scene

KILLED, HALTED, SUCCEEDED = "killed", "halted", "succeeded"
# What a kernel says of a mirror's leg, and of a connection, that the fault itself has taken away.
RESET = ("reset",)
LEGS = r"I/O error, dev|Buffer I/O error"


def nothing(scene: Scene) -> None:
    """Leave it at that."""
    del scene


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    :ivar phases: where it may come.
    :ivar before: what the fleet has to have for it, brought about before the run begins.
    :ivar inject: does it, while the run waits at the place; in the hold it is done as soon as the watcher has seen one.
    :ivar watcher: what the watcher does on the node itself, at once, in the hold; ``say`` for nothing.
    :ivar mend: what an operator does when the run has ended.
    :ivar ends: how the run may end.
    :ivar says: texts of which a run that has halted prints one.
    :ivar meant: a pattern of what the kernels say because of it.
    :ivar variables: of the run.
    """

    name: str
    row: str
    phases: tuple[str, ...]
    inject: Callable[[Scene], None]
    mend: Callable[[Scene], None] = nothing
    ends: tuple[str, ...] = (HALTED,)
    says: tuple[str, ...] = ()
    before: Callable[[Scene], None] = nothing
    meant: str = ""
    watcher: tuple[str, ...] = ("say",)
    variables: dict[str, Any] = field(default_factory=dict)


def kill(scene: Scene) -> None:
    scene.controller.kill()


def interrupt(scene: Scene) -> None:
    scene.interrupt()


def cut_peer(scene: Scene) -> None:
    scene.nodes.link(scene.peer, up=False)
    scene.wait_votes(scene.node, 2)


def plug_peer(scene: Scene) -> None:
    scene.nodes.link(scene.peer, up=True)
    scene.wait_votes(scene.node, 3)


def fail_leg(scene: Scene) -> None:
    scene.nodes.run(scene.peer, "mdadm /dev/md0 --fail /dev/twostep/data")


def stop_corosync(scene: Scene) -> None:
    scene.nodes.run(scene.peer, "systemctl stop corosync")


def start_corosync(scene: Scene) -> None:
    scene.nodes.run(scene.peer, "systemctl start corosync")
    scene.wait_votes(scene.peer, 3)


def freeze(scene: Scene) -> None:
    scene.nodes.freeze(scene.node)


def thaw(scene: Scene) -> None:
    scene.nodes.thaw(scene.node)
    scene.wait_votes(scene.node, 3)


def power_on(scene: Scene) -> None:
    scene.nodes.boot(scene.node)


def panic(scene: Scene) -> None:
    scene.nodes.run(scene.node, "echo 1 > /proc/sys/kernel/sysrq; nohup sh -c 'sleep 0.2; echo c > /proc/sysrq-trigger' > /dev/null 2>&1 &")


def booted(scene: Scene) -> None:
    scene.wait_other_boot()


def clock_ahead(scene: Scene) -> None:
    scene.nodes.run(scene.node, "date -s '+1 hour' > /dev/null")


def clock_back(scene: Scene) -> None:
    scene.nodes.run(scene.node, "date -s '-1 hour' > /dev/null")


def fill_disk(scene: Scene) -> None:
    scene.nodes.run(
        scene.node,
        "fallocate -l $(($(stat -f -c '%f * %S' /var/lib/twostep))) /var/lib/filler || true; cat /dev/zero > /var/lib/filler2 || true",
    )


def empty_disk(scene: Scene) -> None:
    scene.nodes.run(scene.node, "rm -f /var/lib/filler /var/lib/filler2")


def tear_ledger(scene: Scene) -> None:
    scene.nodes.run(scene.node, 'printf \'{"schema":1,"seq":\' >> /var/lib/twostep/ledger.jsonl')


def flip_bit(scene: Scene) -> None:
    scene.nodes.run(
        scene.node,
        'cp -a /var/lib/twostep/ledger.jsonl /root/ledger.kept; sed -i \'1s/"schema":1/"schema":3/\' /var/lib/twostep/ledger.jsonl',
    )


def mend_ledger(scene: Scene) -> None:
    scene.nodes.run(scene.node, "mv /root/ledger.kept /var/lib/twostep/ledger.jsonl")


def cut_ssh(scene: Scene) -> None:
    # The listener stays; every connection that there is goes, this one too.
    scene.nodes.run(scene.node, "systemd-run --quiet --collect pkill -KILL -f '^sshd: '")


def bad_network(scene: Scene) -> None:
    scene.nodes.run(scene.node, "tc qdisc add dev eth0 root netem delay 100ms loss 10%")


def good_network(scene: Scene) -> None:
    scene.nodes.run(scene.node, "tc qdisc del dev eth0 root")


def second_controller(scene: Scene) -> None:
    scene.rival()


def rival_was_refused(scene: Scene) -> None:
    scene.rival_ended(refused=True)


def sleep_and_be_replaced(scene: Scene) -> None:
    scene.controller.stop()


def replace_and_wake(scene: Scene) -> None:
    scene.replaced()


def swap_by_hand(scene: Scene) -> None:
    scene.nodes.run(
        scene.node,
        f'echo "version={scene.old} generation=$(cat /sys/kernel/twostep/slots/data/generation) deadline_ms=5000"'
        " > /sys/kernel/config/twostep/data/swap",
    )


def pause(scene: Scene) -> None:
    scene.pause_file.touch()


def unpause(scene: Scene) -> None:
    scene.pause_file.unlink()


def no_place_for_the_report(scene: Scene) -> None:
    scene.block_report()


def place_for_the_report(scene: Scene) -> None:
    scene.unblock_report()


def start_etcd(scene: Scene) -> None:
    etcd.up(scene.nodes)


def stop_member(scene: Scene) -> None:
    etcd.stop(scene.nodes, scene.peer)


def end_etcd(scene: Scene) -> None:
    etcd.down(scene.nodes)


EVERYWHERE = (*TASKS, BETWEEN, HOLD)
FAULTS = (
    Fault("controller killed", "C01", EVERYWHERE, kill, ends=(KILLED,), variables={"twostep_soak_s": 1}),
    Fault("run cancelled by SIGINT", "C02", ("build", "gate", "before the swap", "before the commit"), interrupt, ends=(HALTED, KILLED)),
    Fault("controller asleep, taken over", "C03", ("before the swap", "before the commit"), sleep_and_be_replaced, replace_and_wake,
          says=("fenced", "lease_lost", "has the lease", "does not hold the lease", "ESTALE", "generation"), ends=(HALTED,)),
    Fault("two controllers at once", "P01", ("plan",), second_controller, rival_was_refused, ends=(SUCCEEDED,)),
    Fault("no place for the report", "C10", ("report",), no_place_for_the_report, place_for_the_report, says=("report",)),
    Fault("vote lost before the wave", "W03", ("preflight", BETWEEN), cut_peer, plug_peer, says=("must not be touched",), meant=LEGS),
    Fault("vote lost before the swap", "W04", ("before the swap",), stop_corosync, start_corosync, says=("corosync",)),
    Fault("vote lost in the hold", "W04", (HOLD,), stop_corosync, start_corosync, says=("corosync",)),
    Fault("leg failed before the wave", "N16", ("preflight", BETWEEN), fail_leg, says=("md0",)),
    Fault("leg failed in the hold", "N15", (HOLD,), nothing, says=("md0",), watcher=("mdadm", "/dev/md0", "--fail", "/dev/twostep/data")),
    Fault("node frozen in probation", "N18", ("after the swap",), freeze, thaw, meant=LEGS),
    Fault("node's power lost in probation", "N09", ("after the swap", "before the commit"), freeze, power_on, meant=LEGS),
    Fault("node reset in the hold", "N10", (HOLD,), nothing, booted, meant=LEGS, watcher=RESET),
    Fault("node's kernel panics in probation", "N14", ("after the swap",), panic, booted, meant=LEGS),
    Fault("clock an hour ahead", "N19", ("preflight", BETWEEN), clock_ahead, clock_back, says=("clocks differ", "s old by this clock")),
    Fault("disk full", "N01", ("gate", "before the commit"), fill_disk, empty_disk, says=("pace", "Make room")),
    Fault("ledger torn", "N22", ("preflight", "gate", "before the commit"), tear_ledger, ends=(SUCCEEDED,)),
    Fault("ledger damaged", "N22", ("gate", "before the commit"), flip_bit, mend_ledger, says=("ledger",)),
    Fault("ssh cut in the hold", "W01", (HOLD,), cut_ssh, ends=(HALTED, SUCCEEDED)),
    Fault("ssh cut", "W01", ("gate", "after the swap", "before the commit"), cut_ssh, ends=(HALTED, SUCCEEDED)),
    Fault("bad network", "W06", ("preflight", "gate"), bad_network, good_network, ends=(SUCCEEDED, HALTED)),
    Fault("swapped back by hand", "P02", ("before the commit",), swap_by_hand, says=("generation",)),
    Fault("etcd member gone", "W04", ("preflight", BETWEEN, "before the swap"), stop_member, end_etcd, says=("etcd",), before=start_etcd,
          variables={"twostep_health_sources": ["corosync", "md", "etcd"]}),
    Fault("paused", "P13", (BETWEEN,), pause, unpause, says=("paused",)),
)  # fmt: skip
# The short form: three jobs with ten faults, of node, network, controller and operator, before, in and after a hold.
SHORT = (
    (
        ("vote lost before the wave", "preflight", 1),
        ("controller killed", "before the swap", 1),
        ("vote lost in the hold", HOLD, 1),
        ("controller asleep, taken over", "before the commit", 1),
    ),
    (
        ("leg failed before the wave", "preflight", 1),
        ("two controllers at once", "plan", 1),
    ),
    (
        ("clock an hour ahead", "preflight", 1),
        ("disk full", "before the commit", 1),
        ("ssh cut in the hold", HOLD, 1),
        ("node reset in the hold", HOLD, 1),
    ),
)
