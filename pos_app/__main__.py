"""The command line: the till, its demo, the simulator, the check of its record. Exit 0 done, 1 failed, 2 wrong use."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pos_app.app import Training


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, and where the rest is to be read."""
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` lists what there is.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"demo": _demo, "simulator": _simulator, "audit": _audit}
    if given and given[0] in commands:
        return commands[given[0]](given[1:])
    return _till(given)


def _till(arguments: list[str]) -> int:
    parser = _Parser(
        prog="python -m pos_app",
        description="The M-Pesa till. Other commands: demo, simulator, audit; each takes --help.",
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where this till keeps its records")
    parser.add_argument("--training", action="store_true", help="practise: nothing reaches Safaricom")
    options = parser.parse_args(arguments)
    _check_libraries()

    from pos_app import app

    return app.run(options.data_dir, _load_training if options.training else None)


def _check_libraries() -> None:
    """Where a library of the system is missing that Qt needs, that is said in a sentence, with exit code 1."""
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        sys.exit(
            f"No window can be opened on this computer: {error}. Install what is missing, then start the till again."
        )


def _load_training() -> "Training":
    from pos_app.commands.training import training

    return training


def _demo(arguments: list[str]) -> int:
    _check_libraries()

    from pos_app.commands import demo

    parser = _Parser(prog="python -m pos_app demo", description=demo.__doc__)
    demo.add_arguments(parser)
    return demo.run(parser.parse_args(arguments))


def _simulator(arguments: list[str]) -> int:
    from pos_app.simulator import server

    parser = _Parser(prog="python -m pos_app simulator", description="Daraja, on this computer.")
    server.add_arguments(parser)
    return server.run(parser.parse_args(arguments))


def _audit(arguments: list[str]) -> int:
    from pos_app.commands import audit

    parser = _Parser(prog="python -m pos_app audit", description=audit.__doc__)
    audit.add_arguments(parser)
    return audit.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
