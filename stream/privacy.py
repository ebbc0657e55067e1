"""What is private in a dispense, made unreadable before it goes into the log.

A patient becomes a pseudonym (HMAC-SHA-256), the same for the same id as long as the year's key
lives, so records of one patient stay linked to each other. Prescription, prescriber and note are
sealed (AES-256-GCM), each bound to its event, so that a sealed text moved elsewhere doesn't open.
Once a year's keys are destroyed, pseudonyms lead to nobody and what is sealed stays sealed.
"""

import hmac
import os
import re
import unicodedata
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stream.errors import Corrupt

NONCE_BYTES: Final = 12
# These schemes' numbers are written with or without separators; other ids mean what they show.
_DIGIT_SCHEMES: Final = frozenset(("abha", "aadhaar", "mobile"))


@dataclass(frozen=True, slots=True)
class YearKeys:
    """The keys of one state and one IST year.

    Nonces are random: safe for some 2³² sealed texts a key, about ten years of Rajasthan.
    """

    key_id: str
    pseudonym_key: bytes = field(repr=False)
    seal_key: bytes = field(repr=False)

    def pseudonym(self, scheme: str, patient_id: str) -> str:
        scheme = scheme.casefold()
        patient_id = _normalise(patient_id)
        if scheme in _DIGIT_SCHEMES:
            patient_id = re.sub(r"[ -]", "", patient_id)
        return self._keyed("patient", scheme, patient_id)

    def prescription_hash(self, prescription_ref: str) -> str:
        return self._keyed("prescription", _normalise(prescription_ref))

    def seal(self, text: str, *, facility_id: str, event_id: str, name: str) -> dict[str, str]:
        """`name` is the field's; the three together are what the sealed text is bound to."""
        nonce = os.urandom(NONCE_BYTES)
        bound = _bound(facility_id, event_id, name)
        sealed = nonce + AESGCM(self.seal_key).encrypt(nonce, text.encode(), bound)
        return {"key_id": self.key_id, "sealed": b64encode(sealed).decode()}

    def unseal(self, sealed: str, *, facility_id: str, event_id: str, name: str) -> str:
        """Raises Corrupt where the text was changed, or belongs to another event or key."""
        bound = _bound(facility_id, event_id, name)
        try:
            raw = b64decode(sealed)
            text = AESGCM(self.seal_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise Corrupt(f"the sealed {name} of event {event_id} does not open") from None
        return text.decode()

    def _keyed(self, *parts: str) -> str:
        # a JSON array, so that no two lists of parts read the same
        digest = hmac.digest(self.pseudonym_key, orjson.dumps(parts), "sha256")
        return f"{self.key_id}:{digest.hex()}"


def seal_private(
    private: dict[str, Any], *, facility_id: str, event_id: str, keys: YearKeys
) -> dict[str, Any]:
    """The logged form of the private fields `patient, prescription_ref, prescriber, note`."""
    logged: dict[str, Any] = {}
    if patient := private.get("patient"):
        logged["patient_pseudonym"] = keys.pseudonym(patient["scheme"], patient["id"])
    if reference := private.get("prescription_ref"):
        logged["prescription_hash"] = keys.prescription_hash(reference)
    for name in ("prescription_ref", "prescriber", "note"):
        if clear := private.get(name):
            text = clear if isinstance(clear, str) else orjson.dumps(clear).decode()
            logged[name] = keys.seal(text, facility_id=facility_id, event_id=event_id, name=name)
    return logged


def _bound(facility_id: str, event_id: str, name: str) -> bytes:
    return f"{facility_id}|{event_id}|{name}".encode()


def _normalise(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()
