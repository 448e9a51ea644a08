"""The API operator's credential: only an owner makes one, from a certificate that is one, and it leaves no password."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from staffing import KeyBox, signed_in

from pos_app.domain.audit import Event
from pos_app.domain.receipt import Heading
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Person, Role
from pos_app.services.authority import NOBODY
from pos_app.services.changes import Changes
from pos_app.services.operator_setup import CertificateFacts, OperatorSetup
from pos_app.services.till import Till
from pos_app.services.training_staff import PRACTICE_PINS, hire
from pos_app.settings import SECURITY_CREDENTIAL, MemorySecrets, Settings, initiator_from
from pos_app.simulator.initiator.operator import Operator

pytestmark = pytest.mark.anyio

PASSWORD = "Canary#Password%9"


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    made = Till(tmp_path, Changes(), lambda: Heading("Duka", "1"), KeyBox())
    await made.open()
    yield signed_in(made)
    await made.close()


async def test_an_owner_makes_a_credential_that_safaricom_can_read_and_the_record_says_so(till: Till) -> None:
    operator, setup = Operator(), OperatorSetup(till.guard)
    facts = setup.facts(operator.certificate)
    assert isinstance(facts, CertificateFacts)
    assert (facts.subject, facts.environment) == ("simulator.example.co.ke", "")
    made = await setup.credential(operator.certificate, PASSWORD, "apiop1")
    assert isinstance(made, str)
    plain = operator._key.decrypt(base64.b64decode(made), padding.PKCS1v15())
    assert plain == PASSWORD.encode()
    (entry, *_) = await till.record.newest()
    assert (entry.event, entry.actor, entry.subject) == (Event.CREDENTIALS_CHANGED, "Wanjiru", "API operator apiop1")
    assert PASSWORD not in str(entry)


async def test_a_manager_may_not_and_a_file_that_is_no_certificate_makes_none(till: Till) -> None:
    setup = OperatorSetup(till.guard)
    assert isinstance(setup.facts(b"<html>"), Refused)
    assert isinstance(await setup.credential(b"nothing", PASSWORD, "apiop1"), Refused)
    signed_in(till, Person(2, "Otieno", Role.MANAGER))
    assert isinstance(await setup.credential(Operator().certificate, PASSWORD, "apiop1"), Refused)


def test_an_operator_needs_a_name_and_a_credential_and_pays_from_the_shops_number_unless_told() -> None:
    secrets, settings = MemorySecrets(), Settings(short_code="600966", initiator_name="apiop1")
    assert initiator_from(settings, secrets) is None
    secrets.set(SECURITY_CREDENTIAL, "c" * 344)
    assert initiator_from(Settings(short_code="600966"), secrets) is None
    found = initiator_from(settings, secrets)
    assert found is not None
    assert (found.name, found.short_code, "c" * 344 in repr(found)) == ("apiop1", "600966", False)
    assert settings.password_since is None
    assert Settings(initiator_password_since="2026-11-24").password_since == datetime(2026, 11, 24, tzinfo=UTC).date()


async def test_the_training_shop_has_its_people_once_and_its_cashier_at_the_till(till: Till) -> None:
    till.authority.end()
    for _ in range(2):
        await hire(till.staff, till.authority)
    people = await till.staff.people()
    assert {one.name for one in people} == set(PRACTICE_PINS)
    assert till.authority.person is not None
    assert till.authority.person.name == "Akinyi"


async def test_with_locked_keys_cash_is_taken_and_nothing_else(till: Till) -> None:
    session = till.authority.begin_cash_only(datetime(2026, 11, 24, tzinfo=UTC))
    assert (session.person.id, session.person.role) == (0, Role.CASHIER)
    till.authority.end()
    assert (await till.office()).record_export is not None
    assert await (await till.office()).record_export.export() == NOBODY


async def test_the_receipt_of_a_refund_that_is_not_there_is_no_receipt(till: Till) -> None:
    with pytest.raises(LookupError):
        await till.receipts.of_refund(99)
