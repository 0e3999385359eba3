"""Let clients reach the cloud by its real names: a proxy on localhost that speaks TLS for them."""

import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from fake_confluence.cloud import Cloud
from fake_confluence.request import Call
from fake_confluence.server import Handler, Server, running, tls_context


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCloud:
    """A cloud that is running.

    Args:
        cloud: Answers the requests.
        proxy_url: Where the proxy is, on localhost, without TLS.
        ca_file: The certificate authority to trust.
        refused_hosts: Other hosts that clients wanted to reach: `elsewhere.invalid`.
        settings: Settings of the connector besides those for the site and the account.
    """

    cloud: Cloud
    proxy_url: str
    ca_file: Path
    refused_hosts: list[str]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What lets a client find the cloud, and nothing else."""
        proxies = dict.fromkeys(["HTTPS_PROXY", "https_proxy", "http_proxy"], self.proxy_url)
        trusted = {"REQUESTS_CA_BUNDLE": str(self.ca_file)}
        return {**proxies, "NO_PROXY": "", "no_proxy": "", **trusted}

    @property
    def calls(self) -> dict[str, list[Call]]:
        """What each host saw, in order."""
        return self.cloud.calls

    def config(self, kind: str, *, host: str = "", access: str = "valid") -> dict[str, Any]:
        """Settings with which the connector can read a site; see `Cloud.config`."""
        entered = self.cloud.config(kind, host=host, access=access)
        return {**entered, **self.settings}


@contextmanager
def serve_cloud(
    cloud: Cloud, *, port: int = 0, settings: Mapping[str, Any] | None = None
) -> Iterator[RunningCloud]:
    """Run a cloud on localhost while the block runs.

    Args:
        cloud: Answers the requests.
        port: The port of the proxy; 0 for any that is free.
        settings: More settings of the connector, for `config`: `{"num_workers": 1}`.
    """
    with tempfile.TemporaryDirectory(prefix="fake-cloud-") as folder:
        ca_file = Path(folder) / "ca.pem"
        server = _Proxy(port, cloud, tls_context(ca_file, *cloud.hosts))
        with running(server):
            yield RunningCloud(
                cloud=cloud,
                proxy_url=f"http://127.0.0.1:{server.port}",  # ignore-https-check
                ca_file=ca_file,
                refused_hosts=server.refused_hosts,
                settings=settings or {},
            )


class _Proxy(Server):
    """Takes the place of each host that it is asked to connect to: no tunnel leads anywhere."""

    def __init__(self, port: int, cloud: Cloud, context: ssl.SSLContext) -> None:
        self.tls_context = context
        self.targets = {f"{host}:443" for host in cloud.hosts}
        self.refused_hosts: list[str] = []
        super().__init__(port, cloud, _Connection)


class _Connection(BaseHTTPRequestHandler):
    """One connection to the proxy: `CONNECT`, then TLS and requests on the same socket."""

    protocol_version = "HTTP/1.1"
    rbufsize = 0  # what follows `CONNECT` is for TLS, and stays on the socket
    server: _Proxy

    def do_CONNECT(self) -> None:
        """Be the host that was asked for; the name is the standard library's."""
        self.close_connection = True
        if self.path not in self.server.targets:
            self._refuse()
            return
        self.send_response_only(200, "Connection established")
        self.end_headers()
        tls = self.server.tls_context.wrap_socket(self.connection, server_side=True)
        try:
            Handler(tls, self.client_address, self.server)
        finally:
            self.server.shutdown_request(tls)

    def _refuse(self) -> None:
        self.close_connection = True
        self.server.refused_hosts.append(self.path.removesuffix(":443"))
        self.send_response_only(502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    # Without TLS, nobody is to be reached: then the path is the whole address.
    do_GET = do_POST = _refuse  # noqa: N815 (the base's names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Print nothing."""
