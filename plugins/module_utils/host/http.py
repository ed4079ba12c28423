# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question over HTTP: no redirect is followed, no proxy is asked, and neither time nor memory is without bound."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import urllib.parse
import urllib.request
from typing import Mapping

from ..core.errors import TwostepError

MAX_BYTES = 1 << 20
_CHUNK = 1 << 16


def fetch(
    url: str,
    headers: Mapping[str, str],
    timeout_s: float,
    cafile: str | None = None,
    body: bytes | None = None,
    certificate: tuple[str, str | None] | None = None,
) -> tuple[int, str]:
    """Return the status and the text of the answer to a GET, or with ``body`` to a POST, whatever the status is.

    :param cafile: certificates that the server's must be signed by; those of the system without it.
    :param certificate: files of our own certificate and its key, for a server that asks for one.
    :raises TwostepError: ``unreadable_answer``, ``command_timeout``.
    """
    try:
        scheme, place = urllib.parse.urlsplit(url)[:2]
        if scheme not in ("http", "https") or not place:
            raise _unreadable(url, "it is no address of http or https")
        # Only these two handlers: the usual opener would follow redirects, ask proxies and open files.
        opener = urllib.request.OpenerDirector()
        opener.add_handler(urllib.request.HTTPHandler())
        if scheme == "https":
            context = ssl.create_default_context(cafile=cafile)
            if certificate:
                context.load_cert_chain(*certificate, password="")  # a key with a passphrase is refused, never asked about
            opener.add_handler(urllib.request.HTTPSHandler(context=context))
        end = time.monotonic() + timeout_s
        asked = urllib.request.Request(url, data=body, headers=dict(headers))  # noqa: S310 - checked above
        with opener.open(asked, timeout=timeout_s) as response:
            return response.status, _text(response, url, end, timeout_s)
    except socket.timeout:
        raise _late(url, timeout_s) from None
    except ValueError:  # its text may show a header, and with it a token
        raise _unreadable(url, "the address or a header is malformed") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, socket.timeout):
            raise _late(url, timeout_s) from None
        raise _unreadable(url, str(reason) or type(reason).__name__) from None


def _text(response: http.client.HTTPResponse, url: str, end: float, timeout_s: float) -> str:
    parts: list[bytes] = []
    size = 0
    while size <= MAX_BYTES:
        part = response.read1(_CHUNK)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        if time.monotonic() > end:
            raise _late(url, timeout_s)
        parts.append(part)
        size += len(part)
    raise _unreadable(url, f"its answer is longer than {MAX_BYTES} bytes")


def _late(url: str, timeout_s: float) -> TwostepError:
    return TwostepError("command_timeout", f"{url[:200]} did not answer within {timeout_s:g} s.", "Ask it by hand on the host.")


def _unreadable(url: str, why: str) -> TwostepError:
    return TwostepError("unreadable_answer", f"{url[:200]} could not be read: {why[:200]}.", "Ask it by hand on the host.")
