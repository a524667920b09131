"""A server on a free loopback port: one thread for each connection, all ended at close()."""
import socket
import ssl
import struct
import threading

BACKLOG = 64


def _without_farewell(connection: socket.socket, end) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end()
    except OSError:
        pass  # the other side was faster


def reset(connection: socket.socket) -> None:
    """Ends a connection by RST, without the farewells of TCP and TLS. For the thread that uses it."""
    _without_farewell(connection, connection.close)


def cut(connection: socket.socket) -> None:
    """The same from any thread: closing is left to the one that uses it, since TLS knows the socket by its number, which
    may belong to another one at once."""
    _without_farewell(connection, lambda: socket.socket.shutdown(connection, socket.SHUT_RDWR))


class Listener:
    """Calls `serve(connection)` in a thread of its own for each connection; what it raises for a lost peer is dropped."""

    def __init__(self, serve, port: int = 0):
        self._serve = serve
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self.port = self._socket.getsockname()[1]
        self.accepted = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.accepted += 1
                self._open.add(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def secure(self, connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """TLS over this connection, as the server; cut_all() meets it in the handshake too."""
        with self._lock:
            tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self._open.discard(connection)
            self._open.add(tls)
        try:
            tls.do_handshake()
        except BaseException:
            self.release(tls)
            raise
        return tls

    def release(self, tls: ssl.SSLSocket) -> None:
        """Ends what secure() made."""
        with self._lock:
            self._open.discard(tls)
        tls.close()

    def _run(self, connection: socket.socket) -> None:
        try:
            self._serve(connection)
        except (OSError, EOFError, ValueError):
            pass  # the peer went away, or said what no peer of ours says
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def cut_all(self) -> None:
        """Resets every connection that is open now."""
        with self._lock:
            doomed = list(self._open)
        for connection in doomed:
            cut(connection)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._thread.join(5)
        self.cut_all()
