"""Serve the site on a local socket, with TLS and a throw-away certificate."""

import gzip
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import trustme

from fake_confluence.clock import Clock
from fake_confluence.reply import Reply
from fake_confluence.request import Call
from fake_confluence.service import API_TOKEN, EMAIL, Service

_STATUSES_WITHOUT_BODY = (204, 304)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSite:
    """A site that is running.

    Args:
        host: `localhost:38211`.
        ca_file: The certificate authority to trust, for `REQUESTS_CA_BUNDLE`.
        service: Answers the requests.
        settings: Settings of the connector besides those for the site and the account.
    """

    host: str
    ca_file: Path
    service: Service
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        """Settings with which the connector can read this site."""
        account = {"email": EMAIL, "api_token": API_TOKEN, "domain_name": self.host}
        return {**account, **self.settings}

    @property
    def environment(self) -> dict[str, str]:
        """What lets a client trust it."""
        return {"REQUESTS_CA_BUNDLE": str(self.ca_file)}

    @property
    def calls(self) -> list[Call]:
        """Every request that came, in order."""
        return self.service.calls


@contextmanager
def serve(
    service: Service, *, port: int = 0, settings: Mapping[str, Any] | None = None
) -> Iterator[RunningSite]:
    """Run a site on localhost while the block runs.

    Args:
        service: Answers the requests.
        port: The port to listen on; 0 for any that is free.
        settings: More settings of the connector, for `config`: `{"num_workers": 1}`.
    """
    with tempfile.TemporaryDirectory(prefix="fake-confluence-") as folder:
        ca_file = Path(folder) / "ca.pem"
        server = Server(port, service, Handler)
        server.socket = tls_context(ca_file, "localhost", "127.0.0.1").wrap_socket(
            server.socket,
            server_side=True,
            do_handshake_on_connect=False,  # in the thread of the connection, not of all
        )
        with running(server):
            host = f"localhost:{server.port}"
            yield RunningSite(host=host, ca_file=ca_file, service=service, settings=settings or {})


def tls_context(ca_file: Path, *names: str) -> ssl.SSLContext:
    """A certificate for some hosts; who made it is written to a file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@contextmanager
def running(server: "Server") -> Iterator[None]:
    """Serve while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Answering(Protocol):
    """What answers the requests that come on a socket."""

    clock: Clock

    def reply(self, call: Call) -> Reply:
        """The response to a request."""


class Server(ThreadingHTTPServer):
    """Listens on localhost, with a thread for each connection.

    Args:
        port: The port to listen on; 0 for any that is free.
        service: Answers the requests.
        handler: What a connection is served by.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, port: int, service: Answering, handler: type[BaseHTTPRequestHandler]
    ) -> None:
        self.service = service
        super().__init__(("127.0.0.1", port), handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that disconnect early are part of what is tested."""


class Handler(BaseHTTPRequestHandler):
    """Serves one connection: request after request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        """Send each part of a response at once."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def do_GET(self) -> None:
        """Answer; the name is the standard library's."""
        parts = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=parts.path,
            # As a servlet container decodes: a '+' that was not escaped is a space.
            params=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        reply = self.server.service.reply(call)
        time.sleep(reply.delay_seconds)
        self._write(reply)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the base's names)

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 (the base's)
        """The site's time, for the responses that the standard library writes itself."""
        return self.server.service.clock.date

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Print nothing: a request line is of no use here, and headers are secret."""

    def _write(self, reply: Reply) -> None:
        if reply.sent_part == 0:
            self.close_connection = True
            return
        headers = {"Content-Type": "application/json", "atl-traceid": f"{id(reply):032x}"}
        headers |= {"Server": "AtlassianEdge", **reply.headers}
        body = reply.compressed or _bytes(reply)
        if body and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = reply.compressed or gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        if reply.is_gzip_broken:
            body = body[:10] + b"\0" * 8 + body[18:]
        self.send_response_only(reply.status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send(body[: int(len(body) * reply.sent_part)], reply.piece_seconds)
        self.close_connection = self.close_connection or reply.sent_part < 1

    def _send(self, body: bytes, piece_seconds: float) -> None:
        if not piece_seconds:
            self.wfile.write(body)
            return
        for i in range(len(body)):
            time.sleep(piece_seconds)
            self.wfile.write(body[i : i + 1])


def _bytes(reply: Reply) -> bytes:
    if reply.status in _STATUSES_WITHOUT_BODY:
        return b""
    if isinstance(reply.document, bytes):
        return reply.document
    return json.dumps(reply.document, ensure_ascii=False).encode()
