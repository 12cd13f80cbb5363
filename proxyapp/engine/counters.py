"""What sessions have asked of a server since it started: numbers for status and tests.

Plain data; whoever does the thing counts it.
"""

from __future__ import annotations

from msgspec import Struct


class Counters(Struct, gc=False):
    """Each grows by one for each."""

    logins: int = 0
    """Sessions of clients that opened by a password, a secret or a ticket."""
    resumes: int = 0
    """Sessions that went on by their tokens."""
    registrations: int = 0
    """Requests to be notified."""
    reads: int = 0
    """Requests to read."""
    refusals: int = 0
    """Openings that were refused."""
    notifications: int = 0
    """Notifications of changes as they came about, each counted for each receiver."""
    writes: int = 0
    """Writes that were carried out in the database."""
    rejections: int = 0
    """Writes that were not, for whatever reason."""
