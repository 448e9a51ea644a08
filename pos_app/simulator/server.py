"""The simulator over HTTP: `python -m pos_app simulator`, and the same server for tests.

It must not know what a push is, nor how the till is built.
"""

import argparse
import os
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from pos_app.simulator.clock import RealClock
from pos_app.simulator.control import Control
from pos_app.simulator.courier import Courier
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.door import BreakableProtocol, Door
from pos_app.simulator.knobs import UnknownScenarioError
from pos_app.simulator.scenarios import scenario
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP, Shop, buy_goods, paybill

DEFAULT_PORT = 8174
STARTUP_SECONDS = 30.0


def create_app(core: Daraja) -> Starlette:
    """Daraja's paths, `/simulator/…` and the phone page at `/`. Only `serving` and `run` can break connections."""
    courier = Courier(core)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(courier.run)
            yield
            tasks.cancel_scope.cancel()

    return Starlette(routes=[*Control(core, courier).routes(), Mount("/", Door(core, courier))], lifespan=lifespan)


class _Server(uvicorn.Server):
    def __init__(self, core: Daraja, started: Callable[[], None]) -> None:
        # No access log: CheckoutRequestIDs hold phone numbers.
        super().__init__(
            uvicorn.Config(
                create_app(core),
                http=BreakableProtocol,
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                log_level="error",
                timeout_graceful_shutdown=1,
            )
        )
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()


@contextmanager
def serving(core: Daraja, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves in a thread and gives the address. Speak to `core` over HTTP only while it runs."""
    ready = threading.Event()
    listener = _listen(host, port)
    server = _Server(core, ready.set)
    thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
    thread.start()
    if not ready.wait(STARTUP_SECONDS):
        raise RuntimeError("the simulator did not start")
    try:
        yield _address(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="the same ids and receipts every time (default: new ones)")
    parser.add_argument("--scenario", type=_scenario, default="ask", help="what customers do (default: %(default)s)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="how much faster than life to wait (default: 1)")
    parser.add_argument("--confirmation-url", help="registered C2B confirmation URL of the shop")
    parser.add_argument("--strict-urls", action="store_true", help="refuse callback URLs on this computer")
    parser.add_argument("--production", action="store_true", help="register C2B URLs once, to HTTPS; no C2B simulate")
    parser.add_argument("--stdin-closes", action="store_true", help="end when standard input closes")
    shop = parser.add_argument_group("the shop that Safaricom knows")
    shop.add_argument("--consumer-key", default=TRAINING_SHOP.consumer_key, help="(default: %(default)s)")
    shop.add_argument("--consumer-secret", default=TRAINING_SHOP.consumer_secret, help="(default: %(default)s)")
    shop.add_argument("--passkey", default=SANDBOX_PASSKEY, help="(default: the public sandbox passkey)")
    shop.add_argument("--paybill", default="174379", help="PayBill number (default: %(default)s)")
    shop.add_argument("--store", default="7654321", help="store number of the till (default: %(default)s)")
    shop.add_argument("--till", default="5512345", help="till number (default: %(default)s)")
    shop.add_argument("--nominated-number", default="", help="phone that Pull asks for (default: any)")
    shop.add_argument("--shop-name", default="Duka la Mfano", help="as the prompt shows it (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Serves until interrupted, or until standard input closes. Says `listening on http://…` when it is ready."""
    try:
        listener = _listen(args.host, args.port)
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"simulator: cannot listen on {args.host}:{args.port}: {error}\n")
        return 1
    server = _Server(_core(args), lambda: _announce(listener))
    if args.stdin_closes:
        threading.Thread(target=_end_with_stdin, args=(server,), name="stdin", daemon=True).start()
    with listener:
        try:
            server.run([listener])
        except KeyboardInterrupt:
            return 0
    return 0 if server.started else 1


def _core(args: argparse.Namespace) -> Daraja:
    shop = Shop(
        args.consumer_key,
        args.consumer_secret,
        (
            paybill(args.paybill, args.passkey, args.shop_name),
            buy_goods(args.store, args.till, args.passkey, args.shop_name),
        ),
        args.nominated_number,
    )
    # A seed of its own for every start: a till that keeps its database must never see a receipt twice.
    seed = secrets.randbits(32) if args.seed is None else args.seed
    return Daraja(
        RealClock(),
        shop=shop,
        seed=seed,
        default=args.scenario,
        confirmation_url=args.confirmation_url,
        allow_loopback_urls=not args.strict_urls,
        production=args.production,
        speed=args.speed,
    )


def _scenario(spec: str) -> str:
    try:
        scenario(spec)
    except UnknownScenarioError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return spec


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1000:
        raise argparse.ArgumentTypeError("between 0 and 1000")
    return speed


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(listener: socket.socket) -> None:
    # Whoever started it may have gone already; then standard input is closed too, and that ends it.
    with suppress(BrokenPipeError):
        sys.stdout.write(f"listening on {_address(listener)}\n")
        sys.stdout.flush()


def _end_with_stdin(server: uvicorn.Server) -> None:
    # The descriptor and not sys.stdin: its lock would be held while the interpreter shuts down.
    while os.read(0, 4096):
        continue
    server.should_exit = True
