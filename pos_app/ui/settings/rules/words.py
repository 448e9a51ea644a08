"""The sentences of the page with the rules for payments; it decides nothing."""

from pos_app.services.changes import RulesChanged, RulesStanding
from pos_app.settings import Settings

TITLE = "Payments let in"
ABOUT = (
    "M-Pesa can ask before it takes a customer’s money; this is the only moment at which a payment can be refused. The "
    "relay answers by these rules, for all tills of the shop. M-Pesa asks only once external validation is switched on "
    "for your number: write to apisupport@safaricom.co.ke."
)
MINIMUM, MAXIMUM = "Smallest amount", "Largest amount"
AMOUNT_HINT = "In shillings. Empty for no limit."
ACCOUNTS = "Account numbers"
ACCOUNT_CHOICES = (("any", "Let in any account"), ("listed", "Only those listed"))
ACCOUNTS_HINT = "As customers type them, one on a line. Spaces, dashes and capital letters make no difference."
NO_ACCOUNTS = "Customers of a till (Buy Goods) type no account number, so a list would refuse everybody."
CLOSED = "Closed hours"
CLOSED_HINT = "No payment is let in then, by the clock in Nairobi. For example 22:00-06:00, 13:00-14:00."
DEFAULT = "What cannot be judged"
DEFAULTS = (("accept", "Let it in"), ("reject", "Refuse it"))
DEFAULT_HINT = "A message that cannot be read; and, where the tills are asked, silence for three seconds."
ASK = "Ask the tills before a payment is let in"
ASK_LABEL = "Tills"
ASK_HINT = (
    "A till that is on lets in what these rules allow, and also the account number of a sale that is open on it. "
    "The customer waits for the answer, three seconds at most."
)
APPLY, APPLYING, UNDO = "Put in force", "Saving …", "Undo"
UNSAVED = "● These changes are not in force yet."

_STANDINGS = {
    RulesStanding.UNKNOWN: "? The relay has not been asked yet; it answers by the rules that it has.",
    RulesStanding.IN_FORCE: "✓ In force: the relay has these rules.",
    RulesStanding.WAITING: "… Kept on this till. The relay gets them as soon as it can be reached; until then it "
    "answers by the rules that it has.",
    RulesStanding.UNREADABLE: "! The relay has rules from another till that this till cannot read. They are in force; "
    "what you put in force here takes their place.",
}
CANNOT_SAVE = "The rules could not be kept. The old ones stay in force. Try again."


def standing(told: RulesChanged) -> str:
    return f"! {told.trouble}" if told.standing is RulesStanding.REFUSED else _STANDINGS[told.standing]


def blocked(settings: Settings) -> str:
    return "" if settings.is_paired else "Pair this till under Relay first: the relay is who answers M-Pesa."
