# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide in core, act in host, speak in modules: who may import what, and who may do what."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins/module_utils"
CORE = sorted((UTILS / "core").glob("*.py"))
HOST = sorted((UTILS / "host").glob("*.py"))
ON_HOSTS = [*CORE, *HOST, *sorted((ROOT / "plugins/modules").glob("*.py"))]

# What reaches beyond the arguments of a function.
WORLD = frozenset(
    {
        "ansible",
        "fcntl",
        "glob",
        "http",
        "io",
        "os",
        "pathlib",
        "platform",
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
    }
)
WORLDLY_CALLS = frozenset({"open", "input", "print", "exec", "eval", "__import__", "now", "utcnow", "today"})


def imports(tree: ast.AST) -> list[str]:
    """Return what a module imports; relative imports keep their dots."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
    return found


def worldly(tree: ast.AST) -> list[str]:
    """Return what makes a module impure."""
    found = [name for name in imports(tree) if name.split(".")[0] in WORLD or name.startswith("..")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in WORLDLY_CALLS:
                found.append(f"{name}() in line {node.lineno}")
    return found


def shells(tree: ast.AST) -> list[str]:
    """Return the calls that hand a string to a shell."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for keyword in node.keywords:
                if keyword.arg in ("shell", "use_unsafe_shell") and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    found.append(f"{keyword.arg} in line {node.lineno}")
            if name in ("system", "popen", "getoutput", "getstatusoutput"):
                found.append(f"{name} in line {node.lineno}")
            if (
                node.args
                and isinstance(node.args[0], ast.List)
                and [getattr(part, "value", None) for part in node.args[0].elts][1:2] == ["-c"]
            ):
                found.append(f"-c in line {node.lineno}")
    return found


def foreign(tree: ast.AST) -> list[str]:
    """Return imports that a managed host does not have: neither standard library nor what Ansible sends along."""
    ours = ("ansible.module_utils", "ansible_collections.twostep.hotswap.plugins.module_utils", ".")
    return [name for name in imports(tree) if not name.startswith(ours) and name.split(".")[0] not in sys.stdlib_module_names]


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_core_is_pure(path: Path) -> None:
    assert worldly(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", HOST, ids=lambda path: path.name)
def test_host_code_does_not_know_ansible(path: Path) -> None:
    assert [name for name in imports(ast.parse(path.read_text())) if name.split(".")[0] == "ansible"] == []


@pytest.mark.parametrize("path", ON_HOSTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_shell_on_hosts(path: Path) -> None:
    assert shells(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", ON_HOSTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_hosts_need_the_standard_library_alone(path: Path) -> None:
    assert foreign(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("import os.path", ["os.path"]),
        ("from subprocess import run", ["subprocess"]),
        ("from ..host import paths", ["..host"]),
        ("def f():\n    import time", ["time"]),
        ("open('x')", ["open() in line 1"]),
        ("datetime.datetime.now()", ["now() in line 1"]),
        ("from .errors import TwostepError\nimport re", []),
    ],
)
def test_impurity_is_seen(source: str, caught: list[str]) -> None:
    assert worldly(ast.parse(source)) == caught


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("run('ls', shell=True)", 1),
        ("module.run_command(x, use_unsafe_shell=flag)", 1),
        ("os.system('ls')", 1),
        ("run(['sh', '-c', 'ls'])", 1),
        ("run(['ls', '-l'], shell=False)", 0),
    ],
)
def test_a_shell_is_seen(source: str, count: int) -> None:
    assert len(shells(ast.parse(source))) == count


def test_a_foreign_import_is_seen() -> None:
    assert foreign(ast.parse("import yaml, json\nfrom ansible.errors import X\nfrom ansible.module_utils.basic import Y")) == [
        "yaml",
        "ansible.errors",
    ]
