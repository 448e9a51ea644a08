"""A Safaricom that pays refunds: each id once, whatever is lost on the way; its ledger is the judge of the tests."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

FLOAT = 100_000


@dataclass
class Bank:
    """`lose`: replies never come, though the request does; `refuse`: what is answered instead of doing anything."""

    lose: bool = False
    refuse: httpx.Response | None = None
    unreachable: bool = False
    paid: Counter[str] = field(default_factory=Counter)
    """Shillings by OriginatorConversationID, or by the receipt that was reversed."""
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    _count: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/oauth/" in request.url.path:
            return httpx.Response(200, json={"access_token": "token", "expires_in": "3599"})
        if self.unreachable:
            raise httpx.ConnectError("no way")
        if self.refuse is not None:
            return self.refuse
        fields = json.loads(request.content)
        self.requests.append({"path": request.url.path, **fields})
        answer = self._answer(request.url.path, fields)
        if self.lose:
            raise httpx.ReadTimeout("lost")
        return answer

    def _answer(self, path: str, fields: dict[str, Any]) -> httpx.Response:
        self._count += 1
        ours = fields.get("OriginatorConversationID") or f"daraja-{self._count}"
        if path.endswith("/paymentrequest"):
            if ours in self.seen:
                error = {"errorCode": "500.002.1001", "errorMessage": "Duplicate OriginatorConversationID."}
                return httpx.Response(500, json=error)
            self.paid[ours] += fields["Amount"]
        elif path.endswith("/reversal/v1/request"):
            self.paid[fields["TransactionID"]] += int(fields["Amount"])
        self.seen[ours] = fields
        ids = {"OriginatorConversationID": ours, "ConversationID": f"AG_{self._count}"}
        return httpx.Response(200, json={**ids, "ResponseCode": "0", "ResponseDescription": "Accept"})

    def asked(self, word: str) -> list[dict[str, Any]]:
        return [told for told in self.requests if word in told["path"]]


def result(originator: str, code: object = 0, **parameters: object) -> dict[str, Any]:
    listed = [{"Key": key, "Value": value} for key, value in parameters.items()]
    said = {"ResultType": 0, "ResultCode": code, "OriginatorConversationID": originator, "ConversationID": "AG_1"}
    if listed:
        said["ResultParameters"] = {"ResultParameter": listed}
    return {"Result": said}
