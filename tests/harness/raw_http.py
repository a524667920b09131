"""Bytes on a connection, whatever they are: what no HTTP library would send."""
import http.client
import io
import socket
import ssl


class RawAnswer:
    def __init__(self, status: int, headers, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body


class _Once(io.BytesIO):
    """Lets http.client read an answer from bytes."""

    def makefile(self, *_args, **_options):
        return self


class RawConnection:
    """A TLS (or plain) connection to a server. `answer()` reads one answer, or None when it was closed without one."""

    def __init__(self, url: str, ca_file=None, certificate=None, seconds: float = 30):
        scheme, _, rest = url.partition("://")
        host, _, port = rest.rstrip("/").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=seconds)
        if scheme == "https":
            context = ssl.create_default_context(cafile=str(ca_file))
            if certificate:
                context.load_cert_chain(*map(str, certificate))
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self._seen = b""

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def send(self, data: bytes) -> bool:
        """False when the other side has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            return False

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise
        except (OSError, ssl.SSLError):
            return False
        self._seen += data
        return bool(data)

    def answer(self, method: str = "GET") -> RawAnswer | None:
        while b"\r\n\r\n" not in self._seen:
            if not self._receive():
                return None
        head, _, rest = self._seen.partition(b"\r\n\r\n")
        response = http.client.HTTPResponse(_Once(head + b"\r\n\r\n"), method=method)
        response.begin()
        length = int(response.headers.get("Content-Length", 0)) if method != "HEAD" else 0
        while len(rest) < length and self._receive():
            rest = self._seen.partition(b"\r\n\r\n")[2]
        self._seen = rest[length:]
        return RawAnswer(response.status, response.headers, rest[:length])

    def ends(self) -> bool:
        """True when the server closes the connection before its deadline; the bytes until then stay unread."""
        try:
            while self._receive():
                pass
            return True
        except socket.timeout:
            return False

    def close(self) -> None:
        self.socket.close()
