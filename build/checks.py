"""Every check of the project, in the order in which they are quick. It must not know how the environment is made."""

import time
from collections.abc import Callable
from random import SystemRandom

import coverage_gates
import libraries
from environment import Environment

TEST_TOOLS: libraries.Libraries = {
    "strace": "strace",  # kills a process where it calls the system
    "promtool": "prometheus",  # tries the relay's alerts
    "haproxy": "haproxy",  # stands before relays that are killed
    "chromium-headless-shell|chromium|google-chrome": "chromium-headless-shell",  # looks at the relay's console
    "systemd-analyze": "systemd",  # reads the relay's unit
    "systemd-nspawn": "systemd-container",  # boots it
}
_LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())"

_MEASURED = ("tests/daraja", "tests/domain", "tests/relay", "tests/relay_link", "tests/services")
"""Held to a share of lines and branches. Measuring doubles the time of a test, so no other is measured."""
_LONG = (
    "tests/domain/test_attempt_machine.py",
    "tests/domain/test_claim_machine.py",
    "tests/relay/console/test_in_a_browser.py",
    "tests/relay/test_alerts.py",
    "tests/relay/test_fuzz_api.py",
    "tests/relay/test_fuzz_sockets.py",
    "tests/relay/test_log_machine.py",
    "tests/relay/test_manual_examples.py",
    "tests/relay/test_other_client.py",
    "tests/relay/test_replicas.py",
    "tests/relay/test_spool_process.py",
    "tests/services/test_money_machine.py",
    "tests/services/test_refund_days.py",
)
"""What stands there and is not measured either: its neighbours reach the same lines, one at a time."""

_WORKERS = "3"
"""On two cores: a test that waits for a process leaves its core to another."""

Check = tuple[str, Callable[[], int]]


def static(environment: Environment) -> list[Check]:
    run = environment.run
    return [
        ("format", lambda: run("-m", "ruff", "format", "--check", "--quiet", ".") and _say_format()),
        ("lint", lambda: run("-m", "ruff", "check", ".")),
        ("types", lambda: run("-m", "mypy")),
        ("types of build/", lambda: run("-m", "mypy", *_build_files(environment))),
        ("imports", lambda: run("-c", _LINT_IMPORTS, "--no-cache")),
    ]


def _say_format() -> int:
    print("Some files are not formatted; `.venv/bin/ruff format .` does it, `… --diff .` shows it.")
    return 1


def _build_files(environment: Environment) -> list[str]:
    return [str(path) for path in sorted((environment.checkout / "build").glob("*.py"))]


def tests(environment: Environment, full: bool, seed: int | None) -> list[Check]:
    """The gates read what the tests measured, so they stand after them."""
    chosen = SystemRandom().randrange(2**31) if seed is None else seed
    folder = environment.checkout / ".cache" / "coverage"
    folder.mkdir(parents=True, exist_ok=True)
    data = {"COVERAGE_FILE": str(folder / "data")}
    report = folder / "report.json"

    variables = {"TILL_TEST_SEED": str(chosen), "QT_QPA_PLATFORM": "offscreen"} | (
        {"TILL_TEST_FULL": "1"} if full else {}
    )
    pytest = ("-m", "pytest", "--quiet", "--ignore=tests/bench", f"--hypothesis-seed={chosen}")

    # tests/conftest.py says how they are shared out; their order stays, so that long modules do not end last.
    shared = (*pytest, "-m", "not frames", "-n", _WORKERS, "--dist", "loadscope", "--no-loadscope-reorder")

    def run_measured() -> int:
        print(
            f"seed {chosen}: `python3 build/dev.py test{' --full' * full} --seed {chosen}` runs the same again",
            flush=True,
        )
        return environment.run(*shared, "--cov", "--cov-report=", *_ignored(_LONG), *_MEASURED, **variables, **data)

    def run_others() -> int:
        return environment.run(*shared, *_others(environment), *_LONG, **variables)

    def run_frames() -> int:
        return environment.run(*pytest, "-m", "frames", **variables)

    def pass_gates() -> int:
        report.unlink(missing_ok=True)
        environment.run("-m", "coverage", "json", "--quiet", "-o", str(report), **data)
        verdicts = list(coverage_gates.verdicts(coverage_gates.read_report(report)))
        for held, line in verdicts:
            print("  " if held else "! ", line, sep="")
        return 0 if all(held for held, _ in verdicts) else 1

    return [
        ("tests of what the gates are about", run_measured),
        ("tests of all else", run_others),
        ("frames of the window, with nothing beside it", run_frames),
        ("coverage", pass_gates),
    ]


def _ignored(paths: tuple[str, ...]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


def _others(environment: Environment) -> list[str]:
    folders = (f"tests/{path.name}" for path in sorted((environment.checkout / "tests").iterdir()) if path.is_dir())
    return [folder for folder in folders if folder not in (*_MEASURED, "tests/bench", "tests/__pycache__")]


def run_all(checks: list[Check]) -> int:
    """Runs every check, also after one has failed: a developer mends them together."""
    failed = []
    began = time.monotonic()
    for name, check in checks:
        print(f"\n== {name}", flush=True)
        at = time.monotonic()
        if check():
            failed.append(name)
        print(f"   {time.monotonic() - at:.1f} s", flush=True)
    told = f"failed: {', '.join(failed)}" if failed else "all passed"
    print(f"\n{told} ({len(checks)} checks, {time.monotonic() - began:.0f} s)", flush=True)
    return 1 if failed else 0
