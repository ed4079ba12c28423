# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line; see README.md."""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

from . import chroot, fleet, image, layer, machine, monitor, prepared, session, ssh


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Fleets of real kernels in QEMU.")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, text: str, *, fleet_of: bool = False, node: bool = False, image_of: bool = False) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, aliases=["wait"] if name == "wait-ssh" else [])
        if fleet_of:
            made.add_argument("--state", type=pathlib.Path, required=True, help="folder of the fleet")
        if image_of:
            made.add_argument("--image", choices=sorted(image.NAMES), default="bookworm")
        if node:
            made.add_argument("node")
        return made

    _settings(verb("build", "build an image and its booted layer; prints the layer's folder", image_of=True))
    verb("kernel", "print an image's kernel release", image_of=True)
    made = verb("layer", "make a layer by running a command against one node; prints its folder", image_of=True)
    made.add_argument("name")
    made.add_argument("--from", dest="source", default="booted", help="booted, prepared, or the folder of a layer")
    _settings(made)
    made.add_argument("--key", required=True, help="names what the command puts in")
    made.usage = "lab layer [OPTION...] NAME --key KEY -- COMMAND [ARGUMENT...]"
    made = verb("up", "restore a fleet; one that is there is ended", fleet_of=True, image_of=True)
    made.add_argument("--nodes", default="n1", help="names, with commas")
    made.add_argument("--layer", default="booted", help="booted, prepared, or the folder of a layer")
    _settings(made)
    made.add_argument("--builder", default="", help="nodes, with commas, that get a builder: the image's root at native speed")
    made.add_argument("--inventory", type=pathlib.Path, help="write Ansible's inventory there")
    made.add_argument("--instance-config", type=pathlib.Path, help="write Molecule's instance configuration there")
    made = verb("down", "end a fleet", fleet_of=True)
    made.add_argument("--keep-logs", type=pathlib.Path)
    verb("power-off", "cut a node's power", fleet_of=True, node=True)
    verb("reset", "reset a node; it boots from its disk", fleet_of=True, node=True)
    verb("wait-ssh", "wait until a node answers ssh", fleet_of=True, node=True)
    verb("console", "print the path of a node's console log", fleet_of=True, node=True)
    made = verb("link", "plug or unplug a node's private network", fleet_of=True, node=True)
    made.add_argument("position", choices=("up", "down"))
    made = verb(
        "plug-disk", "plug in a disk, a raw file; with a log, its writes and flushes are logged outside the node", fleet_of=True, node=True
    )
    made.add_argument("name", help="the disk's serial number: /dev/disk/by-id/virtio-NAME")
    made.add_argument("--disk", type=pathlib.Path, required=True, help="made if it is not there")
    made.add_argument("--size-mib", type=int, default=64, help="of a disk that is made")
    made.add_argument("--log", type=pathlib.Path, help="made anew")
    made = verb("ssh", "run a command on a node", fleet_of=True, node=True)
    made.add_argument("command", nargs=argparse.REMAINDER)
    made = verb("chroot", "run a command natively in an image's root", image_of=True)
    made.add_argument("shared", type=pathlib.Path, help="folder that both sides see, at the same path")
    made.add_argument("command", nargs=argparse.REMAINDER)
    verb("list", "print the running fleets: keeper, folder, nodes with their ports")
    made = verb("session", "run a command; whatever it leaves running is ended")
    made.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _settings(parser: argparse.ArgumentParser) -> None:
    default = machine.Settings()
    parser.add_argument("--disk-mib", type=int, default=default.disk_mib, help="size of vdb and vdc (of the booted layer, as all below)")
    parser.add_argument("--cpus", type=int, default=default.cpus)
    parser.add_argument("--memory-mib", type=int, default=default.memory_mib)
    parser.add_argument("--kernel-arguments", default=default.kernel_arguments, help="appended to the kernel's command line")
    parser.add_argument("--icount", action="store_true", help="time counts instructions: repeatable figures, one CPU, slow")


def _words(command: list[str]) -> list[str]:
    words = command[1:] if command[:1] == ["--"] else command
    if not words:
        raise SystemExit("lab: no command. Next: add it after --.")
    return words


def _layer(name: str, built: image.Image, args: argparse.Namespace) -> pathlib.Path:
    if name == "booted":
        return layer.booted(built, machine.Settings(args.cpus, args.memory_mib, args.disk_mib, args.kernel_arguments, args.icount))
    return prepared.get(built) if name == "prepared" else pathlib.Path(name).resolve()


def _print_fleets() -> None:
    for keeper, state in fleet.keepers():
        try:
            machines = fleet.load(state)[1]
        except SystemExit:
            continue  # just starting, or just ending
        print(keeper, state, *(f"{item.name}={item.port}" for item in machines.values()))


def _act(args: argparse.Namespace, known: pathlib.Path, item: machine.Machine) -> int:
    """Do one verb that concerns one node."""
    if args.verb == "power-off":
        machine.cut_power(item)
    elif args.verb == "reset":
        monitor.reset(item.qmp)
    elif args.verb == "link":
        monitor.set_link(item.qmp, args.position == "up")
    elif args.verb == "plug-disk":
        machine.plug_disk(item, args.name, args.disk.absolute(), args.size_mib, args.log.absolute() if args.log else None)
    elif args.verb in {"wait", "wait-ssh"}:
        ssh.wait(item.port, known, item.name)
    elif args.verb == "console":
        print(item.console)
    elif args.verb == "ssh":
        return subprocess.run(ssh.argv(item.port, known, *args.command[args.command[:1] == ["--"] :]), check=False).returncode
    return 0


def _builder_for(args: argparse.Namespace, names: list[str]) -> list[str]:
    wanted = args.builder.split(",") if args.builder else []
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        raise SystemExit(f"lab: no node {unknown[0]!r} for a builder. Next: use some of {', '.join(names)}.")
    return wanted


def _node(state: pathlib.Path, name: str) -> tuple[pathlib.Path, machine.Machine]:
    description, machines = fleet.load(state)
    if name not in machines:
        raise SystemExit(f"lab: no node {name!r}. Next: use one of {', '.join(machines)}.")
    return pathlib.Path(description["known_hosts"]), machines[name]


def main() -> int:
    """Run one verb."""
    words, command = sys.argv[1:], []
    if words[:1] == ["layer"] and "--" in words:  # its options may follow its name
        words, command = words[: words.index("--")], words[words.index("--") + 1 :]
    args = _parser().parse_args(words)
    if args.verb == "session":
        return session.run(_words(args.command))
    if args.verb == "chroot":
        return chroot.run(image.get(args.image), args.shared, _words(args.command))
    if args.verb == "build":
        print(_layer("booted", image.get(args.image), args))
    elif args.verb == "kernel":
        print(image.get(args.image).kernel)
    elif args.verb == "layer":
        built = image.get(args.image)
        print(layer.derived(args.name, _layer(args.source, built, args), built, args.key, _words(command)))
    elif args.verb == "up":
        names = args.nodes.split(",")
        fleet.check_names(names)
        built = image.get(args.image)
        source = _layer(args.layer, built, args)
        settings = layer.settings_of(source, built)
        fleet.up(args.state.absolute(), names, built, source, settings, args.inventory, args.instance_config, _builder_for(args, names))
    elif args.verb == "down":
        fleet.down(args.state.absolute(), args.keep_logs)
    elif args.verb == "list":
        _print_fleets()
    else:
        return _act(args, *_node(args.state.absolute(), args.node))
    return 0


if __name__ == "__main__":
    sys.exit(main())
