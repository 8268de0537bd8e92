"""What comes over the wire that no HTTP library would send: a table of bytes, the statuses they get, and whether the connection
lives on. Where two servers might read the same bytes differently, ours does not read them at all."""

import socket
import unittest

import harness
from harness import Daemon

OPEN, CLOSED = "open", "closed"
HOST = b"Host: localhost\r\n"
GET = b"GET /version HTTP/1.1\r\n" + HOST
PROBE = b"GET /probe HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"  # 404
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
STREAM = b"GET /v2/realtime/stream HTTP/1.1\r\n" + HOST


def get(headers=b"", body=b""):
    return GET + headers + b"\r\n" + body


def line(text, headers=HOST):
    return text + b"\r\n" + headers + b"\r\n"


def chunked(body, head=b"Transfer-Encoding: chunked\r\n"):
    return get(head, body)


def many(count, name=b"X-%d"):
    return b"".join((name % i if b"%" in name else name) + b": v\r\n" for i in range(count))


NEXT = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"  # 404 where it is read as a request

# name: bytes, statuses, then what becomes of the connection
TABLE = {
    # The good ones, for comparison
    "a plain request": (get(), [200], OPEN),
    "connection: close": (get(b"Connection: close\r\n"), [200], CLOSED),
    "a counted body": (get(b"Content-Length: 5\r\n", b"12345"), [200], OPEN),
    "a chunked body": (chunked(b"5\r\n12345\r\n0\r\n\r\n"), [200], OPEN),
    "two at once": (get() + NEXT, [200, 404], OPEN),
    "1.0": (line(b"GET /version HTTP/1.0", b""), [200], CLOSED),
    "1.0 that stays": (line(b"GET /version HTTP/1.0", b"Connection: keep-alive\r\n"), [200], OPEN),
    "blanks around a value": (get(b"X:  a b  \r\n"), [200], OPEN),
    "bytes beyond ascii in a value": (get(b"X: \xc3\xa4\xff\r\n"), [200], OPEN),
    "an empty value": (get(b"X:\r\n"), [200], OPEN),
    "one empty line before": (b"\r\n" + get(), [200], OPEN),
    "two empty lines before": (b"\r\n\r\n" + get(), [400], CLOSED),
    # Transfer-Encoding
    "te: upper case": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: CHUNKED\r\n"), [200], OPEN),
    "te and length": (chunked(b"0\r\n\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), [400], CLOSED),
    "length and te": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), [400], CLOSED),
    "te twice": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), [400], CLOSED),
    "te twice, one identity": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), [400], CLOSED),
    "te: chunked, chunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked, chunked\r\n"), [400], CLOSED),
    "te: gzip, chunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked\r\n"), [400], CLOSED),
    "te: chunked, gzip": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked, gzip\r\n"), [400], CLOSED),
    "te: gzip": (chunked(b"", b"Transfer-Encoding: gzip\r\n"), [501], CLOSED),
    "te: identity": (chunked(b"", b"Transfer-Encoding: identity\r\n"), [501], CLOSED),
    "te: xchunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: xchunked\r\n"), [400], CLOSED),
    "te: chunkedx": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunkedx\r\n"), [501], CLOSED),
    "te: more blanks": (chunked(b"0\r\n\r\n", b"Transfer-Encoding:  chunked \r\n"), [200], OPEN),
    "te: no blank": (chunked(b"0\r\n\r\n", b"Transfer-Encoding:chunked\r\n"), [200], OPEN),
    "te: tab before": (chunked(b"0\r\n\r\n", b"Transfer-Encoding:\tchunked\r\n"), [400], CLOSED),
    "te: tab behind": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\t\r\n"), [400], CLOSED),
    "te: vertical tab": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: \x0bchunked\r\n"), [400], CLOSED),
    "te: quoted": (chunked(b"0\r\n\r\n", b'Transfer-Encoding: "chunked"\r\n'), [400], CLOSED),
    "te: with a parameter": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked;q=1\r\n"), [400], CLOSED),
    "te: empty": (chunked(b"0\r\n\r\n", b"Transfer-Encoding:\r\n"), [400], CLOSED),
    "te: blank before colon": (chunked(b"0\r\n\r\n", b"Transfer-Encoding : chunked\r\n"), [400], CLOSED),
    "te: folded": (chunked(b"0\r\n\r\n", b"Transfer-Encoding:\r\n chunked\r\n"), [400], CLOSED),
    "te: behind a bare cr": (chunked(b"0\r\n\r\n", b"X: y\rTransfer-Encoding: chunked\r\n"), [400], CLOSED),
    "te: with an underscore is another header": (get(b"Transfer_Encoding: chunked\r\n"), [200], OPEN),
    "te: 1.0": (b"GET /version HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400], CLOSED),
    # Content-Length
    "length twice, the same": (get(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"12345"), [400], CLOSED),
    "length twice, different": (get(b"Content-Length: 0\r\nContent-Length: 5\r\n", b"12345"), [400], CLOSED),
    "length: a list": (get(b"Content-Length: 5, 5\r\n", b"12345"), [400], CLOSED),
    "length: +": (get(b"Content-Length: +5\r\n", b"12345"), [400], CLOSED),
    "length: -": (get(b"Content-Length: -5\r\n", b"12345"), [400], CLOSED),
    "length: -0": (get(b"Content-Length: -0\r\n"), [400], CLOSED),
    "length: 20 digits": (get(b"Content-Length: 18446744073709551621\r\n", b"12345"), [400], CLOSED),
    "length: 16 digits": (get(b"Content-Length: 1000000000000000\r\n"), [400], CLOSED),
    "length: 20 zeros": (get(b"Content-Length: " + b"0" * 20 + b"\r\n"), [400], CLOSED),
    "length: hex": (get(b"Content-Length: 0x5\r\n", b"12345"), [400], CLOSED),
    "length: a letter": (get(b"Content-Length: 5a\r\n", b"12345"), [400], CLOSED),
    "length: a fraction": (get(b"Content-Length: 5.0\r\n", b"12345"), [400], CLOSED),
    "length: an exponent": (get(b"Content-Length: 5e0\r\n", b"12345"), [400], CLOSED),
    "length: two numbers": (get(b"Content-Length: 5 5\r\n", b"12345"), [400], CLOSED),
    "length: empty": (get(b"Content-Length:\r\n"), [400], CLOSED),
    "length: blank": (get(b"Content-Length:  \r\n"), [400], CLOSED),
    "length: tab": (get(b"Content-Length:\t5\r\n", b"12345"), [400], CLOSED),
    "length: leading zeros": (get(b"Content-Length: 005\r\n", b"12345"), [200], OPEN),
    "length: other digits": (get("Content-Length: ٥\r\n".encode(), b"12345"), [400], CLOSED),
    "length: blank before colon": (get(b"Content-Length : 5\r\n", b"12345"), [400], CLOSED),
    "length: more than a route takes": (get(b"Content-Length: 99999999\r\n"), [413], CLOSED),
    "length: a post without is an empty body": (line(b"POST /documents?name=a.txt HTTP/1.1"), [201], OPEN),
    # Lines
    "bare lf after the request line": (b"GET /version HTTP/1.1\n" + HOST + b"\r\n", [400], CLOSED),
    "bare lf after a header": (get(b"X: y\n"), [400], CLOSED),
    "bare lf as the end": (GET + b"\n", [400], CLOSED),
    "bare cr in a value": (get(b"X: y\rz\r\n"), [400], CLOSED),
    "bare cr in the request line": (line(b"GET /version\r HTTP/1.1"), [400], CLOSED),
    "bare cr as a line": (get(b"\rX: y\r\n"), [400], CLOSED),
    "cr cr lf": (get(b"X: y\r\r\n"), [400], CLOSED),
    "folded with a blank": (get(b"X: y\r\n z\r\n"), [400], CLOSED),
    "folded with a tab": (get(b"X: y\r\n\tz\r\n"), [400], CLOSED),
    "folded first line": (line(b"GET /version HTTP/1.1", b" X: y\r\n" + HOST), [400], CLOSED),
    "no colon": (get(b"X\r\n"), [400], CLOSED),
    "no name": (get(b": y\r\n"), [400], CLOSED),
    "blank in a name": (get(b"X Y: z\r\n"), [400], CLOSED),
    "a name with a bracket": (get(b"X[]: z\r\n"), [400], CLOSED),
    "a name beyond ascii": (get(b"\xc3\xa4: z\r\n"), [400], CLOSED),
    "nul in a name": (get(b"X\0: z\r\n"), [400], CLOSED),
    "nul in a value": (get(b"X: y\0z\r\n"), [400], CLOSED),
    "escape in a value": (get(b"X: \x1b[31m\r\n"), [400], CLOSED),
    "delete in a value": (get(b"X: \x7f\r\n"), [400], CLOSED),
    "tab in a value": (get(b"X: a\tb\r\n"), [200], OPEN),
    # Host
    "host: missing": (line(b"GET /version HTTP/1.1", b""), [400], CLOSED),
    "host: twice": (get(HOST), [400], CLOSED),
    "host: twice, different": (get(b"Host: 127.0.0.1\r\n"), [400], CLOSED),
    "host: twice, in 1.0": (line(b"GET /version HTTP/1.0", HOST + HOST), [400], CLOSED),
    "host: empty": (line(b"GET /version HTTP/1.1", b"Host:\r\n"), [421], OPEN),
    "host: another name": (line(b"GET /version HTTP/1.1", b"Host: evil.example\r\n"), [421], OPEN),
    "host: with a port": (line(b"GET /version HTTP/1.1", b"Host: localhost:8080\r\n"), [200], OPEN),
    "host: an address": (line(b"GET /version HTTP/1.1", b"Host: 127.0.0.1:8080\r\n"), [200], OPEN),
    "host: an ipv6 address": (line(b"GET /version HTTP/1.1", b"Host: [::1]:8080\r\n"), [200], OPEN),
    "host: blank before colon": (line(b"GET /version HTTP/1.1", b"Host : localhost\r\n"), [400], CLOSED),
    "host: tab": (line(b"GET /version HTTP/1.1", b"Host:\tlocalhost\r\n"), [400], CLOSED),
    "host: a path": (line(b"GET /version HTTP/1.1", b"Host: localhost/x\r\n"), [400], CLOSED),
    "host: a user": (line(b"GET /version HTTP/1.1", b"Host: a@localhost\r\n"), [400], CLOSED),
    "host: two with a blank": (line(b"GET /version HTTP/1.1", b"Host: localhost evil\r\n"), [400], CLOSED),
    "host: two with a comma": (line(b"GET /version HTTP/1.1", b"Host: localhost,evil\r\n"), [400], CLOSED),
    "host: a list of ports": (line(b"GET /version HTTP/1.1", b"Host: localhost:80:90\r\n"), [400], CLOSED),
    "host: no number as port": (line(b"GET /version HTTP/1.1", b"Host: localhost:http\r\n"), [400], CLOSED),
    "host: half a bracket": (line(b"GET /version HTTP/1.1", b"Host: [::1\r\n"), [400], CLOSED),
    "host: behind a bracket": (line(b"GET /version HTTP/1.1", b"Host: [::1]evil\r\n"), [400], CLOSED),
    "host: an escape": (line(b"GET /version HTTP/1.1", b"Host: local%68ost\r\n"), [400], CLOSED),
    # Targets
    "target: nul": (line(b"GET /ver\0sion HTTP/1.1"), [400], CLOSED),
    "target: a control byte": (line(b"GET /ver\x01sion HTTP/1.1"), [400], CLOSED),
    "target: beyond ascii": (line(b"GET /v\xc3\xa4 HTTP/1.1"), [400], CLOSED),
    "target: encoded nul": (line(b"GET /%00 HTTP/1.1"), [400], CLOSED),
    "target: encoded line feed": (line(b"GET /%0a HTTP/1.1"), [400], CLOSED),
    "target: half an escape": (line(b"GET /%4 HTTP/1.1"), [400], CLOSED),
    "target: no escape": (line(b"GET /%zz HTTP/1.1"), [400], CLOSED),
    "target: dots": (line(b"GET /../etc/passwd HTTP/1.1"), [400], CLOSED),
    "target: encoded dots": (line(b"GET /%2e%2e/etc/passwd HTTP/1.1"), [400], CLOSED),
    "target: a fragment": (line(b"GET /version#x HTTP/1.1"), [400], CLOSED),
    "target: a backslash": (line(b"GET /\\version HTTP/1.1"), [404], OPEN),
    "target: empty": (line(b"GET  HTTP/1.1"), [400], CLOSED),
    "target: two blanks": (line(b"GET  /version HTTP/1.1"), [400], CLOSED),
    "target: a blank within": (line(b"GET /version x HTTP/1.1"), [400], CLOSED),
    "target: absolute": (line(b"GET http://localhost/version HTTP/1.1"), [200], OPEN),
    "target: absolute, another case": (line(b"GET http://LOCALHOST/version HTTP/1.1"), [200], OPEN),
    "target: absolute, another host": (line(b"GET http://evil.example/version HTTP/1.1"), [400], CLOSED),
    "target: absolute, another port": (line(b"GET http://localhost:1/version HTTP/1.1"), [400], CLOSED),
    "target: absolute, both foreign": (line(b"GET http://evil.example/version HTTP/1.1", b"Host: evil.example\r\n"), [421], OPEN),
    "target: absolute, with a user": (line(b"GET http://a@localhost/version HTTP/1.1"), [400], CLOSED),
    "target: absolute, no host": (line(b"GET http:///version HTTP/1.1"), [400], CLOSED),
    "target: absolute, ftp": (line(b"GET ftp://localhost/version HTTP/1.1"), [400], CLOSED),
    "target: authority": (line(b"GET localhost:80 HTTP/1.1"), [400], CLOSED),
    "target: asterisk": (line(b"OPTIONS * HTTP/1.1"), [400], CLOSED),
    "target: relative": (line(b"GET version HTTP/1.1"), [400], CLOSED),
    # Methods and versions
    "connect": (line(b"CONNECT localhost:80 HTTP/1.1"), [501], CLOSED),
    "trace": (line(b"TRACE /version HTTP/1.1"), [405], OPEN),
    "a method in lower case": (line(b"get /version HTTP/1.1"), [501], CLOSED),
    "a method in mixed case": (line(b"Get /version HTTP/1.1"), [501], CLOSED),
    "no method we know": (line(b"BREW /version HTTP/1.1"), [501], CLOSED),
    "no token as method": (line(b"GE(T /version HTTP/1.1"), [400], CLOSED),
    "a blank before the method": (line(b" GET /version HTTP/1.1"), [400], CLOSED),
    "http/0.9": (b"GET /version\r\n\r\n", [400], CLOSED),
    "http/2.0": (line(b"GET /version HTTP/2.0"), [501], CLOSED),
    "http/1.2": (line(b"GET /version HTTP/1.2"), [501], CLOSED),
    "http/1.10": (line(b"GET /version HTTP/1.10"), [400], CLOSED),
    "http/1": (line(b"GET /version HTTP/1"), [400], CLOSED),
    "http in lower case": (line(b"GET /version http/1.1"), [400], CLOSED),
    "icy": (line(b"GET /version ICY/1.1"), [400], CLOSED),
    "a blank behind the version": (line(b"GET /version HTTP/1.1 "), [400], CLOSED),
    "tabs in the request line": (line(b"GET\t/version\tHTTP/1.1"), [400], CLOSED),
    "the preface of http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [501], CLOSED),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400], CLOSED),
    "nothing but zeros": (b"\0" * 100, [400], CLOSED),
    # Floods
    "100 headers": (get(many(99)), [200], OPEN),
    "101 headers": (get(many(100)), [431], CLOSED),
    "101 headers of one name": (get(many(100, b"X")), [431], CLOSED),
    "a thousand headers": (get(many(1000)), [431], CLOSED),
    "a long value": (get(b"X: " + b"y" * 16000 + b"\r\n"), [200], OPEN),
    "too long a value": (get(b"X: " + b"y" * 17000 + b"\r\n"), [431], CLOSED),
    "too long a name": (get(b"x" * 17000 + b": y\r\n"), [431], CLOSED),
    "a head that never ends": (GET + b"X: " + b"y" * 65536, [431], CLOSED),
    "a line that never ends": (b"G" * 65536, [431], CLOSED),
    "a long target": (line(b"GET /version?" + b"x" * 8000 + b" HTTP/1.1"), [200], OPEN),
    "too long a target": (line(b"GET /version?" + b"x" * 9000 + b" HTTP/1.1"), [431], CLOSED),
    "too many parameters": (line(b"GET /version?" + b"&a=b" * 257 + b" HTTP/1.1"), [431], CLOSED),
    "too many segments": (line(b"GET " + b"/a" * 33 + b" HTTP/1.1"), [431], CLOSED),
    "many segments": (line(b"GET " + b"/a" * 32 + b" HTTP/1.1"), [404], OPEN),
    # Chunks
    "chunk: size overflows": (chunked(b"fffffffffffffffff\r\n"), [400], CLOSED),
    "chunk: 16 digits": (chunked(b"8000000000000000\r\n"), [400], CLOSED),
    "chunk: more than a route takes": (chunked(b"fffffff\r\n" + b"x" * 70000), [413], CLOSED),
    "chunk: no size": (chunked(b"\r\n"), [400], CLOSED),
    "chunk: signed": (chunked(b"+5\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: negative": (chunked(b"-5\r\n"), [400], CLOSED),
    "chunk: 0x": (chunked(b"0x5\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: blank before": (chunked(b" 5\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: blank behind": (chunked(b"5 \r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: extension": (chunked(b'5;a=b;c="d"\r\n12345\r\n0;x\r\n\r\n'), [200], OPEN),
    "chunk: nul in an extension": (chunked(b"5;a\0b\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: bare cr in an extension": (chunked(b"5;a\rb\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: bare lf in an extension": (chunked(b"5;a\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: too long an extension": (chunked(b"5;" + b"a" * 300 + b"\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: bare lf": (chunked(b"5\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: bare lf behind": (chunked(b"5\r\n12345\n0\r\n\r\n"), [400], CLOSED),
    "chunk: too short a size": (chunked(b"4\r\n12345\r\n0\r\n\r\n"), [400], CLOSED),
    "chunk: leading zeros": (chunked(b"0005\r\n12345\r\n0\r\n\r\n"), [200], OPEN),
    "trailer": (chunked(b"0\r\nX: y\r\n\r\n"), [200], OPEN),
    "trailer: framing is no framing": (chunked(b"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), [200], OPEN),
    "trailer: folded": (chunked(b"0\r\nX: y\r\n\tz\r\n\r\n"), [400], CLOSED),
    "trailer: no colon": (chunked(b"0\r\nX\r\n\r\n"), [400], CLOSED),
    "trailer: blank before colon": (chunked(b"0\r\nX : y\r\n\r\n"), [400], CLOSED),
    "trailer: nul": (chunked(b"0\r\nX: \0\r\n\r\n"), [400], CLOSED),
    "trailer: bare lf": (chunked(b"0\r\nX: y\n\r\n"), [400], CLOSED),
    "trailer: too long": (chunked(b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n"), [431], CLOSED),
    # Smuggling: the second request is either one of ours, or nobody's
    "smuggle: a body that looks like a request": (get(b"Content-Length: %d\r\n" % len(NEXT), NEXT), [200], OPEN),
    "smuggle: more than the length": (get(b"Content-Length: 0\r\n", NEXT), [200, 404], OPEN),
    "smuggle: cl.te": (get(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nG"), [400], CLOSED),
    "smuggle: te.cl": (get(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"5c\r\n" + NEXT + b"\r\n0\r\n\r\n"), [400], CLOSED),
    "smuggle: te.te": (get(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", b"0\r\n\r\n" + NEXT), [400], CLOSED),
    "smuggle: te.0": (get(b"Transfer-Encoding: \r\nContent-Length: 5\r\n", b"0\r\n\r\n" + NEXT), [400], CLOSED),
    "smuggle: behind the last chunk": (chunked(b"0\r\n\r\n" + NEXT), [200, 404], OPEN),
    "smuggle: in an extension": (chunked(b"0;\n" + NEXT), [400], CLOSED),
    "smuggle: behind an error": (get(b"X : y\r\n") + NEXT, [400], CLOSED),
    "smuggle: behind a refused body": (get(b"Content-Length: 99999999\r\n") + NEXT, [413], CLOSED),
    "smuggle: behind close": (get(b"Connection: close\r\n") + NEXT, [200], CLOSED),
    "smuggle: a length named by connection": (get(b"Connection: Content-Length\r\nContent-Length: 5\r\n", b"12345"), [200], OPEN),
    "smuggle: 1.0 behind 1.0": (line(b"GET /version HTTP/1.0") + NEXT, [200], CLOSED),
    # Expect
    "expect: 100-continue with the body": (get(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"12345"), [200], OPEN),
    "expect: 100-continue before the body": (get(b"Expect: 100-continue\r\nContent-Length: 5\r\n"), [100], OPEN),
    "expect: in capitals": (get(b"Expect: 100-CONTINUE\r\nContent-Length: 5\r\n"), [100], OPEN),
    "expect: without a body": (get(b"Expect: 100-continue\r\n"), [200], OPEN),
    "expect: unknown": (get(b"Expect: 200-ok\r\n"), [417], CLOSED),
    "expect: a list": (get(b"Expect: 100-continue, x\r\nContent-Length: 5\r\n"), [417], CLOSED),
    "expect: empty": (get(b"Expect:\r\n"), [417], CLOSED),
    "expect: of a body that is too large": (get(b"Expect: 100-continue\r\nContent-Length: 99999999\r\n"), [413], CLOSED),
    # Upgrade
    "upgrade: h2c": (get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"), [200], OPEN),
    "upgrade: h2c, then the preface": (get(b"Connection: Upgrade\r\nUpgrade: h2c\r\n") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [200, 501], CLOSED),
    "upgrade: foo": (get(b"Connection: Upgrade\r\nUpgrade: foo\r\n"), [200], OPEN),
    "upgrade: tls": (get(b"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n"), [200], OPEN),
    "upgrade: websocket where there is none": (get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY), [200], OPEN),
    "upgrade: not asked for": (STREAM + b"\r\n", [426], OPEN),
    "upgrade: no connection": (STREAM + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [426], OPEN),
    "upgrade: no version": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY + b"\r\n", [426], CLOSED),
    "upgrade: version 8": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n" + KEY + b"\r\n", [426], CLOSED),
    "upgrade: two versions": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13, 8\r\n" + KEY + b"\r\n", [426], CLOSED),
    "upgrade: no key": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", [400], CLOSED),
    "upgrade: two keys": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + KEY + b"\r\n", [400], CLOSED),
    "upgrade: a short key": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n", [400], CLOSED),
    "upgrade: a key that is none": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b"!" * 24 + b"\r\n\r\n", [400], CLOSED),
    "upgrade: two protocols": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [426], OPEN),
    "upgrade: by post": (b"POST" + STREAM[3:] + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [405], OPEN),
    "upgrade: with a body": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 1\r\n" + KEY + b"\r\nx", [426], OPEN),
    "upgrade: in 1.0": (b"GET /v2/realtime/stream HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [426], CLOSED),
    "upgrade: frames before the answer": (STREAM + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n\x89\x80\0\0\0\0", [400], CLOSED),
    "upgrade: from another site": (STREAM + b"Origin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [403], CLOSED),
    "upgrade: by another name": (b"GET /v2/realtime/stream HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [421], CLOSED),
    "upgrade: done": (STREAM + b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n" + KEY + b"\r\n", [101], OPEN),
    # Pages of other sites
    "page: a form": (b"POST /v1/conversions HTTP/1.1\r\n" + HOST + b"Origin: https://evil.example\r\nContent-Length: 0\r\n\r\n", [403], OPEN),
    "page: a form without origin": (b"POST /v1/conversions HTTP/1.1\r\n" + HOST + b"Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n", [403], OPEN),
    "page: a preflight": (b"OPTIONS /v1/conversions HTTP/1.1\r\n" + HOST + b"Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", [204], OPEN),
}


class Wire:
    """A connection that reads answers, one at a time."""

    def __init__(self, daemon):
        self.socket = socket.create_connection(("127.0.0.1", daemon.port), timeout=harness.PATIENCE)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # closed in the middle: what has been answered can be read

    def more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.data += piece
        return bool(piece)

    def status(self):
        """Of the next answer; nothing at the end."""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                assert not self.data, self.data
                return None
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        lengths = [l.split(b":")[1] for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        while len(self.data) < length:
            assert self.more(), "the answer is cut off"
        self.data = self.data[length:]
        return status

    def statuses(self):
        found = []
        while (status := self.status()) is not None:
            found.append(status)
        return found


class RawHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.close)

    def outcome(self, data, statuses, then):
        with Wire(self.daemon) as wire:
            wire.send(data)
            if then == CLOSED:
                return wire.statuses(), CLOSED
            found = [wire.status() for _ in statuses]
            if found[-1] in (None, 101):
                return found, OPEN
            wire.send(b"12345" * (found[-1] == 100) + PROBE)
            rest = wire.statuses()
            return found, OPEN if rest == [200] * (found[-1] == 100) + [404] else f"then {rest}"

    def test_table(self):
        wrong = []
        for name, (data, statuses, then) in TABLE.items():
            found = self.outcome(data, statuses, then)
            if found != (statuses, then):
                wrong.append(f"{name}: {found}, not {(statuses, then)}")
        self.assertEqual(wrong, [])

    def test_byte_by_byte(self):
        """However the bytes come, it is the same request."""
        for name in ("a counted body", "chunk: extension", "te and length", "two empty lines before", "smuggle: behind the last chunk"):
            data, statuses, then = TABLE[name]
            with Wire(self.daemon) as wire:
                wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for i in range(len(data)):
                    wire.send(data[i : i + 1])
                self.assertEqual([wire.status() for _ in statuses], statuses, name)

    def test_truncated_at_every_byte(self):
        """Half a request is none: it gets no answer, and nothing stays open."""
        whole = b"GET /version HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n12345\r\n0\r\nX: y\r\n\r\n"
        for size in range(len(whole)):
            with Wire(self.daemon) as wire:
                wire.send(whole[:size])
                wire.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(wire.statuses(), [], whole[:size])
        text = self.daemon.get("/metrics").body.decode()
        harness.eventually(lambda: "\nconvd_http_connections 1\n" in self.daemon.get("/metrics").body.decode(), "all closed")
        self.assertIn("convd_http_connections_total", text)


if __name__ == "__main__":
    harness.main()
