"""Messages to JSON bytes and back, and every way in which bytes can be no message.

Pure. It knows the shapes of messages, not what they mean: whether a type or a filter key exists,
or whether a request may be sent now, is for others to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from confwire.errors import (
    InvalidParameter,
    LocalProtocolError,
    MalformedMessage,
    RequestError,
    UnknownMessage,
)
from confwire.messages import (
    ClientMessage,
    CreateObject,
    DeleteObject,
    Message,
    Open,
    RegisterNotification,
    ServerMessage,
    UpdateObject,
)

MAX_DEPTH = 32
"""Levels of nesting that an object or a delta may have; known objects need six."""

_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_encoder = msgspec.json.Encoder()

decode_unchecked = _client_decoder.decode
"""Decode a client's message without a word on what is wrong with it (ValueError, RecursionError).

Only for messages without checks of their own, as reads are; anything else goes by `decode_client`.
"""

_PLACE = re.compile(r"(?P<text>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")


def decode_client(data: bytes | memoryview) -> ClientMessage:
    """Return the message that a client sent.

    Raises:
        MalformedMessage: not JSON, or not an object with a message name.
        UnknownMessage: the name is not one of a client's messages.
        InvalidParameter: a parameter is missing or of a wrong type; the text names it.
        Each bears the `ref` of the message, where that can be told.
    """
    try:
        message = _client_decoder.decode(data)
        check = _CHECKS.get(type(message))
        if check is not None:
            check(message, data)
    except (ValueError, RecursionError) as error:
        _refuse(bytes(data), error)
    except RequestError as error:
        error.ref = getattr(message, "ref", None)
        raise
    return message


def decode_server(data: bytes | memoryview) -> ServerMessage:
    """Return the message that a server sent.

    Raises:
        MalformedMessage, UnknownMessage, InvalidParameter: as `decode_client`.
    """
    try:
        return _server_decoder.decode(data)
    except (ValueError, RecursionError) as error:
        _refuse(bytes(data), error)


def decode_document(data: bytes | memoryview | msgspec.Raw) -> dict[str, Any]:
    """Return an object's document (or a delta) out of the bytes of a message.

    Raises:
        MalformedMessage: it is not a JSON object.
    """
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise MalformedMessage("a document is not a JSON object") from None


def encode(message: Message) -> bytes:
    """Return a message as JSON.

    Raises:
        LocalProtocolError: a value has no form in JSON.
    """
    try:
        return _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise LocalProtocolError(f"the message cannot be written as JSON: {error}") from None


def _refuse(data: bytes, error: Exception) -> NoReturn:
    refusal = _refusal_of(data, error)
    raise refusal from None


def _refusal_of(data: bytes, error: Exception) -> RequestError:
    """Turn the decoder's complaint into an error of the wire, keeping the ref if it is there."""
    if isinstance(error, RecursionError):
        return MalformedMessage("the message is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return MalformedMessage("the message is not valid UTF-8")
    if not isinstance(error, msgspec.ValidationError):
        return MalformedMessage(f"the message is not JSON: {_complaint(error)}")
    try:
        head = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        # Wrong in type first and in syntax behind it: what follows cannot be trusted, nor the ref.
        return MalformedMessage(f"the message is not JSON: {_complaint(error)}")
    if not isinstance(head, dict) or not isinstance(head.get("message"), str):
        return MalformedMessage('a message is a JSON object with a text "message"')
    refusal = _refusal_of_parameter(head["message"], str(error))
    refusal.ref = _ref_of(head)
    return refusal


def _refusal_of_parameter(name: str, complaint: str) -> RequestError:
    found = _PLACE.fullmatch(complaint)
    assert found is not None, complaint
    text, path = found["text"], found["path"] or ""
    if path == "message":
        return UnknownMessage(f"there is no message {name[:64]!r}")
    missing = _MISSING.fullmatch(text)
    if missing is not None:
        return InvalidParameter(f"{path + '.' if path else ''}{missing['name']}: is missing")
    return InvalidParameter(f"{path or name}: {text[:1].lower()}{text[1:]}")


def _complaint(error: Exception) -> str:
    text = str(error).removeprefix("JSON is malformed: ")
    return text[:1].lower() + text[1:]


def _ref_of(head: dict[str, Any]) -> int | str | None:
    ref = head.get("ref")
    return ref if isinstance(ref, int | str) and not isinstance(ref, bool) else None


# What msgspec lets pass, and a database or a reader would trip over.


def _check_names(*names: str) -> Callable[[Any, bytes | memoryview], None]:
    def check(message: Any, data: bytes | memoryview) -> None:
        for name in names:
            _check_text(getattr(message, name), name)

    return check


def _check_subscriptions(message: RegisterNotification, data: bytes | memoryview) -> None:
    for index, subscription in enumerate(message.subscriptions):
        _check_text(subscription.name, f"subscriptions[{index}].name")


def _check_write(message: Any, data: bytes | memoryview) -> None:
    # The decoder keeps the last of two equal keys; which one was meant is not ours to guess.
    for name, value in json.loads(bytes(data), object_pairs_hook=_unique).items():
        _check_value(value, name, 0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidParameter(f"{twice[:64]}: is given twice in one object")
    return found


def _check_value(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidParameter(f"{path[:256]}: is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise InvalidParameter(f"{path}: the number does not fit 64 bits")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, path)
            _check_value(inner, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_value(inner, f"{path}[{index}]", depth + 1)


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        raise InvalidParameter(f"{path}: the NUL character is not allowed")


_CHECKS: dict[type, Callable[[Any, bytes | memoryview], None]] = {
    Open: _check_names("application", "user"),
    RegisterNotification: _check_subscriptions,
    CreateObject: _check_write,
    UpdateObject: _check_write,
    DeleteObject: _check_write,
}
