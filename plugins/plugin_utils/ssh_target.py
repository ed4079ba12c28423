# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible's ssh connection would reach a host, read from its options. Opens nothing.

What is not understood is never guessed: an option that could change who is reached, or who is trusted, refuses the host, which is then
asked by Ansible itself, in turn. Precedence is that of ssh: the command line before the configuration file, the first value wins.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

# Options that concern the program ssh, its speed or its words, and neither who is reached nor who is trusted.
_HARMLESS = frozenset(
    "addkeystoagent batchmode canonicalizehostname compression connectionattempts connecttimeout controlmaster controlpath controlpersist "
    "forwardagent forwardx11 gssapiauthentication hashknownhosts loglevel numberofpasswordprompts passwordauthentication "
    "preferredauthentications pubkeyauthentication sendenv serveralivecountmax serveraliveinterval setenv stricthostkeychecking "
    "tcpkeepalive updatehostkeys visualhostkey".split()
)
_MEANT = frozenset(
    "globalknownhostsfile hostkeyalias hostname identitiesonly identityfile port proxycommand proxyjump user userknownhostsfile".split()
)
_OPTION = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*")
_JUMP = re.compile(r"(?:ssh://)?(?:([^@\s]+)@)?([A-Za-z0-9._-]+)(?::([0-9]+))?")
SSH_PORT = 22
_SWITCHES = ("-C", "-q", "-T", "-x", "-a")
_WITH_VALUE = {"-i": "identityfile", "-l": "user", "-p": "port", "-J": "proxyjump"}
_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_CONFIG = "~/.ssh/config"
_PYTHON = "/usr/bin/python3"
_SSH = ("ssh", "smart", "ansible.builtin.ssh")

Lookup = Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Target:
    """Where a host is and how it is proven.

    :param alias: the name that the known-hosts files have it under.
    :param jump: hosts to go through, in order.
    :param proxy_command: the command line of a program whose input and output lead there.
    :param become: whether commands run by ``sudo`` without a password.
    """

    host: str
    address: str
    port: int
    user: str
    alias: str
    known_hosts: tuple[str, ...]
    keys: tuple[str, ...] = ()
    identities_only: bool = False
    password: str | None = field(default=None, repr=False)
    jump: tuple[Target, ...] = ()
    proxy_command: str | None = None
    become: bool = False
    python: str = _PYTHON


def no_session(host: str, why: str, is_silent: bool = False) -> TwostepError:
    """Return the error for a host that is not within reach of a session.

    :param is_silent: whether it is the host that does not answer, rather than the controller that may not or cannot ask.
    """
    message = f"{host} cannot be asked at the same time as the others: {why}."
    return TwostepError("no_session", message, "It is asked in turn.", {"is_silent": is_silent})


def of_host(host: str, options: Mapping[str, Any], lookup: Lookup) -> Target:
    """Return how ``host`` is reached.

    :param options: those of Ansible's ssh connection for the host (``host``, ``port``, ``remote_user``, ``private_key_file``, ``password``,
        ``ssh_args``, ``ssh_common_args``, ``ssh_extra_args`` and others), and ``connection``, ``become``, ``become_method``,
        ``become_user``, ``become_pass`` and ``python``. What is None or empty is not said.
    :param lookup: gives the options of an ssh configuration file for a host name, keys in lower case.
    :raises TwostepError: ``no_session``.
    """
    said = {name: value for name, value in options.items() if value not in (None, "")}
    if said.get("connection", "ssh") not in _SSH:
        raise no_session(host, f"its connection is {said['connection']}, not ssh")
    strange = [name for name in ("private_key", "private_key_passphrase", "pkcs11_provider") if name in said]
    if strange:
        raise no_session(host, f"its connection has the option {strange[0]}")
    arguments = " ".join(str(said.get(name, "")) for name in ("ssh_args", "ssh_common_args", "ssh_extra_args"))
    given, config = _options(host, _words(host, arguments))
    # Ansible names these on the command line, before the arguments.
    for name, option in (("port", "port"), ("identityfile", "private_key_file"), ("user", "remote_user")):
        if option in said:
            given.setdefault(name, []).insert(0, str(said[option]))
    target = _target(host, str(said.get("host", host)), given, config, lookup)
    python = str(said.get("python", _PYTHON))
    return replace(
        target,
        password=str(said["password"]) if "password" in said else None,
        become=_becomes(host, said),
        python=_PYTHON if python.startswith("auto") else python,
    )


def _target(host: str, address: str, given: dict[str, list[str]], config: str | None, lookup: Lookup) -> Target:
    """Return where ssh would go with these options and that configuration file."""
    for name, value in lookup(config, address).items() if config else ():
        if name not in _HARMLESS | _MEANT:
            raise no_session(host, f"{config} has the option {name} for it")
        given.setdefault(name, []).extend(value if isinstance(value, list) else [value])

    def first(name: str, default: str = "") -> str:
        return given[name][0] if given.get(name) else default

    reached, port = first("hostname", address), _port(host, first("port", "22"))
    jump, proxy_command = first("proxyjump", "none"), first("proxycommand", "none")
    for mark, value in (("%h", reached), ("%p", str(port)), ("%r", first("user"))):
        proxy_command = proxy_command.replace(mark, shlex.quote(value))
    known_hosts = _words(host, f"{first('userknownhostsfile', _KNOWN_HOSTS)} {first('globalknownhostsfile', _GLOBAL_KNOWN_HOSTS)}")
    return Target(
        host=host,
        address=reached,
        port=port,
        user=first("user"),
        alias=first("hostkeyalias", reached if port == SSH_PORT else f"[{reached}]:{port}"),
        known_hosts=tuple(map(os.path.expanduser, known_hosts)),
        keys=tuple(map(os.path.expanduser, given.get("identityfile", []))),
        identities_only=first("identitiesonly") == "yes",
        jump=tuple(_jump(host, one, config, lookup) for one in jump.split(",")) if jump != "none" else (),
        proxy_command=proxy_command if proxy_command != "none" and jump == "none" else None,
    )


def _jump(host: str, told: str, config: str | None, lookup: Lookup) -> Target:
    """Return a host on the way: ssh knows of it what the configuration file says, and nothing of the command line."""
    found = _JUMP.fullmatch(told)
    if not found:
        raise no_session(host, f"the host on the way there is named {told}")
    user, address, port = found.groups()
    given = {name: [value] for name, value in (("user", user), ("port", port)) if value}
    target = _target(host, address, given, config, lookup)
    if target.jump or target.proxy_command:
        raise no_session(host, f"{address}, which is on the way there, is behind another host")
    return target


def _words(host: str, line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:  # a quote that is not closed
        raise no_session(host, f"of its ssh arguments {line} cannot be read: {error}") from None


def _options(host: str, words: Sequence[str]) -> tuple[dict[str, list[str]], str | None]:
    """Return the options on a command line of ssh, by name in lower case, and which configuration file it reads, None for none."""
    given: dict[str, list[str]] = {}
    config: str | None = _CONFIG
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _SWITCHES:
            continue
        letter, value = word[:2], word[2:] or (rest.pop(0) if rest else "")
        if letter == "-F" and value:
            config = None if value == "none" else value
        elif letter in _WITH_VALUE and value:
            given.setdefault(_WITH_VALUE[letter], []).append(value)
        elif letter == "-o" and value:
            option = _OPTION.fullmatch(value)
            name = option[1].lower() if option else value
            if option is None or name not in _HARMLESS | _MEANT:
                raise no_session(host, f"its ssh arguments have the option {name}")
            given.setdefault(name, []).append(option[2].strip('"'))
        else:
            raise no_session(host, f"its ssh arguments have {word}")
    return given, config


def _port(host: str, told: str) -> int:
    if not told.isdigit() or not 0 < int(told) < 65536:
        raise no_session(host, f"its port is {told}")
    return int(told)


def _becomes(host: str, said: Mapping[str, Any]) -> bool:
    if not said.get("become"):
        return False
    if said.get("become_method", "sudo") not in ("sudo", "ansible.builtin.sudo"):
        raise no_session(host, f"it becomes another user by {said['become_method']}, not by sudo")
    if said.get("become_user", "root") != "root":
        raise no_session(host, f"it becomes {said['become_user']}, not root")
    if "become_pass" in said:
        raise no_session(host, "sudo asks for a password there")
    return True
