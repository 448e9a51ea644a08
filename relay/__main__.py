"""The relay's command line: serve, shops, tills and who pairs, the console's operators, the store's upkeep, the manual.

Exit 0 done, 1 failed, 2 wrong use. Errors are one line on stderr. `shop list` shows callback keys: they are secret.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from relay import admin, logs, server, upkeep
from relay.console import commands
from relay.log import new_epoch, utc_text
from relay.settings import LOG_FORMATS, LOG_LEVELS, SettingError, from_arguments, store_url
from relay.stores import directory
from relay.stores.lock import StoreInUseError
from relay.stores.store import StoreSettingError, opened, transaction

T = TypeVar("T")


class _FailedError(Exception):
    """What to say before ending with 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except SettingError as wrong:
        return _end(2, str(wrong))
    except (
        _FailedError,
        commands.OperatorError,
        StoreInUseError,
        StoreSettingError,
        upkeep.UpkeepError,
    ) as failed:
        return _end(1, str(failed))
    except SQLAlchemyError as failed:
        return _end(1, f"the store cannot be used: {' '.join(str(getattr(failed, 'orig', failed)).split())}")
    except OSError as failed:
        return _end(1, failed.strerror or str(failed))
    return 0


def _end(code: int, said: str) -> int:
    sys.stderr.write(f"relay: {said}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m relay", description="The relay between Daraja and a shop's tills.")
    nouns = parser.add_subparsers(required=True, metavar="COMMAND")
    _serve_parser(nouns)
    shop = nouns.add_parser("shop", help="add or list shops").add_subparsers(required=True, metavar="COMMAND")
    add = _command(shop, "add", _shop_add, "add a shop and print its stream and callback URL path")
    add.add_argument("name")
    _command(shop, "list", _shop_list, "list the shops with their (secret) callback paths")
    till = nouns.add_parser("till", help="pair, list or revoke tills").add_subparsers(required=True, metavar="COMMAND")
    invite = _command(till, "invite", _till_invite, "print a one-time pairing code, good for 10 minutes")
    invite.add_argument("--shop", required=True, metavar="NAME")
    _command(till, "list", _till_list, "list the tills and how far each has acknowledged")
    revoke = _command(till, "revoke", _till_revoke, "close a till's door for good, within seconds")
    revoke.add_argument("id")
    upkeep.add_to(nouns, _command, _print)
    manual = nouns.add_parser("manual", help="print how the relay is spoken to, for other programs")
    manual.set_defaults(run=_manual)
    manual.add_argument("--format", choices=["openapi", "asyncapi"], default="openapi", help="HTTP, or the websocket")
    drain = nouns.add_parser(
        "drain", help="send the tills of a relay on this computer to the others", description=_DRAIN
    )
    drain.set_defaults(run=_drain)
    drain.add_argument("--admin", metavar="FILE", help="the socket file of its --admin")
    commands.add_to(nouns, commands.Shell(_command, _in_store, _print))
    return parser


def _serve_parser(nouns: Any) -> None:
    serve = nouns.add_parser("serve", help="run the relay", description=f"{_SERVE} {_ENVIRONMENT}")
    serve.set_defaults(run=_serve)
    _store_option(serve)
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", help="port to listen on, 0 for any free one (default 8443)")
    serve.add_argument("--public-url", metavar="URL", help="where Safaricom reaches this relay")
    serve.add_argument("--high-water", metavar="FILE", help="file that proves an old database; best on another disk")
    serve.add_argument(
        "--spool",
        metavar="DIR",
        help="where callbacks are kept while the store cannot take them (default: beside the high-water file); "
        "best on another disk than the store's: on the same one it helps against a locked or broken store only",
    )
    serve.add_argument("--spool-mb", metavar="MB", help="room that the spool may take (default 1024)")
    serve.add_argument("--source-ips", metavar="A,B", help="addresses that callbacks come from; others are quarantined")
    serve.add_argument("--trusted-proxies", metavar="A,B", help="own proxies or networks whose X-Forwarded-For counts")
    serve.add_argument(
        "--metrics-from", metavar="A,B", help="addresses or networks that may ask for /metrics (default: this machine)"
    )
    serve.add_argument("--log-level", choices=LOG_LEVELS, help="default info")
    serve.add_argument("--log-format", choices=LOG_FORMATS, help="text for a person (default), json for a machine")
    serve.add_argument("--console", choices=["on", "off"], help="the operators' web console (default off)")
    serve.add_argument("--console-host", help="address that it listens on (default 127.0.0.1)")
    serve.add_argument("--console-port", help="its own port, 0 for any free one (default 8444)")
    serve.add_argument("--console-url", metavar="URL", help="its https address, if others than this computer reach it")
    serve.add_argument("--body-days", metavar="DAYS", help="how long to keep what was called back (default 90)")
    serve.add_argument("--shop-pace", metavar="N", help="callbacks of one shop a second (default 50)")
    serve.add_argument("--till-pace", metavar="N", help="requests of one till a second (default 20)")
    serve.add_argument("--shop-tills", metavar="N", help="tills of one shop that may be connected here (default 50)")
    serve.add_argument("--sockets", metavar="N", help="tills that may be connected here (default 20000)")
    serve.add_argument("--socket-pace", metavar="N", help="tills let in a second when all return (default 330)")
    serve.add_argument("--admin", metavar="FILE", help="socket file where `relay drain` finds it (default none)")
    serve.add_argument("--invite", metavar="SHOP", help="also print a pairing code for this shop, added if need be")
    serve.add_argument("--stdin-closes", action="store_true", help="end when standard input closes")


_STORE = (
    "sqlite:///path/to/relay.db (default: in the data folder), or postgresql://user@host/database; "
    "one with a password belongs into RELAY_STORE, for others can see this command line"
)
_DRAIN = "Ends when every till was sent away. Callbacks are taken until the relay itself is stopped."
_SERVE = "Prints 'listening on URL' once it takes callbacks."
_ENVIRONMENT = (
    "All but the last two may be set as RELAY_<NAME> in the environment, and there alone RELAY_BODY_KEYS=id:base64,… "
    "by which bodies are encrypted at rest: the first key writes, all read."
)


def _command(nouns: Any, name: str, run: Callable[[argparse.Namespace], None], told: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = nouns.add_parser(name, help=told, description=told)
    made.set_defaults(run=run)
    _store_option(made)
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def _store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", metavar="URL", help=_STORE)


def _serve(given: argparse.Namespace) -> None:
    server.leave_no_core()
    settings = from_arguments(vars(given), os.environ)
    invitation = _in_store(given, partial(_invite_to, given.invite.strip())) if given.invite else None
    logs.start(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(server.serve(settings, partial(_announce, invitation)))


def _drain(given: argparse.Namespace) -> None:
    path = given.admin or os.environ.get("RELAY_ADMIN", "")
    if not path:
        raise SettingError("say where the relay listens: --admin FILE, or RELAY_ADMIN")
    try:
        admin.ask_to_drain(Path(path))
    except OSError as failed:
        raise _FailedError(f"no relay was drained at {path}: {failed.strerror or failed}") from failed


def _announce(invitation: directory.Invitation | None, url: str, console_url: str | None) -> None:
    sys.stdout.write(f"listening on {url}\n")
    if invitation is not None:
        sys.stdout.write(f"pairing code {_code_line(invitation)}\n")
    if console_url is not None:
        sys.stdout.write(f"console on {console_url}\n")
    sys.stdout.flush()


def _invite_to(shop: str, connection: Connection) -> directory.Invitation:
    """To a shop that is added if there is none of that name."""
    if shop not in {held.name for held in directory.shops(connection)}:
        directory.add_shop(connection, shop, new_epoch())
    return directory.invite_till(connection, shop, _now_ms())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _shop_add(given: argparse.Namespace) -> None:
    name = given.name.strip()
    if not name:
        raise SettingError("a shop needs a name")
    try:
        shop = _in_store(given, lambda connection: directory.add_shop(connection, name, new_epoch()))
    except IntegrityError as taken:
        raise _FailedError(f"there is a shop called {name!r} already") from taken
    _print(given, _shop_facts(shop), f"{shop.name}: stream {shop.stream}, callbacks to /h/{shop.callback_key}")


def _shop_list(given: argparse.Namespace) -> None:
    shops = _in_store(given, directory.shops)
    lines = [f"{shop.name}: stream {shop.stream}, callbacks to /h/{shop.callback_key}" for shop in shops]
    _print(given, [_shop_facts(shop) for shop in shops], "\n".join(lines) or "no shops yet")


def _shop_facts(shop: directory.Shop) -> dict[str, object]:
    return {"name": shop.name, "stream": shop.stream, "callback_path": f"/h/{shop.callback_key}"}


def _till_invite(given: argparse.Namespace) -> None:
    try:
        made = _in_store(given, lambda connection: directory.invite_till(connection, given.shop, _now_ms()))
    except directory.NoSuchShopError as unknown:
        raise _FailedError(f"there is no shop called {given.shop!r}") from unknown
    _print(given, {"code": made.code, "expires_at": utc_text(made.expires_at)}, _code_line(made))


def _code_line(made: directory.Invitation) -> str:
    until = datetime.fromtimestamp(made.expires_at / 1000, UTC).strftime("%H:%M:%S UTC")
    return f"{made.code} (good until {until})"


def _till_list(given: argparse.Namespace) -> None:
    tills = _in_store(given, directory.tills)
    _print(given, [_till_facts(till) for till in tills], "\n".join(map(_till_line, tills)) or "no tills yet")


def _till_line(till: directory.Till) -> str:
    ended = ", revoked" if till.revoked_at else ""
    return f"{till.id} {till.name!r} of {till.shop}, till code {till.code or 'not given yet'}{ended}"


def _till_facts(till: directory.Till) -> dict[str, object]:
    times = {name: _when(getattr(till, name)) for name in ("paired_at", "revoked_at", "acked_at")}
    return {
        "id": till.id,
        "code": till.code,
        "name": till.name,
        "shop": till.shop,
        "acked_seq": till.acked_seq,
        **times,
    }


def _when(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc_text(at_ms)


def _till_revoke(given: argparse.Namespace) -> None:
    if not _in_store(given, lambda connection: directory.revoke(connection, given.id, _now_ms())):
        raise _FailedError(f"there is no till {given.id}")
    _print(given, {"id": given.id, "revoked": True}, f"{given.id} revoked")


def _manual(given: argparse.Namespace) -> None:
    from relay.manual import asyncapi, openapi

    made = asyncapi.document() if given.format == "asyncapi" else openapi.document()
    sys.stdout.write(json.dumps(made, indent=1) + "\n")


def _in_store(given: argparse.Namespace, job: Callable[[Connection], T]) -> T:
    """Beside a running relay: waits for its write lock, never checkpoints."""
    store = opened(store_url(given.store or os.environ.get("RELAY_STORE", "")))
    with transaction(store) as connection:
        return job(connection)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _print(given: argparse.Namespace, facts: object, text: str) -> None:
    sys.stdout.write((json.dumps(facts) if given.json else text) + "\n")


if __name__ == "__main__":
    sys.exit(main())
