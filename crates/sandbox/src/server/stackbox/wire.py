"""A small HTTP/1.1 server: a thread per connection, keep-alive, whole bodies in memory.

The handler gets a Request and returns an Answer, or None to cut the connection without a byte. It never streams:
an AWS control plane has small bodies, and a test may then cut an answer at will.
"""
import os
import select
import socket
import struct
import threading
import urllib.parse
from http.client import responses as REASONS

MAX_LINE = 1 << 20


class Request:
    """One request as it came over the wire. Header names are lower case; `raw_headers` keeps order and spelling."""

    __slots__ = ("method", "target", "path", "query", "headers", "raw_headers", "body", "connection")

    def __init__(self, method, target, raw_headers, body, connection):
        self.method, self.target, self.raw_headers, self.body = method, target, raw_headers, body
        self.headers = {}
        for name, value in raw_headers:
            key = name.lower()
            self.headers[key] = f"{self.headers[key]},{value}" if key in self.headers else value
        rest = urllib.parse.urlsplit(target).path if "://" in target.split("?", 1)[0] else target.split("?", 1)[0]
        self.path, self.query = rest, target.partition("?")[2]
        self.connection = connection


class Answer:
    """Status, headers as a list of pairs, body. One that is `cut` ends in its middle, and its connection with it."""

    __slots__ = ("status", "headers", "body", "cut")

    def __init__(self, status, headers=(), body=b"", cut=False):
        self.status, self.headers, self.body, self.cut = status, list(headers), body, cut

    def header(self, name):
        name = name.lower()
        return next((v for k, v in self.headers if k.lower() == name), None)

    def set_header(self, name, value):
        self.headers = [(k, v) for k, v in self.headers if k.lower() != name.lower()] + [(name, value)]


class Connection:
    """A client's connection; `cut` makes every later request of it vanish."""

    def __init__(self, sock, number):
        self.sock, self.number, self.cut = sock, number, False

    def gone(self):
        """Has the client hung up? (Bytes that wait to be read mean that it has not.)"""
        try:
            if not select.select([self.sock], [], [], 0)[0]:
                return False
            return not self.sock.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def reset(self):
        """Ends the connection without an answer, as a broken network does."""
        self.cut = True
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def close(self):
        """Ends the connection even if a fork that was made just now holds a copy of its descriptor."""
        for end in (lambda: self.sock.shutdown(socket.SHUT_RDWR), self.sock.close):
            try:
                end()
            except OSError:
                pass


class Server:
    """Listens on 127.0.0.1 from construction on; `serve_forever` accepts."""

    def __init__(self, port, handler):
        self.handler = handler
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(512)
        self.port = self.listener.getsockname()[1]
        self.open, self.count, self.lock = set(), 0, threading.Lock()

    def serve_forever(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.count += 1
                connection = Connection(sock, self.count)
                self.open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def abandon(self):
        """In a forked child: gives the parent's sockets back, without a word to their clients."""
        for sock in [self.listener, *(c.sock for c in self.open)]:
            try:
                os.close(sock.detach())
            except OSError:
                pass

    def _serve(self, connection):
        try:
            with connection.sock.makefile("rb", 1 << 16) as source:
                while self._one(connection, source):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            with self.lock:
                self.open.discard(connection)

    def _one(self, connection, source):
        """Serves one request; False ends the connection."""
        line = source.readline(MAX_LINE)
        while line in (b"\r\n", b"\n"):
            line = source.readline(MAX_LINE)
        if not line:
            return False
        parts = line.decode("latin-1").split()
        if len(parts) != 3:
            connection.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        method, target, version = parts
        raw, lower = [], {}
        while (line := source.readline(MAX_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            raw.append((name, value.strip()))
            lower[name.lower()] = value.strip()
        if lower.get("expect", "").lower() == "100-continue":
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in lower.get("transfer-encoding", "").lower():
            body = _chunks(source)
        else:
            body = source.read(int(lower.get("content-length") or 0))
        answer = None if connection.cut else self.handler(Request(method, target, raw, body, connection))
        if answer is None:
            connection.reset()
            return False
        keep = version == "HTTP/1.1" and lower.get("connection", "").lower() != "close" and not answer.cut
        data = _bytes(answer, method, keep)
        connection.sock.sendall(data[:-(len(answer.body) + 1) // 2] if answer.cut else data)
        return keep


def _chunks(source):
    parts = []
    while size := int(source.readline(MAX_LINE).split(b";")[0], 16):
        parts.append(source.read(size))
        source.readline(MAX_LINE)
    while source.readline(MAX_LINE).strip():
        pass
    return b"".join(parts)


def _bytes(answer, method, keep):
    bodyless = answer.status in (204, 304) or answer.status < 200
    head = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}"]
    for name, value in answer.headers:
        if name.lower() not in ("connection", "content-length", "transfer-encoding"):
            head.append(f"{name}: {value}")
    if not bodyless:
        length = answer.header("content-length") if method == "HEAD" else None
        head.append(f"Content-Length: {length or len(answer.body)}")
    head.append(f"Connection: {'keep-alive' if keep else 'close'}")
    data = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")
    return data if bodyless or method == "HEAD" else data + answer.body
