# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question over HTTP, asked of a server on this host."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from typing import Iterator

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import http as asking


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        body = {"/long": b"x" * (asking.MAX_BYTES + 1), "/token": (self.headers.get("X-Token") or "").encode(), "/bytes": b"\xff"}
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/200")
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever has read enough goes away
            self.wfile.write(body.get(self.path, f"answer {status}".encode()))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"posted " + body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 302, 307, 401, 403, 404, 429, 500])
def test_every_status_is_an_answer_and_no_redirect_is_followed(server: str, status: int) -> None:
    assert asking.fetch(f"{server}/{status}", {}, 5.0) == (status, f"answer {status}")


def test_headers_are_sent_and_no_proxy_is_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert asking.fetch(server + "/token", {"X-Token": "6f4d"}, 5.0) == (200, "6f4d")


def test_a_body_is_posted(server: str) -> None:
    assert asking.fetch(f"{server}/200", {}, 5.0, None, b"question") == (200, "posted question")
    assert asking.fetch(f"{server}/200", {}, 5.0, None, b"") == (200, "posted ")


def test_a_certificate_that_cannot_be_used_is_told(tmp_path) -> None:
    with pytest.raises(TwostepError) as caught:
        asking.fetch("https://127.0.0.1:1/", {}, 5.0, None, b"", (str(tmp_path / "none.pem"), None))
    assert caught.value.message == "https://127.0.0.1:1/ could not be read: [Errno 2] No such file or directory."


def test_bytes_that_are_no_text_are_replaced(server: str) -> None:
    assert asking.fetch(server + "/bytes", {}, 5.0) == (200, "\ufffd")


def refused(url: str, headers: dict[str, str], timeout_s: float = 5.0, cafile: str | None = None) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        asking.fetch(url, headers, timeout_s, cafile)
    return caught.value


def test_an_answer_without_end_is_given_up(server: str) -> None:
    error = refused(server + "/long", {})
    assert (error.code, error.message) == (
        "unreadable_answer",
        f"{server}/long could not be read: its answer is longer than 1048576 bytes.",
    )


def test_a_malformed_header_is_not_shown(server: str) -> None:
    error = refused(server + "/token", {"X-Token": "secret\nX-Other: 1"})
    assert (error.code, error.message) == ("unreadable_answer", f"{server}/token could not be read: the address or a header is malformed.")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "127.0.0.1:8500/x", "http:///x", "", "data:,x"])
def test_other_addresses_are_refused(url: str) -> None:
    error = refused(url, {})
    assert (error.code, error.message) == ("unreadable_answer", f"{url} could not be read: it is no address of http or https.")


@pytest.mark.parametrize("url", ["http://[::1/x", "http://127.0.0.1:port/", "http://127.0.0.1:1/a b"])
def test_malformed_addresses_are_unreadable(url: str) -> None:
    assert refused(url, {}).code == "unreadable_answer"


def test_nobody_there_is_unreadable() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        error = refused(f"http://127.0.0.1:{holder.getsockname()[1]}/", {})
    assert error.code == "unreadable_answer"
    assert "Connection refused" in error.message


def test_one_who_never_answers_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        error = refused(url, {}, timeout_s=0.05)
    assert (error.code, error.message) == ("command_timeout", f"{url} did not answer within 0.05 s.")


def test_one_who_drips_is_a_timeout(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 6.0])
    monkeypatch.setattr(asking.time, "monotonic", lambda: next(clock))
    with pytest.raises(TwostepError) as caught:
        asking._text(Dripping(), server, asking.time.monotonic() + 5.0, 5.0)
    assert caught.value.code == "command_timeout"


class Dripping:
    def read1(self, _size: int) -> bytes:
        return b"."


def test_certificates_that_cannot_be_read(server: str) -> None:
    error = refused(server.replace("http:", "https:"), {}, cafile="/nonexistent/ca.pem")
    assert error.code == "unreadable_answer"


def test_a_server_without_tls_is_unreadable_over_https(server: str) -> None:
    assert refused(server.replace("http:", "https:"), {}).code == "unreadable_answer"
