# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease in etcd, by its JSON gateway: one key that lives as long as a lease of etcd's own does.

The epoch is the key's ``create_revision``: etcd gives no number twice, and every number is higher than those before. Whatever is asked
for is a transaction that compares it, so a request whose answer was lost, and that is sent again, changes nothing a second time.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Mapping

from ansible_collections.twostep.hotswap.plugins.module_utils.core import lease, lease_majority, untrusted
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import Lease
from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease_majority import Held
from ansible_collections.twostep.hotswap.plugins.module_utils.host import http

_KEY = "/twostep/lease/"
_NEXT = "See with etcdctl endpoint health whether etcd has a quorum, and correct twostep_lease_etcd."
_SHOWN = ("run_id", "owner", "controller", "since", "ttl_s", "halted", "taken_from")


@dataclass(frozen=True)
class Kept:
    """What the key says, and ``handle``, the lease of etcd's own that it lives with."""

    lease: Lease
    handle: str

    def is_of(self, run_id: str) -> bool:
        """Return whether it is the lease of that run."""
        return self.lease.run_id == run_id


@dataclass(frozen=True)
class Etcd:
    """Where etcd is and how it is asked.

    :ivar endpoints: addresses such as ``https://etcd1:2379``, asked in turn until one answers.
    :ivar cacert: certificates that etcd's must be signed by; ``cert`` and ``key`` are ours. Paths on the controller, or empty.
    :ivar timeout_s: for one request to one endpoint.
    """

    endpoints: tuple[str, ...]
    fleet: str
    cacert: str = ""
    cert: str = ""
    key: str = ""
    user: str = ""
    password: str = ""
    timeout_s: float = 5.0

    def holder(self) -> Kept | None:
        """Return who has the lease, None for nobody. What etcd still has lives.

        :raises TwostepError: ``etcd_unreachable``, ``etcd_answer``.
        """
        return self._read(self._ask("kv/range", {"key": self._key()}))

    def left_s(self, kept: Kept) -> float:
        """Return for how many seconds a lease lives on without a renewal, 0 once it has expired.

        :raises TwostepError: ``etcd_unreachable``.
        """
        return float(max(0, _number(self._ask("lease/timetolive", {"ID": kept.handle}).get("TTL")) or 0))

    def hold(self, wanted: Lease, takeover: str, now_s: float) -> Held:
        """Take the lease.

        :param wanted: its epoch counts for nothing.
        :param takeover: the run whose lease may be broken, empty for none.
        :param now_s: the controller's clock, read before this call.
        :raises TwostepError: ``lease_held``, ``etcd_unreachable``, ``etcd_answer``.
        """
        handle = _handle(self._ask("lease/grant", {"TTL": wanted.ttl_s}).get("ID"))
        try:
            kept = self._create(wanted, handle)
            if not kept.is_of(wanted.run_id):
                if not lease.may_replace(kept.lease, wanted.run_id, wanted.owner, takeover):
                    raise self._held(kept, takeover)
                self._delete(kept.lease.epoch)
                kept = self._create(replace(wanted, taken_from=kept.lease.run_id), handle)
            if not kept.is_of(wanted.run_id):
                raise self._held(kept, takeover)
        except TwostepError:
            self._revoke(handle)
            raise
        return Held("etcd", kept.lease.epoch, wanted.run_id, wanted.owner, wanted.ttl_s, now_s, kept.handle)

    def renew(self, held: Held, now_s: float) -> Held:
        """Let the lease begin anew.

        :raises TwostepError: ``lease_lost``, ``etcd_unreachable``, ``etcd_answer``.
        """
        kept = untrusted.mapping(self._ask("lease/keepalive", {"ID": held.handle}).get("result"))
        self._own(held)
        if not _number(kept.get("TTL")):
            raise _lost(held, "it has expired")
        return replace(held, held_at_s=now_s)

    def halt(self, held: Held) -> None:
        """Say in the key that the run has halted; it expires as it would have."""
        found = self._own(held)
        self._ask("kv/txn", {"compare": [self._is(held.epoch)], "success": [self._put(replace(found, halted=True), held.handle)]})

    def release(self, held: Held) -> None:
        """Give the lease back; one that somebody else has is left alone."""
        self._delete(held.epoch)
        self._revoke(held.handle)

    def _own(self, held: Held) -> Lease:
        found = self.holder()
        if found is None or not found.lease.is_of(held.run_id, held.epoch):
            raise _lost(held, f"now {lease.whose(found.lease)} has it" if found else "it has expired")
        return found.lease

    def _held(self, kept: Kept, takeover: str) -> TwostepError:
        """Return the refusal in the words that lock hosts get; etcd is the only one."""
        told = lease_majority.Answer("etcd", None, kept.lease.epoch, kept.lease, self.left_s(kept))
        return lease_majority.refusal([[told]], takeover)

    def _create(self, wanted: Lease, handle: str) -> Kept:
        """Write the key if there is none, and return who has it then."""
        said = self._ask(
            "kv/txn",
            {"compare": [self._is(0)], "success": [self._put(wanted, handle)], "failure": [{"request_range": {"key": self._key()}}]},
        )
        if said.get("succeeded") is True:
            return Kept(replace(wanted, epoch=lease.checked_epoch(_number(untrusted.mapping(said.get("header")).get("revision")))), handle)
        responses = untrusted.records(said.get("responses"))
        found = self._read(untrusted.mapping(responses[0].get("response_range")) if responses else {})
        if found is None:
            raise _unclear("it does not tell who has the key")
        return found

    def _delete(self, epoch: int) -> None:
        self._ask("kv/txn", {"compare": [self._is(epoch)], "success": [{"request_delete_range": {"key": self._key()}}]})

    def _revoke(self, handle: str) -> None:
        try:
            self._ask("lease/revoke", {"ID": handle})
        except TwostepError:  # it is gone, or expires by itself
            return

    def _key(self) -> str:
        return base64.b64encode(f"{_KEY}{self.fleet}".encode()).decode()

    def _is(self, epoch: int) -> dict[str, Any]:
        return {"key": self._key(), "target": "CREATE", "result": "EQUAL", "create_revision": str(epoch)}

    def _put(self, wanted: Lease, handle: str) -> dict[str, Any]:
        told = {name: value for name, value in asdict(wanted).items() if name in _SHOWN}
        value = base64.b64encode(json.dumps(told, sort_keys=True).encode()).decode()
        return {"request_put": {"key": self._key(), "value": value, "lease": handle}}

    def _read(self, said: Mapping[Any, Any]) -> Kept | None:
        records = untrusted.records(said.get("kvs"))
        if not records:
            return None
        try:
            told = json.loads(base64.b64decode(str(records[0].get("value"))))
        except (ValueError, RecursionError):
            told = None
        found = lease.told({**untrusted.mapping(told), "epoch": _number(records[0].get("create_revision"))})
        if found is None:
            raise _unclear(f"the key {_KEY}{self.fleet} does not tell whose lease it is")
        return Kept(found, _handle(records[0].get("lease")))

    def _ask(self, what: str, question: Mapping[str, Any]) -> Mapping[Any, Any]:
        """Return what the first endpoint that answers says."""
        reasons = []
        for endpoint in self.endpoints:
            try:
                headers = {"Authorization": self._token(endpoint)} if self.user else {}
                status, text = self._post(endpoint, what, question, headers)
            except TwostepError as error:
                reasons.append(error.message.rstrip("."))
                continue
            said = _parsed(text)
            if status == 200 and "error" not in said:
                return said
            reasons.append(f"{endpoint} says {untrusted.text(said.get('message') or said.get('error'), 200) or status}")
        raise TwostepError("etcd_unreachable", f"No endpoint of etcd has answered: {'; '.join(reasons) or 'none is named'}.", _NEXT)

    def _token(self, endpoint: str) -> str:
        status, text = self._post(endpoint, "auth/authenticate", {"name": self.user, "password": self.password}, {})
        token = untrusted.text(_parsed(text).get("token"), 4096)
        if status != 200 or not token:
            raise TwostepError("etcd_unreachable", f"{endpoint} refuses user {self.user}.", _NEXT)
        return token

    def _post(self, endpoint: str, what: str, question: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, str]:
        return http.fetch(
            f"{endpoint.rstrip('/')}/v3/{what}",
            {"Content-Type": "application/json", **headers},
            self.timeout_s,
            self.cacert or None,
            json.dumps(dict(question)).encode(),
            (self.cert, self.key or None) if self.cert else None,
        )


def _handle(value: object) -> str:
    found = untrusted.text(value, 32)
    if not found or not found.isdigit():
        raise _unclear("it does not tell which lease of etcd's own is meant")
    return found


def _parsed(text: str) -> Mapping[Any, Any]:
    try:
        return untrusted.mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _number(value: object) -> int | None:
    """Return a number of etcd's, which writes large ones as text; what is zero it leaves out."""
    return untrusted.integer(int(value) if isinstance(value, str) and value.isdigit() and len(value) < 20 else value)


def _unclear(why: str) -> TwostepError:
    return TwostepError(
        "etcd_answer", f"etcd's answer cannot be used: {why}.", "Look at that key with etcdctl get; nobody else may write there."
    )


def _lost(held: Held, why: str) -> TwostepError:
    return TwostepError(
        "lease_lost", f"Run {held.run_id} does not hold the lease of epoch {held.epoch} any more: {why}.", "Touch nothing, and run again."
    )
