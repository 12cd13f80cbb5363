"""What the operators of a server may ask of it: to send sessions away, or to hand over."""

from __future__ import annotations

from confwire.client.requesting import Requests
from confwire.messages import (
    Disconnect,
    Drain,
    SessionsSentAway,
    Shed,
    SwitchedOver,
    SwitchOver,
)


class Operations:
    """What a client asks of sessions of others; for who may change the server's Application."""

    _requests: Requests

    async def drain(self) -> int:
        """Send all clients of the server elsewhere, then end it; return how many there are."""
        return (await self._requests.order(Drain(ref=0), SessionsSentAway)).count

    async def shed(self, percent: int) -> int:
        """Send a part of the server's clients elsewhere; return how many."""
        return (await self._requests.order(Shed(ref=0, percent=percent), SessionsSentAway)).count

    async def disconnect(self, session: str) -> None:
        """End the session of this id."""
        await self._requests.order(Disconnect(ref=0, session=session), SessionsSentAway)

    async def switch_over(self) -> SwitchedOver:
        """Let the backup of the server's pair lead.

        This session goes on there, as all others do.

        Raises:
            NoPermission, NoBackup: why that is not done.
        """
        return await self._requests.order(SwitchOver(ref=0), SwitchedOver)
