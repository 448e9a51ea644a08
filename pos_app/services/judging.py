"""The till's own answer when the relay asks whether a payment may come in: by the shop's rules and its open sales.

It must not keep anything: what is asked about is no payment, and only a confirmation makes it one.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from pos_app.daraja.validation import c2b_validation
from pos_app.domain.reference import sale_reference
from pos_app.domain.validation import ValidationRequest, ValidationRules, verdict
from pos_app.services.clock import utc_now
from pos_app.store import attempts, sales
from pos_app.store.database import Database


class Judge:
    def __init__(
        self,
        database: Database,
        rules: Callable[[], ValidationRules | None],
        till_code: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._rules = rules
        self._till_code = till_code
        self._clock = clock

    async def __call__(self, body: object) -> str:
        """The code; empty while the rules are not known."""
        rules = self._rules()
        if rules is None:
            return ""
        if rules.references is not None:
            own = await self._database.read(self._own_references)
            rules = replace(rules, references=(*rules.references, *own))
        intended = c2b_validation(body)
        request = ValidationRequest(intended.amount, intended.bill_reference) if intended else ValidationRequest(None)
        return verdict(rules, request, self._clock()).value

    def _own_references(self, connection: sqlite3.Connection) -> list[str]:
        """What the customer of an open sale was asked to type, and what a charge on its way carries."""
        numbers = [sale_reference(self._till_code, number) for number in sales.open_numbers(connection)]
        return numbers + [attempt.account_reference for attempt in attempts.live(connection)]
