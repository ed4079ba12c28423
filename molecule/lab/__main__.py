# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line; see README.md."""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

from . import chroot, fleet, image, layer, machine, prepared, session, ssh


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Fleets of real kernels in QEMU.")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, text: str, *, fleet_of: bool = False, node: bool = False, image_of: bool = False) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        if fleet_of:
            made.add_argument("--state", type=pathlib.Path, required=True, help="folder of the fleet")
        if image_of:
            made.add_argument("--image", choices=sorted(image.RECIPES), default="bookworm")
        if node:
            made.add_argument("node")
        return made

    verb("build", "build an image and its booted layer", image_of=True)
    verb("kernel", "print an image's kernel release", image_of=True)
    made = verb("layer", "make a layer by running a command against one node; prints its folder", image_of=True)
    made.add_argument("name")
    made.add_argument("--from", dest="source", type=pathlib.Path, help="folder of the layer to start from; default: booted")
    made.add_argument("--key", required=True, help="names what the command puts in")
    made.add_argument("command", nargs=argparse.REMAINDER)
    made = verb("up", "restore a fleet", fleet_of=True, image_of=True)
    made.add_argument("--nodes", default="n1", help="names, with commas")
    made.add_argument("--layer", default="booted", help="booted, prepared, or the folder of a layer")
    made.add_argument("--kernel-arguments", default="", help="for the booted layer")
    made.add_argument("--inventory", type=pathlib.Path)
    made.add_argument("--instance-config", type=pathlib.Path)
    made = verb("down", "end a fleet", fleet_of=True)
    made.add_argument("--keep-logs", type=pathlib.Path)
    verb("power-off", "cut a node's power", fleet_of=True, node=True)
    verb("reset", "reset a node; it boots from its disk", fleet_of=True, node=True)
    verb("wait", "wait until a node answers ssh", fleet_of=True, node=True)
    verb("console", "print the path of a node's console log", fleet_of=True, node=True)
    made = verb("link", "plug or unplug a node's private network", fleet_of=True, node=True)
    made.add_argument("position", choices=("up", "down"))
    made = verb("ssh", "run a command on a node", fleet_of=True, node=True)
    made.add_argument("command", nargs=argparse.REMAINDER)
    made = verb("chroot", "run a command natively in an image's root", image_of=True)
    made.add_argument("shared", type=pathlib.Path, help="folder that both sides see, at the same path")
    made.add_argument("command", nargs=argparse.REMAINDER)
    made = verb("session", "run a command; whatever it leaves running is ended")
    made.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _words(command: list[str]) -> list[str]:
    return command[1:] if command[:1] == ["--"] else command


def _node(state: pathlib.Path, name: str) -> tuple[pathlib.Path, machine.Machine]:
    description, machines = fleet.load(state)
    if name not in machines:
        raise SystemExit(f"lab: no node {name!r}. Next: use one of {', '.join(machines)}.")
    return pathlib.Path(description["known_hosts"]), machines[name]


def _layer(name: str, built: image.Image, kernel_arguments: str) -> pathlib.Path:
    if name == "booted":
        return layer.booted(built, kernel_arguments=kernel_arguments)
    return prepared.get(built) if name == "prepared" else pathlib.Path(name)


def main() -> int:
    """Run one verb."""
    args = _parser().parse_args()
    if args.verb == "session":
        return session.run(_words(args.command))
    if args.verb == "chroot":
        return chroot.run(image.get(args.image), args.shared, _words(args.command))
    if args.verb == "build":
        layer.booted(image.get(args.image))
    elif args.verb == "kernel":
        print(image.get(args.image).kernel)
    elif args.verb == "layer":
        built = image.get(args.image)
        print(layer.derived(args.name, args.source or layer.booted(built), built, args.key, _words(args.command)))
    elif args.verb == "up":
        built = image.get(args.image)
        source = _layer(args.layer, built, args.kernel_arguments)
        fleet.up(args.state.absolute(), args.nodes.split(","), built, source, args.inventory, args.instance_config)
    elif args.verb == "down":
        fleet.down(args.state.absolute(), args.keep_logs)
    else:
        known, item = _node(args.state, args.node)
        if args.verb == "power-off":
            machine.quit_machine(item.qmp)
        elif args.verb == "reset":
            machine.command(item.qmp, "system_reset")
        elif args.verb == "link":
            machine.command(item.qmp, "set_link", name="card", up=args.position == "up")
        elif args.verb == "wait":
            ssh.wait(item.port, known, item.name, lambda: True)
        elif args.verb == "console":
            print(item.console)
        elif args.verb == "ssh":
            return subprocess.run(ssh.argv(item.port, known, *_words(args.command)), check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
