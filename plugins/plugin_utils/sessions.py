# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the controller's own, so that all hosts are asked at the same moment: Ansible itself can only ask in turns.

paramiko speaks ssh. A host whose key is not known is refused, whatever Ansible's setting is. What runs there gets its program by standard
input and keeps it in memory, so nothing is written on the host.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

try:
    import paramiko
    from cryptography.exceptions import UnsupportedAlgorithm  # paramiko needs it, and does not catch it

    HAS_PARAMIKO = True
except ImportError:  # the other hosts are then asked in turns
    HAS_PARAMIKO = False

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import Target, no_session

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what goes wrong is in our errors; it would tell it at the terminal, too
AT_ONCE = 64
_CONNECT_S = 15.0
_MAX_BYTES = 1 << 20
# Reads a zipapp of the length given into memory, and runs it with the arguments that follow.
_START = """\
import os, runpy, sys
memory = os.memfd_create("twostep")
with open(memory, "wb", closefd=False) as program:
    program.write(sys.stdin.buffer.read(int(sys.argv.pop(1))))
runpy.run_path("/proc/self/fd/%d" % memory, run_name="__main__")
"""


@dataclass(frozen=True)
class Program:
    """What runs on each host: a zipapp, its arguments, and what it reads."""

    zipapp: bytes
    arguments: Sequence[str]
    stdin: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What a program said on a host; ``rc`` is its exit status."""

    rc: int
    stdout: str
    stderr: str


def ask_all(targets: Sequence[Target], program: Program, timeout_s: float) -> dict[str, Reply | TwostepError]:
    """Run a program on all hosts at the same time and return what each said, by host.

    A host has an error instead: ``no_session`` where it could not be reached in this way, ``host_late`` where it did not answer in time.

    :param timeout_s: for one host, from the connection to its last word.
    """

    def ask(target: Target) -> Reply | TwostepError:
        try:
            with opened(target) as client:
                return _run(client, target, program, timeout_s)
        except TwostepError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, min(AT_ONCE, len(targets)))) as pool:
        return dict(zip([target.host for target in targets], pool.map(ask, targets)))


@contextlib.contextmanager
def opened(target: Target) -> Iterator[Any]:
    """Connect to a host, through others where it is behind them, and leave them all in the end.

    :raises TwostepError: ``no_session``.
    """
    if not HAS_PARAMIKO:
        raise no_session(target.host, "the controller has no Python package paramiko")
    with contextlib.ExitStack() as stack:
        try:
            before = None
            for hop in (*target.jump, target):
                before = _connect(hop, stack, _through(before, hop, stack))
            yield before
        except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, OSError, EOFError, ValueError) as error:
            raise no_session(target.host, str(error) or type(error).__name__, _is_silence(error)) from None


def _is_silence(error: Exception) -> bool:
    """Return whether there is nobody who answers: no connection, one that ends, or no word of ssh. paramiko has no class for the last."""
    return isinstance(error, (OSError, EOFError, paramiko.ChannelException)) or "protocol banner" in str(error)


def _through(before: Any, target: Target, stack: contextlib.ExitStack) -> Any:
    """Return what is like a socket to a host: a channel of the host before, a command, or a socket."""
    if before is not None:
        there = (target.address, target.port)
        return stack.enter_context(
            contextlib.closing(before.get_transport().open_channel("direct-tcpip", there, ("", 0), timeout=_CONNECT_S))
        )
    if target.proxy_command:
        proxy = paramiko.ProxyCommand(target.proxy_command)
        stack.callback(_end, proxy.process)
        return proxy
    return stack.enter_context(socket.create_connection((target.address, target.port), timeout=_CONNECT_S))


def _leave(client: Any) -> None:
    """Close a connection, and wait for the thread that reads from it."""
    transport = client.get_transport()
    client.close()
    if transport is not None:
        transport.join(_CONNECT_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program that leads to a host; what it has started itself may still have its pipes, so nobody reads them to their end."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


_LOADING = threading.Lock()


def _key(path: str) -> Any:
    """Return a private key, None where it cannot be read as it is: then paramiko says why.

    It is read once for all hosts, since checking an RSA key takes longer than all the rest of a session.
    """
    with _LOADING:
        return _loaded_key(path)


@functools.lru_cache(maxsize=None)
def _loaded_key(path: str) -> Any:
    try:
        return paramiko.PKey.from_path(path)
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, UnsupportedAlgorithm, OSError, ValueError, TypeError):
        return None


def _connect(target: Target, stack: contextlib.ExitStack, through: Any) -> Any:
    client = paramiko.SSHClient()
    stack.callback(_leave, client)
    for path in target.known_hosts:
        with contextlib.suppress(OSError):
            client.load_system_host_keys(path)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    key = _key(target.keys[0]) if target.keys else None
    client.connect(
        hostname=target.alias,  # its key is looked up by this; the way there is open already
        sock=through,
        username=target.user or None,
        password=target.password,
        pkey=key,
        key_filename=list(target.keys[1 if key else 0 :]) or None,
        allow_agent=not target.identities_only,
        look_for_keys=not target.identities_only,
        timeout=_CONNECT_S,
        banner_timeout=_CONNECT_S,
        auth_timeout=_CONNECT_S,
    )
    return client


@contextlib.contextmanager
def started(client: Any, target: Target, program: Program, timeout_s: float) -> Iterator[Any]:
    """Start a program on a host that ``opened`` has reached, and yield the channel to it: its input is still open.

    :param timeout_s: for each word sent to it or read from it.
    :raises socket.timeout: it does not begin, or does not take what it is sent.
    """
    sudo = ["sudo", "-n", "-H", "--"] if target.become else []
    line = shlex.join([*sudo, target.python, "-c", _START, str(len(program.zipapp)), *program.arguments])
    with contextlib.closing(client.get_transport().open_session(timeout=_CONNECT_S)) as channel:
        channel.settimeout(timeout_s)
        _begin(channel, line, timeout_s)
        channel.sendall(program.zipapp + program.stdin)
        yield channel


def _begin(channel: Any, line: str, timeout_s: float) -> None:
    """Have a command begun. paramiko itself would wait for ever for a host that takes the wish and then hangs."""
    is_late = threading.Event()

    def give_up() -> None:
        is_late.set()
        channel.close()

    watch = threading.Timer(timeout_s, give_up)
    watch.daemon = True
    watch.start()
    try:
        channel.exec_command(line)
    finally:
        watch.cancel()
        watch.join()
        if is_late.is_set():
            raise socket.timeout


def _run(client: Any, target: Target, program: Program, timeout_s: float) -> Reply:
    end = time.monotonic() + timeout_s
    try:
        with started(client, target, program, timeout_s) as channel:
            channel.shutdown_write()
            stdout = _read(channel, channel.recv, target, end)
            stderr = _read(channel, channel.recv_stderr, target, end)
            if not channel.status_event.wait(max(end - time.monotonic(), 0)):
                raise socket.timeout
            return Reply(channel.recv_exit_status(), stdout, stderr)
    except socket.timeout:
        raise TwostepError(
            "host_late", f"{target.host} did not answer within {timeout_s:g} s.", "Look at the host: what hangs there?"
        ) from None


def _read(channel: Any, receive: Callable[[int], bytes], target: Target, end: float) -> str:
    parts: list[bytes] = []
    left = _MAX_BYTES
    while left > 0:
        channel.settimeout(max(end - time.monotonic(), 0.001))
        part = receive(1 << 16)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)
        left -= len(part)
    raise no_session(target.host, f"it says more than {_MAX_BYTES} bytes")
