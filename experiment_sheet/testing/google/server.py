"""The HTTP server: reads a request, asks its route, writes the answer; and does what faults say."""

from __future__ import annotations

import inspect
import json
import socket
import struct
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from experiment_sheet.testing.google import routes
from experiment_sheet.testing.google.call import Call, World
from experiment_sheet.testing.google.faults import Faults
from experiment_sheet.testing.google.refusal import JSON, Refused, unsupported

_JSON: Final = "application/json; charset=UTF-8"
_ERRORS: Final = 400


@dataclass(slots=True)
class Exchange:
    """A request that was answered. `status` is 0 while it is under way, and if its connection was cut."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes
    user: str = ""
    kind: str = ""
    status: int = 0
    at: float = 0.0

    def json(self) -> JSON:
        """The request's body."""
        found: JSON = json.loads(self.body) if self.body else {}
        return found


class Log(list[Exchange]):
    """Every request, in the order of arrival."""

    def count(self, kind: Any = None) -> int:
        """How many there were, of a kind: ``read`` or ``write`` of Sheets, ``drive`` or ``auth``."""
        return sum(kind in (None, one.kind) for one in self)


@dataclass(slots=True)
class Answer:
    """What is sent back."""

    status: int
    content: bytes = b""
    mime: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Any) -> Answer:
        """The answer of what a route returned."""
        if found is None:
            return cls(204, mime="text/html")
        if isinstance(found, tuple):
            return cls(200, found[0], found[1], {"Content-Disposition": "attachment"})
        return cls(200, _text(found))

    @classmethod
    def error(cls, refusal: Refused, *, drive: bool, retry_after: int | None = None) -> Answer:
        """The answer that refuses."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return cls(refusal.code, _text(refusal.body(drive=drive)), headers=headers)


def _text(body: JSON) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


class Server(ThreadingHTTPServer):
    """Serves a world on the loopback interface."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, world: World, faults: Faults, port: int = 0) -> None:
        self.world = world
        self.faults = faults
        self.log = Log()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def opened(self, connection: socket.socket) -> None:
        """Note a connection."""
        with self._guard:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._guard:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """End every connection, so that its thread ends too."""
        with self._guard:
            for connection in self._open:
                _quietly(connection.shutdown, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be quiet about clients that go away; tell of everything else."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def answer(self, exchange: Exchange, raw_path: str, authorization: str | None) -> Answer:
        """Answer a request."""
        drive = not raw_path.startswith("/v4/")
        try:
            return Answer.of(self._found(exchange, raw_path, authorization))
        except Refused as refusal:
            quota = self.world.quota
            wait = quota.retry_after if quota and refusal.code == 429 else None
            return Answer.error(refusal, drive=drive, retry_after=wait)
        except Exception:  # noqa: BLE001 - whoever runs a test wants to see it, and the server goes on
            return Answer.error(Refused(500, f"The emulator failed:\n{traceback.format_exc()}"), drive=drive)

    def _found(self, exchange: Exchange, raw_path: str, authorization: str | None) -> Any:
        found = routes.find(exchange.method, raw_path)
        if not found:
            raise unsupported(f"{exchange.method} {exchange.path}")
        route, parts = found
        world = self.world
        exchange.kind, exchange.user = route.kind, world.accounts.default
        if route.kind != "auth":
            exchange.user = world.accounts.caller(authorization)
            world.accounts.check_enabled("drive" if route.kind == "drive" else "sheets")
        if world.quota and route.kind in {"read", "write"}:
            world.quota.spend(exchange.user, write=route.kind == "write", now=world.clock.now())
        call = Call(world, exchange.user, parts, exchange.query, exchange.body)
        with world.lock:
            result = route.answer(call)
            if not inspect.isgenerator(result):
                return result
            first = next(result)
            if first is not None:
                return first
        time.sleep(world.races.window)
        with world.lock:
            return next(result)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one piece
    server: Server

    def setup(self) -> None:
        """Begin."""
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        """End."""
        self.server.closed(self.connection)
        _quietly(super().finish)

    def _serve(self) -> None:
        """Read, answer, write; with the faults that are planned."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        split = urlsplit(self.path)
        query = parse_qs(split.query, keep_blank_values=True)
        exchange = Exchange(self.command, unquote(split.path), query, body, at=self.server.world.clock.now())
        self.server.log.append(exchange)
        faults = self.server.faults.take(self.command, f"{exchange.path}?{unquote(split.query)}")
        for fault in faults:
            time.sleep(fault.seconds)
            if fault.action:
                fault.action()
        wrong = next((fault for fault in faults if fault.reset or fault.status), None)
        answer = None
        if wrong is None or wrong.applied:
            answer = self.server.answer(exchange, split.path, self.headers.get("Authorization"))
        if wrong and wrong.reset:
            self._cut()
        elif wrong and not (answer and answer.status >= _ERRORS):
            drive = not self.path.startswith("/v4/")
            answer = Answer.error(wrong.refusal(), drive=drive, retry_after=wrong.retry_after)
        if answer and not (wrong and wrong.reset):
            exchange.status = answer.status
            _quietly(self._send, answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.mime)
        self.send_header("Content-Length", str(len(answer.content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status == 401:
            self.send_header("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/", error="invalid_token"')
        self.end_headers()
        self.wfile.write(answer.content)
        self.wfile.flush()

    def _cut(self) -> None:
        """Close the connection with a reset instead of an answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        _quietly(self.rfile.close)
        _quietly(self.connection.close)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def version_string(self) -> str:
        """Name in the Server header."""
        return "ESF"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing; `Server.log` knows."""


def _quietly(function: Any, *arguments: Any) -> None:
    """Call what may find its connection gone."""
    try:
        function(*arguments)
    except (OSError, ValueError):
        return
