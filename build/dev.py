"""A developer's one door: sets the checkout up, then runs, checks, measures, packages or pictures the till.

Standard library only. It parses on older Pythons too, so that they get a sentence and no SyntaxError.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from environment import Environment

CHECKOUT = Path(__file__).resolve().parents[1]
SUPPORTED = ((3, 11), (3, 13))


def main(arguments: list[str] | None = None, python: tuple[int, int] = sys.version_info[:2]) -> int:
    options = parse(arguments)
    if not SUPPORTED[0] <= python <= SUPPORTED[1]:
        return _refuse("this is Python {}.{}; the till needs 3.11, 3.12 or 3.13. Start it with one.".format(*python))
    from errors import CommandError

    try:
        return int(options.command(options))
    except (CommandError, OSError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("stopped.")


def _refuse(sentence: str) -> int:
    print(f"dev.py: {sentence}", file=sys.stderr)
    return 1


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """What `bench` is given beside its name goes on to the benchmarks, which know it."""
    top = parser()
    options, passed_on = top.parse_known_args(arguments)
    if passed_on and options.command is not _bench:
        top.error("unrecognized arguments: " + " ".join(passed_on))
    options.passed_on = [given for given in passed_on if given != "--"]
    return options


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python3 build/dev.py", description="Everything a developer of the till does.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: object, what: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=what, description=f"Sets the checkout up, then: {what}.")
        added.set_defaults(command=command)
        return added

    add("run", _run, "open the till in training mode; without a display, play its demo into pictures")
    test = add("test", _test, "run every check: format, lint, types, imports, tests, coverage")
    test.add_argument("--full", action="store_true", help="the full counts: the same tests, hours instead of minutes")
    test.add_argument("--seed", type=int, help="run the tests of an earlier run again, with the seed it printed")
    add("check", _check, "run the quick checks alone: format, lint, types, imports")
    bench = add("bench", _bench, "measure the till and the relay")
    bench.epilog = "What else it is given goes on to the benchmarks; `bench -- --help` lists what they take."
    add("package", _package, "build dist/till, the program that shops install, and try it out")
    screenshots = add("screenshots", _screenshots, "picture every screen, light and dark, in two sizes")
    screenshots.add_argument("--out", type=Path, metavar="DIR", help="default: dist/screenshots")
    return top


def _ready(environment_packages: Iterable[str] = ()) -> Environment:
    """Missing system packages come first: they need root, and are said before the long download."""
    import libraries
    from environment import Environment

    environment = Environment(CHECKOUT)
    missing = libraries.missing_libraries(libraries.for_display(os.environ))
    libraries.install([*missing, *environment.missing_packages(), *environment_packages])
    environment.prepare()
    return environment


def _run(_options: argparse.Namespace) -> int:
    import till

    environment = _ready()
    return (
        till.open_training(environment) if till.has_display() else till.play_demo(environment, CHECKOUT / "dist/demo")
    )


def _test(options: argparse.Namespace) -> int:
    import checks
    import libraries

    environment = _ready(libraries.missing_tools(checks.TEST_TOOLS))
    return checks.run_all(checks.static(environment) + checks.tests(environment, options.full, options.seed))


def _check(_options: argparse.Namespace) -> int:
    import checks

    return checks.run_all(checks.static(_ready()))


def _bench(options: argparse.Namespace) -> int:
    """Where it may not install what they measure against, the benchmarks name it and measure the rest."""
    import libraries

    peers = libraries.missing_tools(libraries.PEERS) if libraries.can_install() else []
    return 1 if _ready(peers).run(str(CHECKOUT / "tests/bench/run.py"), *options.passed_on) else 0


def _package(_options: argparse.Namespace) -> int:
    import frozen

    return frozen.package(_ready(frozen.needed_packages()))


def _screenshots(options: argparse.Namespace) -> int:
    import till

    folder = options.out.resolve() if options.out else CHECKOUT / "dist/screenshots"
    return till.take_screenshots(_ready(), folder)


if __name__ == "__main__":
    sys.exit(main())
