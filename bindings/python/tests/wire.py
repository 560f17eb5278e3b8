"""What clients send, as seen on the way to the server, which may lose the answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer


LOSE = b"lose the answer"


class Wire(ThreadingTCPServer):
    """A relay to a server that keeps what the clients send."""

    daemon_threads = True

    def __init__(self, server: str) -> None:
        """Listen on a port of its own."""
        super().__init__(("127.0.0.1", 0), Relay)
        host, port = server.rsplit(":", 1)
        self.target = (host, int(port))
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.sent = bytearray()
        self.connections = 0
        self.lost = 0
        self.to_lose = 0

    def loses(self, data: bytes) -> bool:
        """Tell whether the answer to this is to be lost, with its connection; so it is for `to_lose` requests."""
        if LOSE not in data or self.lost >= self.to_lose:
            return False
        self.lost += 1
        return True


class Relay(BaseRequestHandler):
    """One connection through the relay."""

    server: Wire

    def handle(self) -> None:
        """Copy in both directions until the client ends."""
        self.losing = False
        self.server.connections += 1
        with socket.create_connection(self.server.target) as target:
            answering = threading.Thread(target=self.answer, args=(target,))
            answering.start()
            while data := self.request.recv(65536):
                self.server.sent += data
                # Before the server has it, so that its answer cannot come first.
                self.losing = self.losing or self.server.loses(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
            answering.join()

    def answer(self, target: socket.socket) -> None:
        """Copy what the server says until it ends."""
        with suppress(OSError):
            while (data := target.recv(65536)) and not self.losing:
                self.request.sendall(data)
            if self.losing:
                self.request.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(server: str) -> Iterator[Wire]:
    """Run a relay to a server."""
    with Wire(server) as wire:
        threading.Thread(target=wire.serve_forever, args=(0.01,), daemon=True).start()
        yield wire
        wire.shutdown()
