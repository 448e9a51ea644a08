"""What an operator asks for, in the shapes of the contract's examples E46 to E62, and what the ledger says of it."""

import base64
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pos_app.simulator.daraja import Daraja
from pos_app.simulator.initiator.doors import (
    B2C_V1_PATH,
    B2C_V3_PATH,
    BALANCE_PATH,
    REVERSAL_PATH,
    STATUS_PATH,
)
from pos_app.simulator.initiator.scenarios import PRESETS, operation_scenario
from pos_app.simulator.initiator.tariff import b2c_charge
from pos_app.simulator.ledger import shop
from pos_app.simulator.messages import Reply

RESULT_URL, TIMEOUT_URL = "http://127.0.0.1:9/h/k/result/n", "http://127.0.0.1:9/h/k/timeout/n"
PHONE = "254712345678"
DONE = "The service request is processed successfully."


@dataclass
class Desk:
    """An operator at the simulator's doors, with the certificate and the password."""

    caller: Any
    credential: str = ""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def core(self) -> Daraja:
        return self.caller.core

    def encrypt(self, password: str) -> str:
        key = x509.load_pem_x509_certificate(self.core.operator.certificate).public_key()
        assert isinstance(key, RSAPublicKey)
        return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()

    def b2c(self, path: str = B2C_V3_PATH, **changes: Any) -> Reply:
        fields = {
            "OriginatorConversationID": f"ref-20261014-{next(self._numbers):06d}",
            "InitiatorName": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": "BusinessPayment",
            "Amount": 100,
            "PartyA": 174379,
            "PartyB": int(PHONE),
            "Remarks": "Refund 1042",
            "QueueTimeOutURL": TIMEOUT_URL,
            "ResultURL": RESULT_URL,
            "Occassion": "Refund",
        }
        return self.caller.post(path, _told(fields, changes))

    def reverse(self, receipt: str, **changes: Any) -> Reply:
        fields = {"TransactionID": receipt, "Amount": "500", "ReceiverParty": "174379", "RecieverIdentifierType": "11"}
        return self.caller.post(REVERSAL_PATH, _told(self._signed("TransactionReversal") | fields, changes))

    def status(self, **changes: Any) -> Reply:
        fields = {**self._signed("TransactionStatusQuery"), "PartyA": "174379", "IdentifierType": "4"}
        return self.caller.post(STATUS_PATH, _told(fields, changes))

    def balance(self, **changes: Any) -> Reply:
        fields = {**self._signed("AccountBalance"), "PartyA": "174379", "IdentifierType": "4"}
        return self.caller.post(BALANCE_PATH, _told(fields, changes))

    def _signed(self, command: str) -> dict[str, Any]:
        return {
            "Initiator": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": command,
            "Remarks": "Returned goods",
            "QueueTimeOutURL": TIMEOUT_URL,
            "ResultURL": RESULT_URL,
        }

    def fund(self, shillings: int = 10_000, shortcode: str = "174379") -> None:
        self.core.initiator.deposit(shortcode, shillings, self.core.clock.now())

    def plays(self, spec: Any, *, questions: bool = False) -> None:
        apis = self.core.initiator
        (apis.questions if questions else apis.payments).default = operation_scenario(spec)

    def heard(self, seconds: float = 120, kind: str = "result") -> list[dict[str, Any]]:
        url = RESULT_URL if kind == "result" else TIMEOUT_URL
        callbacks = [callback for callback in self.caller.after(seconds) if callback.kind == kind]
        assert all(callback.url == url for callback in callbacks)
        return [json.loads(callback.body) for callback in callbacks]

    def result(self) -> dict[str, Any]:
        (body,) = self.heard()
        told: dict[str, Any] = body["Result"]
        return told


def _told(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def values(result: dict[str, Any]) -> dict[str, Any]:
    return {item["Key"]: item.get("Value") for item in result["ResultParameters"]["ResultParameter"]}


def read(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(reply.body)
    return told


@pytest.fixture
def desk(caller: Any) -> Desk:
    made = Desk(caller)
    made.credential = made.encrypt(made.core.operator.password)
    return made


def test_e46_e47_a_b2c_payment_is_accepted_under_our_own_id(desk: Desk) -> None:
    told = read(desk.b2c(OriginatorConversationID="ref-20261014-000077"))
    assert told.pop("ConversationID").startswith("AG_20261014_")
    assert told == {
        "OriginatorConversationID": "ref-20261014-000077",
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def test_e48_the_same_id_again_is_refused_and_pays_nothing(desk: Desk) -> None:
    desk.fund()
    desk.b2c(OriginatorConversationID="ref-1")
    again = desk.b2c(OriginatorConversationID="ref-1")
    assert (again.status, read(again)["errorCode"]) == (500, "500.002.1001")
    assert read(again)["errorMessage"] == "Duplicate OriginatorConversationID."
    assert len(desk.heard()) == 1
    assert [one.repeats for one in desk.core.initiator.operations.all] == [1]
    assert [payout.amount for payout in desk.core.ledger.payouts] == [100]


def test_e49_an_address_that_is_not_whitelisted_is_refused(desk: Desk) -> None:
    desk.plays("not_whitelisted")
    refused = desk.b2c()
    assert (refused.status, read(refused)["errorCode"]) == (403, "403.002.1001")
    assert read(refused)["errorMessage"] == "You are not authorized to initiate this transaction"
    assert desk.heard() == []


def test_e50_a_success_names_receipt_receiver_and_funds_and_the_ledger_moves(caller: Any) -> None:
    desk = Desk(caller)
    desk.credential = desk.encrypt(desk.core.operator.password)
    desk.fund(10_216)
    desk.b2c(Amount=200)
    raw = next(callback.body for callback in caller.after(60) if callback.kind == "result")
    result = json.loads(raw)["Result"]
    assert (result["ResultType"], result["ResultCode"], result["ResultDesc"]) == (0, 0, DONE)
    told = values(result)
    assert told["TransactionReceipt"] == result["TransactionID"]
    assert told["TransactionCompletedDateTime"].startswith("14.10.2026 15:30:1")
    assert told["ReceiverPartyPublicName"].startswith("254712345678 - ")
    assert b'"B2CUtilityAccountAvailableFunds","Value":10016.00' in raw
    assert told["B2CChargesPaidAccountAvailableFunds"] == -5
    (payout,) = desk.core.ledger.payouts
    assert (payout.receipt, payout.amount, payout.payee) == (result["TransactionID"], 200, PHONE)
    assert desk.core.ledger.balance(f"customer:{PHONE}") == 200
    assert desk.core.ledger.total() == 0
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"


def test_e51_low_float_fails_with_an_id_that_looks_real(desk: Desk) -> None:
    desk.fund(99)
    desk.b2c()
    result = desk.result()
    assert (result["ResultCode"], result["ResultDesc"]) == (1, "The balance is insufficient for the transaction.")
    assert not result["TransactionID"].endswith("0000000")
    assert "ResultParameters" not in result
    assert desk.core.ledger.payouts == ()


def test_e52_trap_37_wrong_passwords_lock_the_operator_and_the_right_one_no_longer_helps(desk: Desk) -> None:
    desk.fund()
    right, desk.credential = desk.credential, desk.encrypt("wrong")
    for _ in range(3):
        desk.b2c()
        result = desk.result()
        assert (result["ResultCode"], result["ResultDesc"]) == (2001, "The initiator information is invalid.")
        assert result["TransactionID"] == "UJE0000000"
    desk.credential = right
    desk.b2c()
    assert desk.result()["ResultCode"] == 8006
    assert desk.core.operator.locked
    desk.core.operator.unlock("another")
    desk.credential = desk.encrypt("another")
    desk.b2c()
    assert desk.result()["ResultCode"] == 0


@pytest.mark.parametrize("credential", ["BASE64_344_CHARS", "!", base64.b64encode(b"x" * 256).decode()])
def test_a_credential_that_nobody_encrypted_is_a_wrong_one(desk: Desk, credential: str) -> None:
    desk.credential = credential
    desk.b2c()
    assert desk.result()["ResultCode"] == 2001


def test_an_operator_without_the_role_is_refused(desk: Desk) -> None:
    desk.core.operator.roles.discard("b2c")
    desk.b2c()
    assert desk.result()["ResultCode"] == 21


def test_e53_a_phone_without_mpesa_is_refused(desk: Desk) -> None:
    desk.fund()
    desk.core.initiator.unregistered.add(PHONE)
    desk.b2c()
    result = desk.result()
    assert (result["ResultCode"], result["TransactionID"]) == (2040, "UJE0000000")


def test_e54_trap_21_a_queue_timeout_echoes_our_request_and_is_no_result(desk: Desk) -> None:
    desk.fund()
    desk.plays("queue_timeout")
    desk.b2c(OriginatorConversationID="ref-80")
    (body,) = desk.heard(kind="timeout")
    assert "Result" not in body
    assert (body["OriginatorConversationID"], body["SecurityCredential"]) == ("ref-80", desk.credential)
    assert desk.core.ledger.payouts == ()


def test_trap_21_the_echo_of_a_reversal_names_no_id_because_the_request_had_none(desk: Desk) -> None:
    paid = desk.caller.pay(500).payment
    desk.caller.after(60)
    desk.plays("queue_timeout")
    desk.reverse(paid.receipt)
    (body,) = desk.heard(kind="timeout")
    assert (body["TransactionID"], body["SecurityCredential"]) == (paid.receipt, desk.credential)
    assert "OriginatorConversationID" not in body


def test_trap_36_a_password_with_a_timestamp_behind_it_is_a_wrong_one(desk: Desk) -> None:
    desk.fund()
    desk.credential = desk.encrypt(desk.core.operator.password + "20261014153012")
    desk.b2c()
    assert desk.result()["ResultCode"] == 2001


def test_trap_18_the_second_figure_of_an_account_is_what_can_be_spent(desk: Desk) -> None:
    desk.fund(18_430)
    desk.balance()
    for account in values(desk.result())["AccountBalance"].split("&"):
        current, available, reserved, uncleared = (float(figure) for figure in account.split("|")[2:])
        assert (current, uncleared) == (available + reserved, 0)


def test_trap_45_what_was_paid_out_is_not_reversed(desk: Desk) -> None:
    desk.fund()
    desk.b2c()
    receipt = desk.result()["TransactionID"]
    desk.reverse(receipt, Amount="100")
    assert desk.result()["ResultCode"] == "R000002"
    assert len(desk.core.ledger.payouts) == 1


def test_a_queue_timeout_may_be_followed_by_the_payment(desk: Desk) -> None:
    desk.fund()
    desk.plays("queue_timeout_paid")
    desk.b2c()
    assert len(desk.heard(seconds=1, kind="timeout")) == 1
    assert desk.result()["ResultCode"] == 0
    assert len(desk.core.ledger.payouts) == 1


def test_e55_e56_a_payment_is_reversed_whole_and_once(desk: Desk) -> None:
    paid = desk.caller.pay(500).payment
    desk.caller.after(60)
    desk.reverse(paid.receipt)
    result = desk.result()
    told = values(result)
    assert (result["ResultCode"], told["OriginalTransactionID"], told["Amount"]) == (0, paid.receipt, 500)
    assert told["DebitAccountBalance"] == "Utility Account|KES|0.00|0.00|0.00|0.00"
    assert told["CreditPartyPublicName"].startswith("254712345678 - ")
    (payout,) = desk.core.ledger.payouts
    assert (payout.receipt, payout.original) == (result["TransactionID"], paid.receipt)
    desk.fund()
    desk.reverse(paid.receipt)
    assert desk.result()["ResultCode"] == "R000001"
    assert len(desk.core.ledger.payouts) == 1


def test_e57_a_receipt_of_nobody_or_of_another_number_is_refused_with_a_text_code(desk: Desk) -> None:
    desk.reverse("UJE7K2M9QX")
    result = desk.result()
    assert (result["ResultCode"], result["ResultDesc"]) == ("R000002", "The OriginalTransactionID is invalid.")
    at_the_till = desk.caller.pay(500, to="5512345").payment
    desk.caller.after(60)
    desk.reverse(at_the_till.receipt)
    assert desk.result()["ResultCode"] == "R000002"
    desk.reverse(at_the_till.receipt, ReceiverParty="7654321")
    assert "Merchant Account|KES|0.00" in values(desk.result())["DebitAccountBalance"]


def test_a_part_of_a_payment_is_not_reversed_nor_what_the_shop_no_longer_has(desk: Desk) -> None:
    paid = desk.caller.pay(500).payment
    desk.caller.after(60)
    desk.reverse(paid.receipt, Amount="200")
    assert desk.result()["ResultCode"] == 25
    desk.fund(-1)
    desk.reverse(paid.receipt)
    assert desk.result()["ResultCode"] == 1


def test_e58_the_status_of_a_customers_payment_by_its_receipt(desk: Desk) -> None:
    paid = desk.caller.pay(500).payment
    desk.caller.after(60)
    desk.status(TransactionID=paid.receipt)
    result = desk.result()
    told = values(result)
    assert (told["TransactionStatus"], told["ReceiptNo"], told["Amount"]) == ("Completed", paid.receipt, 500.0)
    assert (told["ReasonType"], told["TransactionReason"]) == ("Pay Bill Online", None)
    assert told["CreditPartyName"].endswith(" ")
    assert result["TransactionID"] == "UJE0000000"
    assert result["ReferenceData"] == {"ReferenceItem": {"Key": "Occasion"}}


@pytest.mark.parametrize(
    ("spec", "fate", "has_receipt"),
    [
        ("result_lost", "Completed", True),
        ("pending", "Initiated", False),
        ("low_float", "Declined", False),
        ("queue_timeout", "Expired", False),
    ],
)
def test_e59_trap_19_code_0_says_that_the_query_worked_and_the_fate_stands_elsewhere(
    desk: Desk, spec: str, fate: str, has_receipt: bool
) -> None:
    desk.fund()
    desk.plays(spec)
    desk.b2c(OriginatorConversationID="ref-1")
    desk.caller.after(60)
    desk.plays("sandbox", questions=True)
    desk.status(OriginalConversationID="ref-1")
    result = desk.result()
    told = values(result)
    assert (result["ResultCode"], told["TransactionStatus"], told["Amount"]) == ("0", fate, "100.0")
    assert bool(told["ReceiptNo"]) == has_receipt


def test_the_status_of_a_refund_by_its_own_receipt(desk: Desk) -> None:
    desk.fund()
    desk.b2c(OriginatorConversationID="ref-1")
    receipt = desk.result()["TransactionID"]
    desk.status(TransactionID=receipt)
    told = values(desk.result())
    assert (told["OriginatorConversationID"], told["CreditPartyName"][:12]) == ("ref-1", PHONE)


def test_e60_a_query_without_a_key_ends_with_25_and_an_unknown_key_names_nothing(desk: Desk) -> None:
    desk.status()
    result = desk.result()
    assert (result["ResultCode"], result["ResultDesc"]) == (25, "The format of parameter null is invalid.")
    desk.status(OriginalConversationID="never sent")
    assert desk.result()["ResultCode"] == "R000002"


def test_e61_e62_the_balance_names_every_account_as_numbers_or_as_text(desk: Desk) -> None:
    desk.fund(18_430)
    desk.balance()
    told = values(desk.result())
    assert told["ActionType"] == "AccountBalance"
    assert "Utility Account|KES|18430.00|18430.00|0.00|0.00&Charges Paid Account|KES|0.00" in told["AccountBalance"]
    assert isinstance(told["BOCompletedTime"], int)
    desk.plays("sandbox", questions=True)
    desk.balance(PartyA="7654321")
    result = desk.result()
    assert (result["ResultType"], result["ResultCode"]) == ("0", "0")
    assert isinstance(values(result)["BOCompletedTime"], str)


def test_trap_23_version_1_has_no_id_of_ours_so_the_same_request_pays_twice(desk: Desk) -> None:
    desk.fund()
    ids = {read(desk.b2c(B2C_V1_PATH, OriginatorConversationID="ref-1"))["OriginatorConversationID"] for _ in range(2)}
    assert "ref-1" not in ids
    assert len(ids) == 2
    desk.heard()
    assert len(desk.core.ledger.payouts) == 2


def test_version_2_is_not_there(desk: Desk) -> None:
    assert desk.b2c("/mpesa/b2c/v2/paymentrequest").status == 404


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"OriginatorConversationID": None}, "OriginatorConversationID"),
        ({"InitiatorName": None}, "InitiatorName"),
        ({"SecurityCredential": ""}, "SecurityCredential"),
        ({"CommandID": "Refund"}, "CommandID"),
        ({"Amount": "10.50"}, "Amount"),
        ({"PartyB": "0712345678"}, "PartyB"),
        ({"Remarks": "x"}, "Remarks"),
        ({"ResultURL": "ftp://pay.example.co.ke"}, "ResultURL"),
        ({"QueueTimeOutURL": None}, "QueueTimeOutURL"),
        ({"Occassion": 5}, "Occassion"),
    ],
)
def test_a_bad_field_of_a_payment_is_named(desk: Desk, changes: dict[str, Any], named: str) -> None:
    refused = desk.b2c(**changes)
    assert (refused.status, read(refused)["errorMessage"]) == (400, f"Bad Request - Invalid {named}")


def test_trap_14_the_misspelt_fields_are_the_contract(desk: Desk) -> None:
    right = desk.reverse("UJE7K2M9QX", RecieverIdentifierType=None, ReceiverIdentifierType="11")
    assert read(right)["errorMessage"] == "Bad Request - Invalid RecieverIdentifierType"
    assert read(desk.status(IdentifierType="9"))["errorMessage"] == "Bad Request - Invalid IdentifierType"
    assert read(desk.balance(CommandID="Balance"))["errorMessage"] == "Bad Request - Invalid CommandID"


@pytest.mark.parametrize(("amount", "code"), [(9, 2), (250_001, 3)])
def test_amounts_outside_the_limits_fail_with_a_result(desk: Desk, amount: int, code: int) -> None:
    desk.fund(500_000)
    desk.b2c(Amount=amount)
    assert desk.result()["ResultCode"] == code


def test_only_a_number_that_can_pay_out_does_and_only_the_shops_own(desk: Desk) -> None:
    desk.b2c(PartyA=7654321)
    assert desk.result()["ResultCode"] == 2028
    desk.b2c(PartyA=600000)
    assert desk.result()["ResultCode"] == "SFC_IC0003"


@pytest.mark.parametrize(
    ("spec", "heard", "paid"),
    [
        ("result_lost", 0, 1),
        ("result_duplicated", 2, 1),
        ("contradicted", 2, 1),
        ("request_lost", 0, 0),
        ("reply_lost", 1, 1),
        ("internal_error", 0, 0),
        ("internal_error_accepted", 1, 1),
        ("gateway_timeout_accepted", 1, 1),
        ("result_late", 1, 1),
        ("pending", 0, 0),
    ],
)
def test_whatever_is_lost_on_the_way_the_ledger_says_what_was_paid(
    desk: Desk, spec: str, heard: int, paid: int
) -> None:
    desk.fund()
    desk.plays(spec)
    desk.b2c()
    assert (len(desk.heard(seconds=7200)), len(desk.core.ledger.payouts)) == (heard, paid)


def test_a_result_may_come_before_the_reply(desk: Desk) -> None:
    desk.fund()
    desk.plays("result_before_reply")
    assert [callback.kind for callback in desk.b2c().first] == ["result"]


def test_a_result_can_lie_about_amount_and_receiver_while_the_ledger_does_not(desk: Desk) -> None:
    desk.fund()
    desk.plays("other_amount+other_receiver")
    desk.b2c()
    told = values(desk.result())
    assert (told["TransactionAmount"], told["ReceiverPartyPublicName"][:12]) == (101, "254799999999")
    assert desk.core.ledger.payouts[0].payee == PHONE


def test_an_old_result_has_no_parameters_at_all(desk: Desk) -> None:
    desk.fund()
    desk.plays("bare")
    desk.b2c()
    result = desk.result()
    assert "ResultParameters" not in result
    assert result["TransactionID"] == desk.core.ledger.payouts[0].receipt


def test_every_preset_ends_without_an_error(desk: Desk) -> None:
    desk.fund(100_000)
    for name in PRESETS:
        desk.plays(name)
        desk.b2c()
        desk.heard()
    assert desk.core.ledger.total() == 0
    assert desk.core.ledger.balance(shop("174379")) == 100_000 - 100 * len(desk.core.ledger.payouts)


def test_a_request_without_a_token_is_refused_before_anything_is_looked_at(desk: Desk) -> None:
    desk.caller.bearer = "stale"
    assert desk.b2c().status == 404
    assert desk.core.initiator.operations.all == []


@pytest.mark.parametrize(("amount", "charge"), [(100, 0), (101, 5), (1_501, 9), (5_001, 11), (250_000, 13)])
def test_a_payment_to_a_customer_costs_what_the_tariff_says(amount: int, charge: int) -> None:
    assert b2c_charge(amount) == charge
