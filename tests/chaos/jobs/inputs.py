"""Documents that carry a token, and what must become of them: the expected bytes are those of a reference with another token."""

import random

REFERENCE = "0" * 32


def pdf(token):
    """One page with one line; the offsets of the table are right, so that no reader has to repair anything."""
    drawing = f"BT /F1 12 Tf 20 100 Td ({token}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return body + head + table + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))


def markdown(token):
    return f"# Chaos\n\nThe mark is {token}.\n\n* one\n* two\n".encode()


# kind -> (extension, target, bytes of a token)
KINDS = {"pdf": ("pdf", "txt", pdf), "md": ("md", "html", markdown)}


def kind_of(chance: random.Random):
    """Most are of the quick kind: it is the number of conversions that finds something."""
    return "pdf" if chance.random() < 0.85 else "md"


class Expected:
    """What each kind turns into, learned from a daemon that nobody harms."""

    def __init__(self, daemon):
        self._references = {}
        for kind, (extension, target, make) in KINDS.items():
            status = daemon.convert(f"{REFERENCE}.{extension}", target, make(REFERENCE))
            assert status["status"] == "completed", status
            body = daemon.result(status["id"]).body
            assert REFERENCE.encode() in body, body
            self._references[kind] = body

    def result(self, attempt):
        """None for what is not one of KINDS."""
        if attempt.kind not in self._references:
            return None
        return self._references[attempt.kind].replace(REFERENCE.encode(), attempt.token.encode())
