"""Whether something may be done now, and the sealed record of who did it."""

import logging

from pos_app.domain.audit import Event
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authorised, Authority

log = logging.getLogger(__name__)


class Guard:
    def __init__(self, authority: Authority, record: AuditLog) -> None:
        self._authority = authority
        self._record = record

    def check(self, action: Action) -> Authorised | Refused:
        return self._authority.check(action)

    def refusal(self, action: Action) -> Refused | None:
        """For what needs no entry of who did it."""
        checked = self._authority.check(action)
        return checked if isinstance(checked, Refused) else None

    async def told(self, event: Event, by: Authorised, subject: str, detail: str) -> None:
        """After it was done: what was done keeps its own words on disk even where no entry can be sealed."""
        refused = await self._record.append(event, by.actor.name, by.approver_name, subject=subject, detail=detail)
        if refused is not None:
            log.error("%s could not be recorded: the keys of the record are lost", event)
