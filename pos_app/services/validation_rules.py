"""The shop's rules for payments that ask to come in: kept here, given to the relay until it has them, or taken from it.

The relay holds one document for all tills of the shop; each till keeps a copy, so a relay that was lost gets it back.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from pos_app.domain.audit import Event
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.domain.validation import ValidationRules, document_of, parse_rules
from pos_app.relay_link.rules import Pushed, RuleDesk, RuleDocument
from pos_app.services.changes import Changes, LogReset, Notice, RulesChanged, RulesStanding
from pos_app.services.guard import Guard
from pos_app.store import rule_documents
from pos_app.store.database import Database, StoreError
from pos_app.store.rule_documents import KeptRules

__all__ = ["RuleBook", "RulesChanged", "RulesStanding"]

log = logging.getLogger(__name__)

AGAIN_SECONDS = 30.0
_NO_RELAY = Refused("This till is not paired with a relay, and the relay is who answers M-Pesa. Pair it first.")
_OVERTAKEN = (
    "Another till changed the rules for payments at the same time, and its rules are in force, not those of this till. "
    "Look at them in Settings."
)


@dataclass(frozen=True, slots=True)
class _Held:
    """`rules` None: the relay has some that this till cannot read."""

    version: int = 0
    rules: ValidationRules | None = None
    told: bool = False


class RuleBook:
    """`run` once per connection."""

    def __init__(self, database: Database, changes: Changes, guard: Guard) -> None:
        self._database = database
        self._changes = changes
        self._guard = guard
        self._desk: RuleDesk | None = None
        self._held = _Held()
        self._wake = asyncio.Event()
        self._changing = asyncio.Lock()
        self.current = RulesChanged(ValidationRules(), RulesStanding.UNKNOWN)
        changes.subscribe(LogReset, lambda _reset: self.look_soon())

    @property
    def rules(self) -> ValidationRules | None:
        """None until they are known; nobody can judge by them then."""
        return self._held.rules

    def look_soon(self) -> None:
        """The relay is there again, and may have lost its rules or got new ones."""
        self._wake.set()

    async def save(self, rules: ValidationRules) -> Refused | None:
        """On disk; `RulesChanged` tells when the relay has them."""
        by = self._guard.check(Action.CHANGE_SETTINGS)
        if isinstance(by, Refused):
            return by
        if self._desk is None:
            return _NO_RELAY
        try:
            async with self._changing:
                await self._write(self._desk, _Held(self._held.version + 1, rules), document_of(rules))
        except StoreError as error:
            return Refused(str(error))
        await self._guard.told(Event.SETTINGS_CHANGED, by, "rules for payments", f"version {self._held.version}")
        self._show(RulesStanding.WAITING)
        self._wake.set()
        return None

    async def run(self, desk: RuleDesk) -> None:
        """Until cancelled."""
        try:
            await self._open(desk)
            while True:
                self._wake.clear()
                patience = None if await self._step(desk) else AGAIN_SECONDS
                # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the till.
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await self._wake.wait()
        finally:
            self._desk, self._held = None, _Held()
            self._show(RulesStanding.UNKNOWN)

    async def _open(self, desk: RuleDesk) -> None:
        kept = await self._database.read(lambda connection: rule_documents.of(connection, desk.pairing.stream))
        if kept is not None:
            self._held = _Held(kept.version, _rules(json.loads(kept.document)), kept.told)
        self._desk = desk
        self._show(RulesStanding.UNKNOWN if self._held.told or kept is None else RulesStanding.WAITING)

    async def _step(self, desk: RuleDesk) -> bool:
        """Whether the relay and this till have the same rules now, or no further try would help."""
        try:
            found = await desk.read()
            return found is not None and await self._agree(desk, found)
        except Exception:  # one failed try must not end the trying
            log.exception("the rules for payments could not be settled with the relay")
            return False

    async def _agree(self, desk: RuleDesk, found: RuleDocument) -> bool:
        held = self._held
        if held.version > found.version and held.rules is not None:
            return await self._push(desk, held, held.rules)
        rules = _rules(found.fields)
        if not await self._settle(desk, held, _Held(found.version, rules, told=True), found.fields):
            return False
        if held.version and not held.told and rules != held.rules:
            self._changes.publish(Notice(_OVERTAKEN))
        self._show(RulesStanding.IN_FORCE if rules is not None else RulesStanding.UNREADABLE)
        return True

    async def _push(self, desk: RuleDesk, held: _Held, rules: ValidationRules) -> bool:
        fields = document_of(rules)
        answer = await desk.push(RuleDocument(held.version, fields))
        if isinstance(answer, Refused):
            log.error("the relay refused the rules for payments")
            self._show(RulesStanding.REFUSED, answer.sentence)
            return True
        if answer is Pushed.OLDER:
            self._wake.set()
        if answer is not Pushed.TAKEN or not await self._settle(desk, held, replace(held, told=True), fields):
            return False
        self._show(RulesStanding.IN_FORCE)
        return True

    async def _settle(self, desk: RuleDesk, before: _Held, after: _Held, fields: Mapping[str, object]) -> bool:
        """False where the owner changed the rules meanwhile: then those are to be settled."""
        async with self._changing:
            if self._held is not before:
                return False
            if after != before:
                await self._write(desk, after, fields)
            return True

    async def _write(self, desk: RuleDesk, held: _Held, fields: Mapping[str, object]) -> None:
        kept = KeptRules(held.version, json.dumps(dict(fields)), held.told)
        await self._database.run(lambda connection: rule_documents.keep(connection, desk.pairing.stream, kept))
        self._held = held

    def _show(self, standing: RulesStanding, trouble: str = "") -> None:
        shown = RulesChanged(self._held.rules or ValidationRules(), standing, trouble)
        if shown != self.current:
            self.current = shown
            self._changes.publish(shown)


def _rules(fields: object) -> ValidationRules | None:
    parsed = parse_rules(fields)
    return parsed if isinstance(parsed, ValidationRules) else None
