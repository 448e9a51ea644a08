"""The pairing as the till keeps it: names in the settings file, secrets under a name of their own; it asks no relay.

The file’s rename is the switch: before it the next start finds the old pairing whole, after it the new one.
"""

import json
import secrets as chance
from contextlib import suppress
from typing import Any

from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.settings.file import SettingsFile
from pos_app.settings.secrets import Secrets, SecretsError
from pos_app.settings.values import Settings

_SECRET = ("token", "callback_base", "nonce_key")


def identity_from(settings: Settings, till_name: str) -> TillIdentity:
    """A device is named when it first pairs; with other records it is another device."""
    return TillIdentity(
        device=settings.relay_device or chance.token_hex(16),
        name=till_name,
        till_code=settings.code_in_force,
        shop=settings.relay_shop,
        stream=settings.relay_stream,
    )


def keep_pairing(file: SettingsFile, secrets: Secrets, till: TillIdentity, pairing: Pairing) -> Settings:
    """Blocking. Raises SecretsError or OSError, and then the old pairing holds."""
    replaced, generation = file.in_force.relay_generation, chance.token_hex(4)
    secrets.set(_entry(generation), json.dumps({name: getattr(pairing, name) for name in _SECRET}))
    settings = file.change(
        relay_url=pairing.relay_url,
        relay_shop=pairing.shop,
        relay_stream=pairing.stream,
        relay_till_id=pairing.till_id,
        relay_till_name=till.name,
        relay_till_code=pairing.till_code,
        relay_device=till.device,
        relay_generation=generation,
    )
    if replaced:
        with suppress(SecretsError):  # what stays behind opens nothing any more
            secrets.forget(_entry(replaced))
    return settings


def pairing_from(settings: Settings, secrets: Secrets) -> Pairing | None:
    """None until this till is paired with its relay. Raises SecretsError."""
    kept = _parts(secrets.get(_entry(settings.relay_generation))) if settings.is_paired else None
    if kept is None:
        return None
    return Pairing(
        relay_url=settings.relay_url,
        shop=settings.relay_shop,
        stream=settings.relay_stream,
        till_id=settings.relay_till_id,
        till_code=settings.relay_till_code,
        **kept,
    )


def _entry(generation: str) -> str:
    return f"pairing.{generation}"


def _parts(stored: str) -> dict[str, Any] | None:
    try:
        found = json.loads(stored or "null")
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) and found[name] for name in _SECRET):
        return None
    return {name: found[name] for name in _SECRET}
