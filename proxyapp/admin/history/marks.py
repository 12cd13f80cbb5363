"""The place where a page of the past goes on, sealed for an address.

It may be that of an object that the reader may not see, so that nobody can read it there.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from historylog import forms
from proxyapp.models.door import Key

_PURPOSE = b"csproxy places of the past"


def mark_of(key: Key | None) -> str:
    """Return the mark of a place, (type, DBID); empty for none."""
    return _seal().encrypt(b"%d.%d" % key).decode() if key is not None else ""


def key_at(mark: str) -> Key | None:
    """Return the place of a mark; None if it is none that this site has made."""
    try:
        place = forms.change_at(_seal().decrypt(mark.encode()).decode())
    except InvalidToken:
        return None
    return (place.revision, place.seq) if place is not None else None


def _seal() -> Fernet:
    key = hashlib.sha256(_PURPOSE + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
