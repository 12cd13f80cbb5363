"""What all messages have: a name, and the ref by which answers find their requests."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

SUBPROTOCOL = "confwire.1"
RELEASE = "1.0.0"
"""The release of this server and client; servers of one environment run the same."""

Ref = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(max_length=64)]
"""What a client tells its requests apart by."""


def _tag(name: str) -> str:
    return name[0].lower() + name[1:]


class Message(Struct, tag=_tag, tag_field="message", rename="camel", omit_defaults=True, gc=False):
    """Any message; the tag is its class name in lower camel case."""


class Request(Message):
    """A message that is answered; `ref` comes back in the answer."""

    ref: Ref


class Answer(Message, kw_only=True):
    """An answer bears the epoch and the revision of the data that it was made from."""

    ref: Ref
    epoch: str
    revision: int


class Cursor(Struct, rename="camel", omit_defaults=True, frozen=True):
    """A place in the history of the data: all up to `revision` of `epoch` was seen."""

    epoch: str
    revision: int
    hash: str = ""
    """The change hash at the revision; servers send it to prove that they share a history."""


class Error(Message, kw_only=True):
    """Server: a request (or, without `ref`, the opening or the last message) was refused."""

    ref: int | str | None = None
    code: str
    text: str
    data: dict[str, Any] = {}
    permanent: bool = True
