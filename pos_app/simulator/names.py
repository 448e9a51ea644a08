"""Who customers are: a name for every phone, always the same one, and the ways Safaricom hides the phone.

It must not know what they buy.
"""

import hashlib

_FIRST = ("JOHN", "AMINA", "PETER", "GRACE", "OTIENO", "WANJIKU", "KIPCHOGE", "NJERI", "HASSAN", "ATIENO")
_MIDDLE = ("KAMAU", "ACHIENG", "MWANGI", "WAIRIMU", "KIPTOO", "ABDI", "NYAMBURA")
_LAST = ("DOE", "OUMA", "KARIUKI", "CHEBET", "YUSUF", "MUTUA", "WEKESA")


def first_name(phone: str) -> str:
    return _FIRST[int(phone) % len(_FIRST)]


def middle_name(phone: str) -> str:
    return _MIDDLE[int(phone) % len(_MIDDLE)]


def last_name(phone: str) -> str:
    return _LAST[int(phone) % len(_LAST)]


def masked(phone: str) -> str:
    """Spaces and five stars (§2.6)."""
    return f"{phone[:4]} ***** {phone[-3:]}"


def hashed(phone: str) -> str:
    return hashlib.sha256(phone.encode()).hexdigest()


def hashed_starred(phone: str) -> str:
    """Seen in version 1: the stars of the mask inside the hash (§2.6)."""
    text = hashed(phone)
    return f"{text[:29]}*****{text[34:]}"
