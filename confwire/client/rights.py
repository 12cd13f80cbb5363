"""Rights on objects as a client asks for them, sets them, and is told when they change."""

from __future__ import annotations

from collections.abc import Sequence

from confwire.client.requesting import Requests, Written
from confwire.client.rightswatch import RightsWatch, RightsWatches
from confwire.messages import (
    ObjectId,
    Permission,
    PermissionsRead,
    PermissionsUpdated,
    ReadPermissions,
    UpdatePermissions,
)


class Rights:
    """What a client asks and is told of rights."""

    _requests: Requests
    _rights: RightsWatches
    _timeout: float

    async def permissions(self, object_type: str, dbid: int, *, person: int = 0) -> PermissionsRead:
        """Return the grants on an object, and the rights of a person on it with their reasons.

        Args:
            person: DBID; 0 for nobody. One's own rights may always be asked for.

        Raises:
            NoPermission: the right to read permissions is missing.
        """
        request = ReadPermissions(ref=0, object_type=object_type, dbid=dbid, person_dbid=person)
        return await self._requests.ask(request, PermissionsRead)

    async def set_permissions(
        self,
        object_type: str,
        dbid: int,
        permissions: Sequence[Permission],
        *,
        recursive: bool = False,
        request_id: str = "",
    ) -> Written:
        """Let these be all grants on an object; raises as `create`.

        Args:
            recursive: take the grants off that are on what lies in it.
        """
        request = UpdatePermissions(
            ref=0,
            object_type=object_type,
            dbid=dbid,
            permissions=list(permissions),
            recursive=recursive,
            request_id=request_id,
        )
        answer = await self._requests.write(request, PermissionsUpdated)
        return Written(answer.dbid, answer.revision, epoch=answer.epoch)

    async def watch_permissions(self, objects: Sequence[ObjectId]) -> RightsWatch:
        """Be told of the session's rights on objects, and of the grants on them where it may be.

        The first change brings them as they are, each further one what is other than before;
        also over lost connections. An object that may not be read has the rights 0, as one that
        does not exist, and is told of once it can be read.

        Args:
            objects: all watches of a client together may have 100.

        Raises:
            LocalProtocolError: they would have more; use another client.
            RequestError: the server refused it, such as for a type that it does not know.
            NoAnswer, ClientClosed: no server answered.
        """
        watch = RightsWatch(objects, self._rights.remove)
        self._rights.add(watch)
        await watch.settle(self._timeout, "the watch of rights")
        return watch
