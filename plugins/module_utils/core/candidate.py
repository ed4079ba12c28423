# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module file says about itself as a child: its modinfo, typed. Parses only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Sequence, TypeVar

from . import names, slots
from .errors import TwostepError
from .slots import Contract, Range

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Candidate:
    """The child in a module file. `signed` says that a signature is appended, not that the kernel trusts it.

    :ivar protocol: versions of its wire protocol that it speaks with its peers on other hosts; None where it has none.
    """

    name: str
    version: str
    family: str
    contract: Contract
    features: tuple[str, ...]
    schema_reads: Range
    schema_writes: Range
    request_bytes: int
    vermagic: str
    srcversion: str
    depends: tuple[str, ...]
    signed: bool
    protocol: Range | None = None


def parse(fields: Mapping[str, Sequence[str]], signed: bool, where: str) -> Candidate:
    """Return the child that a file's modinfo describes.

    :param where: path that the message names.
    :raises TwostepError: `not_a_child` when it is no child of twostep, or one whose facts cannot be understood.
    """

    def get(key: str, check: Callable[[str], _Value], default: str | None = None) -> _Value:
        values = fields.get(key) or ([] if default is None else [default])
        if not values:
            raise _not_a_child(where, f"its modinfo has no {key}")
        try:
            return check(values[0])
        except (ValueError, TwostepError):
            raise _not_a_child(where, f"its modinfo has the {key} {values[0][:80]!r}") from None

    return Candidate(
        contract=get("twostep_contract", slots.contract),
        family=get("twostep_family", names.family),
        version=get("version", names.version),
        name=get("name", names.module),
        features=get("twostep_features", slots.words),
        schema_reads=get("twostep_schema_reads", slots.schema_range),
        schema_writes=get("twostep_schema_writes", slots.schema_range),
        request_bytes=get("twostep_request_bytes", slots.number),
        vermagic=get("vermagic", str.strip),
        srcversion=get("srcversion", str, ""),
        depends=get("depends", slots.words, ""),
        signed=signed,
        protocol=get("twostep_protocol", slots.schema_range) if "twostep_protocol" in fields else None,
    )


def _not_a_child(where: str, why: str) -> TwostepError:
    return TwostepError(
        "not_a_child",
        f"The module file {where} is not a child of twostep: {why}.",
        "Build a module that uses TWOSTEP_CHILD.",
        {"path": where},
    )
