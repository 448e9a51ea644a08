"""Bodies that a callback may have and ones that none should: real shapes, then changed as bytes and as JSON.

What comes depends on the generator alone, so a seed gives the same bodies again. Shapes: contract §11.
"""

import json
import random
from typing import Any

import msgspec

CREDENTIAL = "Q2FuYXJ5" * 43


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


SHAPES: list[Any] = [
    {
        "Body": {
            "stkCallback": {
                "MerchantRequestID": "b3e8-4c02-1",
                "CheckoutRequestID": "ws_CO_14102026153012345712345678",
                "ResultCode": 0,
                "ResultDesc": "The service request is processed successfully.",
                "CallbackMetadata": {
                    "Item": [
                        {"Name": "Amount", "Value": 150.00},
                        {"Name": "MpesaReceiptNumber", "Value": "UJE7K2M9QX"},
                        {"Name": "Balance"},
                        {"Name": "PhoneNumber", "Value": 254712345678},
                    ]
                },
            }
        }
    },
    {
        "Body": {
            "stkCallback": {
                "CheckoutRequestID": "ws_CO_14102026153205118712345678",
                "ResultCode": "SFC_IC0003",
                "ResultDesc": "The operator does not exist.",
            }
        }
    },
    {
        "TransactionType": "Pay Bill",
        "TransID": "UJE2A9C4KF",
        "TransTime": "20261014160503",
        "TransAmount": "500.00",
        "BusinessShortCode": "600966",
        "BillRefNumber": "HSE 12B",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 678",
        "FirstName": "JOHN",
    },
    {
        "Result": {
            "ResultType": 0,
            "ResultCode": 0,
            "OriginatorConversationID": "ref-20261014-000077",
            "ConversationID": "AG_20261014_010010480kdmzrtqwx17",
            "TransactionID": "UJE4F8Z2NA",
            "ResultParameters": {"ResultParameter": [{"Key": "TransactionAmount", "Value": 100}]},
            "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
        }
    },
    {"OriginatorConversationID": "ref-20261014-000080", "SecurityCredential": CREDENTIAL, "Amount": 100},
]

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    -0.0,
    2**53,
    2**63,
    2**64,
    10**40,
    "",
    " ",
    "0",
    "150.00",
    "1e5",
    "NaN",
    "Infinity",
    "-",
    "\u0000",
    "\ufeff",
    "é",
    "\U0001f4b8",
    "١٢",
    "UJE7K2M9QX\n",
    "'; --",
    "%00",
    "x" * 200,
    [],
    {},
    [[]],
    nested(250),
    nested(300),
    {"": ""},
    {"Name": "Amount", "Value": 1},
]

TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\\u0000",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"NaN",
    b"1e999",
    b"9" * 320,
    b"9" * 5000,
    b"-",
    b"0x",
    b"null",
    b'"Body"',
    b'"SecurityCredential":"',
    b"\\/",
    b"[" * 300,
    b'{"a":' * 300,
    b"<xml/>",
    b"a=b&c=d",
    "é".encode("latin-1"),
    "{}".encode("utf-16"),
]

HEAD_TOKENS = [
    b" ",
    b"\r\n",
    b"\n",
    b"\x00",
    b"\xff",
    b"%",
    b"%2e%2e/",
    b"%ff",
    b"?a=b",
    b"#x",
    b"//",
    b"http://other/",
    b"\r\nTransfer-Encoding: chunked",
    b"\r\nContent-Length: 5",
    b"\r\nContent-Length: -1",
    b"\r\nContent-Length: 99999999999999999999",
    b"\r\nExpect: 100-continue",
    b"\r\nConnection: close",
    b"\r\nConnection: Upgrade\r\nUpgrade: websocket",
    b"\r\nUpgrade: h2c",
    b"\r\nX-Forwarded-For: \xff",
    b"\r\nX: " + b"y" * 9000,
    b"GET ",
    b"CONNECT ",
    b"PRI * HTTP/2.0\r\n",
]


class Mutator:
    def __init__(self, rng: random.Random, shapes: list[Any] = SHAPES) -> None:
        self._rng = rng
        self._shapes = shapes
        self._made = 0

    def body(self) -> bytes:
        """Usually one that names itself, so that few of them are copies of each other."""
        self._made += 1
        made = self._json() if self._rng.random() < 0.7 else self._bytes(self._json())
        return self._longer(made) if self._rng.random() < 0.002 else made

    def nonce(self) -> str:
        """One that no till made; for a while the same again and again, so that there are revisions."""
        return self.text() + str(self._made // 500)

    def text(self) -> str:
        """For a part of a path, or a header."""
        return self._rng.choice(("0" * 32, "x", "..", "%2e", "é", "a" * 500, "\x7f", "ab" * 16, " ", "'"))

    def mangled(self, request: bytes) -> bytes:
        """Of which the head is hit, too."""
        head, _, rest = request.partition(b"\r\n\r\n")
        for _ in range(self._rng.choice((1, 1, 2, 8))):
            at = self._rng.randrange(len(head) + 1)
            head = head[:at] + self._rng.choice(HEAD_TOKENS) + head[at + self._rng.choice((0, 0, 1, 4)) :]
        return self._bytes(head) + b"\r\n\r\n" + rest if self._rng.random() < 0.3 else head + b"\r\n\r\n" + rest

    def _json(self) -> bytes:
        rng = self._rng
        document = self._named(rng.choice(self._shapes))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
            document = self._changed(document)
        written = json.dumps(document, ensure_ascii=rng.random() < 0.5).encode()
        return msgspec.json.format(written, indent=1) if rng.random() < 0.2 else written

    def _named(self, shape: Any) -> Any:
        """Under receipts and ids of its own."""
        text = json.dumps(shape)
        for known in ("UJE7K2M9QX", "UJE2A9C4KF", "ws_CO_1410", "AG_20261014", "ref-20261014"):
            text = text.replace(known, f"{known[:3]}{self._made}")
        return json.loads(text)

    def _changed(self, document: Any) -> Any:
        """Somewhere in it, a node becomes another, goes, or comes twice."""
        rng = self._rng
        if isinstance(document, dict) and document and rng.random() < 0.85:
            name = rng.choice(list(document))
            if rng.random() < 0.15:
                return {key: value for key, value in document.items() if key != name}
            if rng.random() < 0.15:
                return {**document, rng.choice((name.lower(), name + " ", "")): document[name]}
            return {**document, name: self._changed(document[name])}
        if isinstance(document, list) and document and rng.random() < 0.85:
            at = rng.randrange(len(document))
            return [*document[:at], self._changed(document[at]), *document[at + rng.choice((0, 1)) :]]
        return rng.choice(VALUES)

    def _bytes(self, body: bytes) -> bytes:
        rng = self._rng
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            at = rng.randrange(len(body) + 1)
            match rng.randrange(6):
                case 0:
                    body = body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
                case 1:
                    body = body[:at] + rng.choice(TOKENS) + body[at:]
                case 2:
                    body = body[:at] + body[at + rng.randrange(1, 20) :]
                case 3:
                    body = body[:at] + body[max(0, at - 30) :]
                case 4:
                    body = body[:at]
                case _:
                    body = body[:at] + rng.randbytes(rng.randrange(1, 40)) + body[at:]
        return body

    def _longer(self, body: bytes) -> bytes:
        """Around the most that is taken."""
        return body + self._rng.choice((b" ", b"x", b"\xff", b"[")) * (65536 - len(body) + self._rng.randrange(-2, 3))
