"""What the customer display says, in English and Swahili side by side: pure words."""

from pos_app.ui.customer_display.state import Scene

Both = tuple[str, str]

WELCOME: Both = ("Welcome", "Karibu")
TOTAL: Both = ("Total", "Jumla")
PAY_TO: Both = ("Pay by M-Pesa to", "Lipa kwa M-Pesa")
ACCOUNT: Both = ("Account", "Akaunti")
SCAN_TO_PAY: Both = ("Scan with the M-Pesa app", "Skani kwa M-Pesa app")
SCAN_TO_READ: Both = ("Scan for the number", "Skani upate nambari")
PAID: Both = ("PAID", "IMELIPWA")
THANKS: Both = ("Thank you", "Asante")
CHANGE: Both = ("Change", "Chenji")
PRACTICE: Both = ("TRAINING: do not pay", "MAZOEZI: usilipe")

MESSAGES: dict[Scene, tuple[str, Both, Both]] = {
    Scene.PHONE: (
        "phone",
        ("Check your phone", "Angalia simu yako"),
        ("Enter your M-Pesa PIN", "Weka PIN yako ya M-Pesa"),
    ),
    Scene.CHECKING: (
        "question",
        ("Checking with M-Pesa", "Tunahakikisha na M-Pesa"),
        ("Please wait, do not pay again", "Tafadhali subiri, usilipe tena"),
    ),
    Scene.ASK: ("exclamation", ("Please ask the cashier", "Tafadhali muulize mhudumu"), ("", "")),
}
"""The sign, what is said, and what to do."""


def together(both: Both) -> str:
    return "  ·  ".join(filter(None, both))


def thanks(first_name: str) -> str:
    return together((", ".join(filter(None, (THANKS[0], first_name))), THANKS[1]))
