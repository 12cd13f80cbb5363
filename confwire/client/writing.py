"""Objects as a client creates, changes and deletes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confwire.client.requesting import Requests, Written
from confwire.codec import decode_document
from confwire.messages import (
    CreateObject,
    DeleteObject,
    ObjectCreated,
    ObjectDeleted,
    ObjectUpdated,
    UpdateObject,
)


class Writes:
    """What a client writes."""

    _requests: Requests

    async def create(
        self,
        object_type: str,
        document: Mapping[str, Any],
        *,
        folder: int = 0,
        request_id: str = "",
    ) -> Written:
        """Create an object; folder 0 is the default folder of its type and tenant.

        A write whose link is lost is sent again on the next one, and carried out once.

        Args:
            request_id: that of an earlier write whose outcome is unknown, to make it again.

        Raises:
            OutcomeUnknown: no answer came in time; the error has the request_id.
            RequestError: refused; the class says why.
        """
        request = CreateObject(
            ref=0,
            object_type=object_type,
            object=dict(document),
            folder_dbid=folder,
            request_id=request_id,
        )
        answer = await self._requests.write(request, ObjectCreated)
        gone = bytes(answer.object) == b"null"  # deleted by somebody before the answer was made
        made = None if gone else decode_document(answer.object)
        told = tuple(answer.warnings)
        return Written(answer.dbid, answer.revision, made, answer.epoch, told)

    async def update(
        self, object_type: str, dbid: int, delta: Mapping[str, Any], *, request_id: str = ""
    ) -> Written:
        """Change an object by a delta; takes `request_id` and raises as `create`."""
        request = UpdateObject(
            ref=0, object_type=object_type, dbid=dbid, delta=dict(delta), request_id=request_id
        )
        answer = await self._requests.write(request, ObjectUpdated)
        told = tuple(answer.warnings)
        return Written(
            answer.dbid,
            answer.revision,
            epoch=answer.epoch,
            warnings=told,
            unchanged=answer.unchanged,
        )

    async def delete(self, object_type: str, dbid: int, *, request_id: str = "") -> Written:
        """Delete an object; takes `request_id` and raises as `create`."""
        request = DeleteObject(ref=0, object_type=object_type, dbid=dbid, request_id=request_id)
        answer = await self._requests.write(request, ObjectDeleted)
        return Written(answer.dbid, answer.revision, epoch=answer.epoch)
