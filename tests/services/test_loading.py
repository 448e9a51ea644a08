"""What a till loads before a sale can be rung: nothing that only a change of the schema needs."""

import subprocess
import sys
from pathlib import Path

_OPENED = """
import asyncio, sys
from pathlib import Path
from pos_app.domain.receipt import Heading
from pos_app.services.changes import Changes
from pos_app.services.till import Till
from pos_app.services.uplink import Uplink

async def main():
    till = Till(Path(sys.argv[1]), Changes(), lambda: Heading("Duka", "1"), {})
    await till.open()
    await till.close()

asyncio.run(main())
print(*{"sqlalchemy", "sqlmodel", "pydantic", "alembic"} & sys.modules.keys())
"""


def loaded(folder: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _OPENED, str(folder)], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


def test_only_the_first_start_loads_what_makes_the_schema(tmp_path: Path) -> None:
    assert loaded(tmp_path) == {"sqlalchemy", "sqlmodel", "pydantic", "alembic"}
    assert loaded(tmp_path) == set()
