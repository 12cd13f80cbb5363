"""Log in to the web with the password whose verifier the configuration holds."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from confwire.errors import InvalidParameter
from confwire.handshake import make_verifier
from proxyapp.models import Person


class InternalBackend(BaseBackend):
    """Checks the same verifier that the wire does; there is no second hash of a password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> Person | None:
        """Return the person whose user name and password these are."""
        if not username or not password:
            return None
        try:
            person = Person.objects.get_by_natural_key(username)
        except Person.DoesNotExist:
            person = None
        try:
            if person is not None and person.is_active and person.has_usable_password():
                return person if person.check_password(password) else None
            # As slow as a check, so that the time does not tell which user names exist.
            make_verifier(password, secrets.token_bytes(16), settings.SCRAM_ITERATIONS)
        except InvalidParameter:
            pass  # no account has a password with such characters
        return None

    def get_user(self, user_id: int) -> Person | None:
        """Return the person of a session, unless it was disabled."""
        person = Person.objects.filter(pk=user_id).first()
        return person if person is not None and person.is_active else None
