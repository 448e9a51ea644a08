"""The door of Dynamic QR: a picture that a customer scans instead of typing the shop's number (contract §2.11).

It must not know what becomes of it: the payment comes as any other.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pos_app.simulator.fields import MAX_AMOUNT, Check, digits, first_wrong, parse
from pos_app.simulator.gate import Gate
from pos_app.simulator.messages import Reply, Request, answer
from pos_app.simulator.png import grey_png
from pos_app.simulator.qr_code import CAPACITY, modules
from pos_app.simulator.refusals import bad_field
from pos_app.simulator.spellings import Spellings

TRX_CODES = ("BG", "PB", "WA", "SM", "SB")
LARGEST = 1000


@dataclass
class QrEndpoint:
    gate: Gate
    spellings: Spellings

    def generate(self, request: Request, now: float) -> Reply:
        refusal = self.gate.refusal(request, now, token="token", first_field="MerchantName")  # noqa: S106 - a name
        if refusal:
            return self.gate.refuse(refusal, request)
        fields = parse(request.body) or {}
        wrong = first_wrong(fields, _CHECKS)
        if wrong:
            return self.gate.refuse(bad_field(wrong), request)
        return answer(self._generated(fields))

    def _generated(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """E63; the documented sample has an id where production says 00."""
        request_id = self.gate.ids.request_id()
        picture = grey_png(modules(_content(fields)), int(fields["Size"]))
        return {
            "ResponseCode": "00" if self.spellings.qr_code == "00" else f"AG_{request_id}",
            "RequestID": request_id,
            "ResponseDescription": "QR Code Successfully Generated.",
            "QRCode": base64.b64encode(picture).decode(),
        }


def _content(fields: Mapping[str, Any]) -> bytes:
    """What Safaricom writes into its own is not in the contract: this says plainly that it is the simulator's."""
    names = ("TrxCode", "CPI", "Amount", "RefNo", "MerchantName")
    text = "|".join(["SIMULATOR", *(str(fields[name]) for name in names)])
    return text.encode()[:CAPACITY].decode(errors="ignore").encode()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_amount(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_AMOUNT


def _is_size(value: object) -> bool:
    return isinstance(value, str) and 0 < len(digits(value)) <= 4 and 1 <= int(value) <= LARGEST


_CHECKS: dict[str, Check] = {
    "MerchantName": _is_text,
    "RefNo": _is_text,
    "Amount": _is_amount,
    "TrxCode": lambda value: value in TRX_CODES,
    "CPI": lambda value: isinstance(value, str) and 5 <= len(digits(value)) <= 12,
    "Size": _is_size,
}
