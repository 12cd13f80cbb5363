"""The history in the administration: searches, the past of objects, reverting, who has what."""

from __future__ import annotations

from proxyapp.admin.history import objects, past, reverts, search, transactions

__all__ = ["objects", "past", "reverts", "search", "transactions"]
