"""The site that is read: the fake one, which makes and packs each answer once.

    python -m benchmarks.site '{"pages": 20000}'

prints `{"config": {…}, "ca_file": "…"}`. For each line that it reads, such as
`{"latency": {"request_seconds": 0.05}, "limiter": {"per_second": 5}}`, `{"chance": {"part": 0.1}}`
or `{}`, it prints what happened since the line before,
`{"requests": 97, "refused": 0, "cpu_seconds": 0.4, "busy_seconds": 11.8}`, and from then on is as
slow as the line says.
"""

import gzip
import json
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from fake_confluence import Call, Chance, Content, Latency, Limiter, Refuser, Service, serve
from fake_confluence.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    reply: Reply
    body_count: int


class QuickService(Service):
    """Answers the same request the same way, and remembers how, so that it costs next to nothing.

    Args:
        content: What it holds.
    """

    def __init__(self, content: Content) -> None:
        super().__init__(content)
        self._kept: dict[tuple[str, tuple[tuple[str, str], ...]], _Kept] = {}
        self.set_up({})

    def set_up(self, wanted: Mapping[str, Any]) -> None:
        """Be as slow as wanted, and begin to count anew."""
        self._slow = Latency(**wanted.get("latency", {}))
        self._limits: Refuser | None = None
        if "limiter" in wanted:
            self._limits = Limiter(**wanted["limiter"])
        elif "chance" in wanted:
            self._limits = Chance(**wanted["chance"])
        self.calls.clear()
        self._refused_count = 0
        self._began = self._ended = 0.0
        self._cpu = time.process_time()

    def report(self) -> dict[str, float]:
        """What happened since then; `busy_seconds` from the first request to the last."""
        return {
            "requests": len(self.calls),
            "refused": self._refused_count,
            "cpu_seconds": time.process_time() - self._cpu,
            "busy_seconds": self._ended - self._began,
        }

    def reply(self, call: Call) -> Reply:
        """The answer, compressed."""
        self._ended = time.monotonic()
        self._began = self._began or self._ended
        refusal = self._limits.refusal() if self._limits else None
        if refusal:
            self.calls.append(call)
            self._refused_count += 1
            return replace(refusal, delay_seconds=self._slow.seconds(0))
        params = tuple((n, v) for n, v in call.params if n != "endDate")
        kept = self._kept.get((call.path, params))
        if kept is None:
            kept = self._kept[call.path, params] = self._made(call)
        else:
            self.calls.append(call)
        return replace(kept.reply, delay_seconds=self._slow.seconds(kept.body_count))

    def _made(self, call: Call) -> _Kept:
        reply = super().reply(call)
        rows = reply.document.get("results", []) if isinstance(reply.document, dict) else []
        bodies = sum(1 for row in rows if row.get("body"))
        compressed = gzip.compress(orjson.dumps(reply.document), 6)
        return _Kept(reply=replace(reply, document=None, compressed=compressed), body_count=bodies)


def main() -> None:
    """Serve, and report for each line of the input."""
    service = QuickService(Content(**json.loads(sys.argv[1])))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with serve(service) as site:
        _say({"config": site.config, "ca_file": str(site.ca_file)})
        for line in sys.stdin:
            _say(service.report())
            service.set_up(json.loads(line))


def _say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
