"""Ways in which a server can answer a download wrongly. Each is a rule of HostileHub."""
import itertools
import os


def lines(answer, *without: str) -> list[str]:
    """The real answer's headers."""
    return [f"{key}: {value}" for key, value in answer.headers if key.lower() not in without]


def short_length(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), f"Content-Length: {len(answer.body) - 100}")
    x.send(answer.body[:-100])
    return True


def long_length(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), f"Content-Length: {len(answer.body) + 100}")
    x.send(answer.body)
    return x.close()


def negative_length(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), "Content-Length: -5")
    x.send(answer.body)
    return x.close()


def two_lengths(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), f"Content-Length: {len(answer.body)}", "Content-Length: 7")
    x.send(answer.body)
    return x.close()


def length_and_chunks(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), f"Content-Length: {len(answer.body)}", "Transfer-Encoding: chunked")
    x.send(b"%x\r\n" % len(answer.body) + answer.body + b"\r\n0\r\n\r\n")
    return True


def no_length_and_cut(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer, "etag"), "Connection: close")
    x.send(answer.body[:len(answer.body) // 2])
    return x.bye()


def cut_without_farewell(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer, "etag"), "Connection: close")
    x.send(answer.body[:1000])
    return x.close()


def chunk_rubbish(x):
    x.head(200, "Transfer-Encoding: chunked")
    x.send("10\r\n0123456789abcdef\r\nnot a size\r\n")
    return x.close()


def endless_body(x):
    x.head(200, "Transfer-Encoding: chunked")
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    for _ in range(4096):
        x.send(piece)
    return x.close()


def endless_error(x):
    x.head(500, "Content-Type: text/plain")
    for _ in range(4096):
        x.send(bytes(0x10000))
    return x.close()


def endless_head(x):
    x.send("HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        x.send(f"X-{number}: {'a' * 500}\r\n")
        if number > 100_000:
            return x.close()


def slow_head(x):
    x.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000, 0.1)
    return x.close()


def slow_body(x):
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), f"Content-Length: {len(answer.body)}")
    x.drip(answer.body, 0.1)
    return x.close()


def slow_chunks(x):
    """Framing without an end to it, and no byte of a body."""
    x.head(200, "Transfer-Encoding: chunked")
    x.drip(b"1;" + b"e" * 10_000, 0.1)
    return x.close()


def gzip_unasked(x):
    answer = x.ask_hub(whole=True)
    return x.reply(200, answer.body, *lines(answer), "Content-Encoding: gzip")


def login_page(x):
    return x.reply(200, b"<html>log in first</html>" + bytes(1000), "Content-Type: text/html")


def redirect_to_itself(x):
    return x.reply(302, b"", f"Location: {x.proxy.url}{x.target}")


def interim_storm(x):
    x.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10_000)
    return x.reply(200, b"late")


def server_error(x):
    return x.reply(500, b"boom")


def noise(x):
    x.send(os.urandom(3000))
    return x.close()


def other_bytes(x):
    answer = x.ask_hub(whole=True)
    return x.reply(200, os.urandom(len(answer.body)), *lines(answer))


def garbage_in_tls(x):
    """Plain bytes in the middle of the encrypted ones."""
    answer = x.ask_hub(whole=True)
    x.head(200, *lines(answer), f"Content-Length: {len(answer.body)}")
    os.write(x.connection.fileno(), b"this is no TLS record" * 50)
    return x.close()


# What it is, the rule, what the agent's log must say of it.
FAULTS = [
    ("a Content-Length that is too short", short_length, "instead of"),
    ("a Content-Length that is too long", long_length, "instead of"),
    ("a negative Content-Length", negative_length, "malformed"),
    ("two different Content-Lengths", two_lengths, "malformed"),
    ("Content-Length and chunks at once", length_and_chunks, "malformed"),
    ("no Content-Length, and half of the body", no_length_and_cut, "ended after"),
    ("a TCP end without the farewell of TLS", cut_without_farewell, "cut"),
    ("chunks whose size is no number", chunk_rubbish, "malformed|unknown length"),
    ("a body without end", endless_body, "longer than|larger than"),
    ("an error whose body has no end", endless_error, "larger than"),
    ("headers without end", endless_head, "header is larger|more than"),
    ("a head that comes by single bytes", slow_head, "took too long"),
    ("a body that comes by single bytes", slow_body, "slower than"),
    ("chunk framing without end", slow_chunks, "took too long|malformed|unknown length"),
    ("Content-Encoding gzip that was not asked for", gzip_unasked, "encoding gzip"),
    ("a web page with status 200", login_page, "text/html"),
    ("a redirect to itself", redirect_to_itself, "redirect"),
    ("interim answers without end", interim_storm, "interim"),
    ("status 500 for ever", server_error, "status 500"),
    ("noise instead of HTTP", noise, "malformed|header is larger|unexpected eof"),
    ("other bytes of the right length", other_bytes, "sha256 is"),
    ("plain bytes in the middle of TLS", garbage_in_tls, "TLS|connection"),
]
