"""What every Daraja call must prove before its fields are looked at: the token, the content type, readable JSON.

It must not know what is asked for.
"""

from dataclasses import dataclass

from pos_app.simulator.fields import parse
from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.messages import Reply, Request
from pos_app.simulator.refusals import REFUSALS, Refusal, bad_field
from pos_app.simulator.tokens import Tokens, bearer


@dataclass
class Gate:
    tokens: Tokens
    ids: Identifiers

    def refusal(self, request: Request, now: float, *, token: str, first_field: str) -> Refusal | None:
        """`token` names the refusal of this API's page (§1). A wrong content type is blamed on the first field (§1)."""
        if not self.tokens.accepts(request, now):
            return REFUSALS[token]
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return bad_field(first_field)
        return REFUSALS["payload"] if parse(request.body) is None else None

    def refuse(self, refusal: Refusal | str, request: Request) -> Reply:
        meant = REFUSALS[refusal] if isinstance(refusal, str) else refusal
        return meant.reply(self.ids.request_id(), bearer(request))
