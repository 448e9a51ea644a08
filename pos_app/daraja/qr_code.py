"""The picture a customer scans to pay: made by Safaricom, checked here to be one (contract §2.11)."""

import base64
import binascii
import struct

from pos_app.daraja.exchange import Reply
from pos_app.daraja.obstacles import Effect, Obstacle, accepted, as_told, cannot_read
from pos_app.daraja.outcome import Answer
from pos_app.daraja.result_codes import QR_GENERATED
from pos_app.daraja.values import fields_of, text_of
from pos_app.daraja.wire import Endpoint
from pos_app.domain.money import Money
from pos_app.domain.shop import AccountKind, ShopAccount

PNG_MAX = 256 * 1024
QR_CODE = Endpoint("qr code", "POST", "/mpesa/qrcode/v1/generate", reply_max=2 * PNG_MAX)
_PRODUCT = "Dynamic QR"
_SIDE_MAX = 2000  # Pixels: a small file may unpack to a screen that fills the memory.
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_TRX_CODES = {AccountKind.PAYBILL: "PB", AccountKind.BUY_GOODS: "BG"}
_NO_PICTURE = "M-Pesa sent no QR code that can be shown. The number can be typed as always."


def qr_request(
    account: ShopAccount, *, merchant_name: str, reference: str, amount: Money, size: int
) -> dict[str, object]:
    return {
        "MerchantName": merchant_name,
        "RefNo": reference,
        "Amount": amount.whole_shillings,
        "TrxCode": _TRX_CODES[account.kind],
        "CPI": account.party_b,
        "Size": str(size),
    }


def qr_picture(answer: Answer, host: str) -> bytes | Obstacle:
    reply = accepted(answer, host, _PRODUCT)
    return reply if isinstance(reply, Obstacle) else _answered(reply, host)


def _answered(reply: Reply, host: str) -> bytes | Obstacle:
    said = fields_of(reply.body)
    code = text_of(said.get("ResponseCode"))
    # The documents’ sample has a conversation’s id there; production says “00”, and never “0” (§2.11).
    if code != QR_GENERATED and not code.startswith("AG_"):
        told = text_of(said.get("ResponseDescription"))
        return as_told(Effect.REFUSED, code, told) if code else cannot_read(reply, host)
    return _png(said.get("QRCode")) or Obstacle(Effect.UNCLEAR, _NO_PICTURE, code)


def _png(encoded: object) -> bytes | None:
    if not isinstance(encoded, str) or len(encoded) > PNG_MAX * 4 // 3 + 4:
        return None
    try:
        picture = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return picture if picture.startswith(_PNG_START) and _is_small(picture) else None


def _is_small(picture: bytes) -> bool:
    size = picture[len(_PNG_START) : len(_PNG_START) + 8]
    return len(size) == 8 and all(0 < side <= _SIDE_MAX for side in struct.unpack(">II", size))
