"""The till without its window, as a real process: `headless_till.py SOCKET` imports it once and forks one per caller.

Each caller sends JSON lines with `do` and `id` and gets JSON lines with that `id`. It must not judge anything.
"""

import asyncio
import json
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))  # test folders are no packages

import alembic.command
import alembic.config
from crash_points import CrashPoints
from headless_refunds import KeyFile, RefundCommands, hurry_refunds
from staffing import signed_in

from pos_app.daraja.client import DarajaClient
from pos_app.domain import ladder
from pos_app.domain.attempt import Attempt
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.receipt import Heading
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, SaleLine
from pos_app.domain.shop import AccountKind, Credentials, Initiator, MpesaAccess, Pairing, ShopAccount
from pos_app.domain.validation import ValidationRules, parse_rules
from pos_app.relay_link.client import RelayLink
from pos_app.relay_link.delivery import LinkStatus
from pos_app.relay_link.follower import Follower
from pos_app.services import reconciliation
from pos_app.services.changes import Changes, Notice, RulesChanged, RulesStanding
from pos_app.services.till import Till

WARM = (alembic.command, alembic.config)
"""Imported here once and not in every fork."""


class Session(RefundCommands):
    """One till process and whoever drives it."""

    def __init__(self, points: CrashPoints) -> None:
        self.points = points
        self.changes = Changes()
        self.notices: list[str] = []
        self.links: list[str] = []
        self.till: Till
        self.access: MpesaAccess
        self.changes.subscribe(Notice, lambda notice: self.notices.append(notice.sentence))

    async def serve(self, channel: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=channel)
        writer.write(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        async with asyncio.TaskGroup() as tasks:
            while line := await reader.readline():
                asked = json.loads(line)
                command = asked.pop("do")
                done = tasks.create_task(self._answer(command, asked, writer))
                if command in {"start", "quit"}:
                    await done
                if command == "quit":
                    break
            else:
                os._exit(0)  # the test is gone
        writer.close()

    async def _answer(self, command: str, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        number = asked.pop("id")
        work: Callable[..., Awaitable[Any]] = getattr(self, f"do_{command}")
        writer.write(json.dumps({"id": number, "result": await work(**asked)}).encode() + b"\n")
        await writer.drain()

    async def do_start(
        self,
        *,
        folder: str,
        access: dict[str, Any],
        hurry: float = 1.0,
        read_timeout: float = 30.0,
        connected: bool = True,
    ) -> bool:
        _hurry(hurry, read_timeout)
        _log_to(Path(folder))
        keys = KeyFile(Path(f"{folder}.keys"))
        self.till = signed_in(Till(Path(folder), self.changes, lambda: Heading("Duka la Mfano", "1"), keys))
        self.access = _access(access)
        self._hear_the_link()
        await self.till.open()
        return await self.do_connect() if connected else False

    def _hear_the_link(self) -> None:
        told = self.till.health.link_changed

        def heard(status: LinkStatus) -> None:
            self.links.append(status.value)
            told(status)

        self.till.health.link_changed = heard  # type: ignore[method-assign]  # the one place that hears of the link

    async def do_connect(self) -> bool:
        await self.till.connect(self.access, "Duka")
        return True

    async def do_sell(self, amount: int, phone: str) -> dict[str, Any]:
        return await self.do_charge((await self.do_open(amount))["sale"], amount, phone)

    async def do_open(self, amount: int) -> dict[str, Any]:
        sale = await self.till.sales.open(Cart((SaleLine("Sugar", Money.shillings(amount)),)))
        assert not isinstance(sale, Refused), sale
        return {"sale": sale.id}

    async def do_charge(self, sale: int, amount: int, phone: str) -> dict[str, Any]:
        return _told(await self.till.payments.charge(sale, Money.shillings(amount), Msisdn.parse(phone)))

    async def do_check(self, attempt: int) -> dict[str, Any]:
        return _told(await self.till.payments.check_now(attempt))

    async def do_send_again(self, attempt: int) -> dict[str, Any]:
        return _told(await self.till.payments.send_again(attempt))

    async def do_accept(self, payment: str, sale: int, cashier: str = "") -> dict[str, Any]:
        answer = await self.till.matching.accept(payment, sale, cashier)
        if isinstance(answer, Refused):
            return {"refused": answer.sentence}
        return {"confirmed": answer.confirmed, "sentence": answer.sentence}

    async def do_look_up(self, code: str) -> str:
        return (await self.till.matching.look_up(code)).sentence

    async def do_sale(self, sale: int) -> dict[str, Any]:
        found = await self.till.sales.get(sale)
        return {"number": found.number, "state": found.state.value}

    async def do_look(self) -> dict[str, Any]:
        return {
            "notices": self.notices,
            "links": self.links,
            "bar": self.till.health.current.sentence,
        }

    async def do_register(self) -> str:
        record = await (await self.till.network()).registrations.register_urls(self.access)
        assert not isinstance(record, Refused), record
        return record.state

    async def do_rules(self, document: dict[str, Any]) -> str:
        """Saved here; answers once the relay has them."""
        rules = parse_rules(document)
        assert isinstance(rules, ValidationRules), rules
        book, changed = (await self.till.network()).rule_book, asyncio.Event()
        end = self.changes.subscribe(RulesChanged, lambda _change: changed.set())
        assert await book.save(rules) is None
        while book.current.standing is RulesStanding.WAITING:
            changed.clear()
            await changed.wait()
        end()
        return book.current.standing.value

    async def do_arm(self, at: int) -> None:
        self.points.arm(at)

    async def do_rest(self) -> list[str]:
        """The boundaries crossed since `arm`, once no more of them are crossed."""
        seen = -1
        while seen != len(self.points.names):
            seen = len(self.points.names)
            await asyncio.sleep(0.05)
        return self.points.disarm()

    async def do_quit(self) -> bool:
        await self.till.close()
        return True


def _told(answer: Attempt | Refused) -> dict[str, Any]:
    if isinstance(answer, Refused):
        return {"refused": answer.sentence}
    return {"attempt": answer.id, "sale": answer.sale_id, "state": answer.state.value}


def _access(given: dict[str, Any]) -> MpesaAccess:
    account = given["account"]
    return MpesaAccess(
        given["daraja_url"],
        ShopAccount(AccountKind(account["kind"]), account["short_code"], account["till_number"]),
        Credentials(**given["credentials"]),
        Pairing(**given["pairing"]),
        Initiator(**given["initiator"]) if given["initiator"] else None,
    )


def _hurry(factor: float, read_timeout: float) -> None:
    """The same ladder, silence and pauses, `factor` times as fast."""
    ladder.RUNGS = tuple(rung / factor for rung in ladder.RUNGS)
    vars(reconciliation)["SILENCE_SECONDS"] = ladder.SILENCE_SECONDS / factor
    hurry_refunds(factor)
    pause = RelayLink._pause

    def hurried(link: RelayLink, follower: Follower) -> float:
        return pause(link, follower) / factor

    cast(Any, RelayLink)._pause = hurried
    defaults = DarajaClient.__init__.__kwdefaults__ or {}
    DarajaClient.__init__.__kwdefaults__ = {**defaults, "read_timeout": read_timeout}


def _log_to(folder: Path) -> None:
    """As the product does, but without its last gate, which would hide a leak."""
    folder.mkdir(parents=True, exist_ok=True)
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(filename=folder / "till.log", level=logging.INFO, format=form, force=True)
    for chatty in ("httpx", "httpcore", "websockets", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _grow_up(channel: socket.socket) -> None:
    points = CrashPoints()
    points.install()
    asyncio.run(Session(points).serve(channel))


def main(path: str) -> None:
    """Ends when standard input closes; a child ends when its caller does."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(16)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            readable, _, _ = select.select([listener.fileno(), 0], [], [])
            if 0 in readable:
                return
            channel, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _grow_up(channel)
                os._exit(0)
            channel.close()


if __name__ == "__main__":
    main(sys.argv[1])
