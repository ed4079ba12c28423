# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The debug kernel: Debian's source with everything switched on that sees a defect or makes one.

Built natively, once, and cached by content as images are. What comes out is a tree that is laid over an image's root:
the kernel, its modules, and what building modules against it needs. Nothing here knows images.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import IO

from . import paths

SOURCE = "linux-source-6.1"
FRAGMENT = pathlib.Path(__file__).with_name("debug.config")
PATCH = pathlib.Path(__file__).with_name("debug.patch")
RECIPE = "2"  # part of the key: whoever changes what is built or installed counts up
TELL_S = 15.0
# What Kbuild needs to build a module against a kernel whose objects are gone.
HEADERS = (
    ".config", "Makefile", "Module.symvers", "arch/x86/Makefile", "arch/x86/Makefile_32.cpu", "arch/x86/include", "include",
    "scripts", "tools/objtool/objtool",
    "certs/signing_key.pem", "certs/signing_key.x509",  # the kernel trusts this key, so the lab can sign with it
)  # fmt: skip


def options(text: str) -> dict[str, str]:
    """Return the options of a configuration; one that "is not set" is ``n``."""
    found = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"(CONFIG_\w+)=(.+)", line):
            found[match[1]] = match[2]
        elif match := re.fullmatch(r"# (CONFIG_\w+) is not set", line):
            found[match[1]] = "n"
    return found


def lost(fragment: str, config: str) -> list[str]:
    """Return the options of ``fragment`` that ``config`` does not have, or has otherwise."""
    became = options(config)
    return [f"{name}={wanted}" for name, wanted in options(fragment).items() if became.get(name, "n") != wanted]


def source_version() -> str:
    """Return the version of the source package that apt would fetch."""
    for refresh in (False, True):
        if refresh:
            subprocess.run(["apt-get", "-q", "update"], stdout=subprocess.DEVNULL, check=False)
        shown = subprocess.run(["apt-cache", "show", "--no-all-versions", SOURCE], capture_output=True, text=True, check=False).stdout
        if match := re.search(r"^Version: (\S+)$", shown, re.MULTILINE):
            return match[1]
    raise SystemExit(f"lab: apt knows no {SOURCE}. Next: add Debian 12's package sources to this machine's.")


def key(version: str) -> str:
    """Return what names the kernel: a digest of all that goes into it."""
    return paths.digest(RECIPE, SOURCE, version, FRAGMENT.read_text(encoding="utf-8"), PATCH.read_text(encoding="utf-8"))


def get() -> pathlib.Path:
    """Return the folder of the kernel's tree, built first if it is not in the cache (a quarter of an hour on two cores)."""
    version = source_version()
    folder = paths.cache() / f"kernel-debug-{key(version)}"
    with paths.locked(folder):
        if not folder.exists():
            _build(folder, version)
        paths.touch(folder)
    return folder


def install(kernel: pathlib.Path, root: pathlib.Path) -> None:
    """Lay ``kernel`` over ``root``, in place of the kernels in it."""
    for old in [*(root / "boot").iterdir(), *(root / "lib/modules").iterdir()]:
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()
    subprocess.run(["cp", "-a", f"{kernel}/.", str(root)], check=True)


def _build(folder: pathlib.Path, version: str) -> None:
    begun = time.monotonic()
    log = paths.cache() / "kernel-debug.log"
    paths.say(f"building the debug kernel from {SOURCE} {version}: a quarter of an hour on two cores, log in {log}")
    with paths.publishing(folder) as work:
        source = work / "source"
        source.mkdir()
        with open(log, "w", encoding="utf-8") as copy:
            try:
                _fetch(source, version, copy)
                _configure(source, copy)
                _compile(source, copy, begun)
                _collect(source, work, copy)
            except subprocess.CalledProcessError as problem:
                copy.flush()
                shutil.copy(log, f"{log}.failed")
                raise SystemExit(f"lab: no debug kernel: {problem.cmd[0]} ended with {problem.returncode}. Next: read the end of "
                                 f"{log}.failed; after a 404, apt-get update.") from None  # fmt: skip
        shutil.rmtree(source)
    paths.say(f"debug kernel ready after {time.monotonic() - begun:.0f} s")


def _run(argv: list[str], cwd: pathlib.Path, log: IO[str], stdin: IO[bytes] | int | None = subprocess.DEVNULL) -> None:
    subprocess.run(argv, cwd=cwd, stdin=stdin, stdout=log, stderr=subprocess.STDOUT, check=True)


def _fetch(source: pathlib.Path, version: str, log: IO[str]) -> None:
    """Fill ``source`` with the package's patched source."""
    _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", f"{SOURCE}={version}"], source, log)
    (package,) = source.glob("*.deb")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as outer:
        command = ["tar", "-xO", f"./usr/src/{SOURCE}.tar.xz"]
        with subprocess.Popen(command, stdin=outer.stdout, stdout=subprocess.PIPE) as inner:
            _run(["tar", "-xJ", "--strip-components=1"], source, log, inner.stdout)
    with open(PATCH, "rb") as patch:
        _run(["patch", "-p1", "--forward", "--fuzz=0"], source, log, patch)


def _make(*targets: str) -> list[str]:
    return ["nice", "make", f"-j{os.cpu_count()}", "KBUILD_BUILD_USER=lab", "KBUILD_BUILD_HOST=lab", *targets]


def _configure(source: pathlib.Path, log: IO[str]) -> None:
    """Configure ``source``: the smallest kernel plus the fragment; SystemExit if an option does not survive."""
    _run(_make("tinyconfig"), source, log)
    fragment = FRAGMENT.read_text(encoding="utf-8")
    with open(source / ".config", "a", encoding="utf-8") as config:
        config.write(fragment)  # of two values the later one counts
    _run(_make("olddefconfig"), source, log)
    missing = lost(fragment, (source / ".config").read_text(encoding="utf-8"))
    if missing:
        raise SystemExit(f"lab: {SOURCE} does not take {' '.join(missing)}. Next: give {FRAGMENT} what they depend on.")


def _compile(source: pathlib.Path, log: IO[str], begun: float, say: Callable[[str], None] = paths.say) -> None:
    """Build everything, telling now and then how far it is."""
    told, steps = time.monotonic(), 0
    with subprocess.Popen(_make("all"), cwd=source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:  # fmt: skip
        for line in process.stdout or ():
            log.write(line)
            steps += line.startswith("  ")
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                say(f"debug kernel, {told - begun:.0f} s: step {steps}, {line.split()[-1]}")
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, "make")


def _collect(source: pathlib.Path, tree: pathlib.Path, log: IO[str]) -> None:
    """Put into ``tree`` what a root gets: kernel, modules, and a folder to build modules in."""
    _run(_make(f"INSTALL_MOD_PATH={tree}/usr", "modules_install"), source, log)
    release = (source / "include/config/kernel.release").read_text(encoding="ascii").strip()
    (tree / "boot").mkdir()
    shutil.copy(source / "arch/x86/boot/bzImage", tree / "boot" / f"vmlinuz-{release}")
    headers = tree / "usr/src" / f"linux-headers-{release}"
    for name in HEADERS:
        target = headers / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target, symlinks=True, ignore=shutil.ignore_patterns("*.o", "*.cmd", "*.a"))
        else:
            shutil.copy2(source / name, target)
    modules = tree / "usr/lib/modules" / release
    for name in ("build", "source"):
        (modules / name).unlink(missing_ok=True)
    (modules / "build").symlink_to(f"/usr/src/linux-headers-{release}")
