"""Every error and close code of the wire, in one tree.

    WireError
    ├── LocalProtocolError      this side was about to break the protocol
    ├── RemoteProtocolError     the other side broke it; carries the close code
    └── RequestError            a request was refused; carries a code of `ERRORS`
        └── one class per code

The class docstring is the default text. A code that two classes claim is an import error.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar


class CloseCode(IntEnum):
    """Why a connection was closed (RFC 6455 section 7.4; 4000-4999 are ours)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    OPENING_TIMEOUT = 4000
    REFUSED = 4001
    MALFORMED_OPENING = 4002
    TAKEN_OVER = 4003
    KEEP_ALIVE_LOST = 4004
    TOO_SLOW = 4005
    RIGHTS_WITHDRAWN = 4006
    NOT_SERVING = 4007
    RELOAD = 4008
    DRAINING = 4009
    SHED = 4010
    DISCONNECTED = 4011
    BUSY = 4012


CLOSE_ACTIONS: dict[CloseCode, tuple[str, str]] = {
    CloseCode.NORMAL: ("either side is done", "nothing"),
    CloseCode.GOING_AWAY: ("the server stops", "connect elsewhere or again, with back-off"),
    CloseCode.PROTOCOL_ERROR: ("the WebSocket rules were broken", "mend the client"),
    CloseCode.UNSUPPORTED_DATA: ("a binary frame came", "send text frames only"),
    CloseCode.INVALID_TEXT: ("a text frame was not UTF-8", "mend the client"),
    CloseCode.MESSAGE_TOO_BIG: ("a message was over the limit", "send smaller messages"),
    CloseCode.INTERNAL_ERROR: ("the server failed on this session", "connect again"),
    CloseCode.OPENING_TIMEOUT: ("no login within the time limit", "connect and open at once"),
    CloseCode.REFUSED: ("the opening was refused; an error came before", "read the error's code"),
    CloseCode.MALFORMED_OPENING: ("the first message was no opening", "mend the client"),
    CloseCode.TAKEN_OVER: ("the session goes on on another connection", "log in anew, by no token"),
    CloseCode.KEEP_ALIVE_LOST: ("nothing was heard for too long", "connect again and resume"),
    CloseCode.TOO_SLOW: ("unread data outlived its time", "connect again and resume"),
    CloseCode.RIGHTS_WITHDRAWN: ("account or application may no longer log in", "log in anew"),
    CloseCode.NOT_SERVING: ("the server has no data yet or is no primary", "connect elsewhere"),
    CloseCode.RELOAD: ("the data was replaced by another epoch", "connect again, read anew"),
    CloseCode.DRAINING: ("the server is about to stop", "go where `draining` said, and resume"),
    CloseCode.SHED: ("the server has too many sessions", "go where `draining` said, and resume"),
    CloseCode.DISCONNECTED: ("a person ended this session", "connect again, with back-off"),
    CloseCode.BUSY: ("too many log in at once", "connect again, with back-off"),
}
"""Close code -> (what happened, what a client should do)."""


class WireError(Exception):
    """The root of all errors of the wire."""


class LocalProtocolError(WireError):
    """This side used the protocol wrongly."""


class RemoteProtocolError(WireError):
    """The other side broke the protocol."""

    def __init__(self, text: str, close_code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(text)
        self.close_code = close_code


class RequestError(WireError):
    """A request was refused."""

    code: ClassVar[str] = "requestError"
    permanent: bool = True
    """Whether the same request would be refused again however long one waits."""

    def __init__(self, text: str = "", **data: Any) -> None:
        super().__init__(text or (self.__doc__ or "").strip())
        self.text = str(self)
        self.data = data
        self.ref: int | str | None = None
        """The `ref` of the refused request, where it is known."""

    def __init_subclass__(cls, code: str, permanent: bool = True) -> None:
        if code in ERRORS:
            raise TypeError(f"error code {code} is claimed by {ERRORS[code]} and {cls}")
        cls.code = code
        cls.permanent = permanent
        ERRORS[code] = cls


ERRORS: dict[str, type[RequestError]] = {}
"""Code -> class: the one table of error codes."""


def error_of(code: str, text: str, data: dict[str, Any]) -> RequestError:
    """Rebuild the error that the other side sent; an unknown code gives the base class."""
    return ERRORS.get(code, RequestError)(text, **data)


class MalformedMessage(RequestError, code="malformedMessage"):
    """the message is not JSON of a known form"""


class UnknownMessage(RequestError, code="unknownMessage"):
    """there is no such message"""


class InvalidParameter(RequestError, code="invalidParameter"):
    """a parameter has a value that is not allowed"""


class UnknownFilterKey(RequestError, code="unknownFilterKey"):
    """the object type has no such filter key"""


class NotOpen(RequestError, code="notOpen"):
    """the session is not open: send an opening first"""


class AlreadyOpen(RequestError, code="alreadyOpen"):
    """the session is open already"""


class ObjectNotFound(RequestError, code="objectNotFound"):
    """there is no such object, or it may not be read"""


class UniquenessViolation(RequestError, code="uniquenessViolation"):
    """an object with this name or number exists"""


class IncompleteObjectData(RequestError, code="incompleteObjectData"):
    """mandatory properties are missing"""


class UnchangeableProperty(RequestError, code="unchangeableProperty"):
    """a property cannot be changed after creation"""


class DependencyViolation(RequestError, code="dependencyViolation"):
    """other objects refer to this one"""


class ProtectedObject(RequestError, code="protectedObject"):
    """this object is needed by the system itself"""


class NoPermission(RequestError, code="noPermission"):
    """the account lacks the right for this"""


class AuthenticationFailed(RequestError, code="authenticationFailed"):
    """user name or password is wrong"""


class AuthenticationUnavailable(RequestError, code="authenticationUnavailable", permanent=False):
    """what checks this account cannot be reached now"""


class AccountLocked(RequestError, code="accountLocked", permanent=False):
    """the account is locked after too many failed logins"""


class AccountExpired(RequestError, code="accountExpired"):
    """the account was not used for too long"""


class TooManyAttempts(RequestError, code="tooManyAttempts", permanent=False):
    """too many logins have failed: wait before the next one"""


class TooManySessions(RequestError, code="tooManySessions", permanent=False):
    """the account has as many sessions as it may have"""


class PasswordChangeRequired(RequestError, code="passwordChangeRequired"):
    """the password must be changed first: send changePassword"""


class PasswordRefused(RequestError, code="passwordRefused"):
    """the new password does not meet the rules"""


class PasswordInClear(RequestError, code="passwordInClear"):
    """a password crosses TLS or loopback only: use SCRAM-SHA-256, or a secured port"""


class SecretInClear(RequestError, code="secretInClear"):
    """a secret crosses TLS or loopback only: use a secured port"""


class SecretsUnavailable(RequestError, code="secretsUnavailable", permanent=False):
    """this server does not have the key of a secret"""


class AccountDisabled(RequestError, code="accountDisabled"):
    """the account is disabled"""


class ApplicationUnknown(RequestError, code="applicationUnknown"):
    """there is no application of this name that the account may use"""


class ApplicationDisabled(RequestError, code="applicationDisabled"):
    """the application is disabled: enable it in the administration"""


class ApplicationTypeMismatch(RequestError, code="applicationTypeMismatch"):
    """the application is of another type"""


class ApplicationInUse(RequestError, code="applicationInUse", permanent=False):
    """the application has a session already: a daemon may have one at a time"""


class PortDedicated(RequestError, code="portDedicated"):
    """this port is for client user interface applications only: connect to another one"""


class ReleaseMismatch(RequestError, code="releaseMismatch"):
    """the servers are of different releases"""


class NotMaster(RequestError, code="notMaster"):
    """this server is itself a proxy: connect the proxy to the master"""


class AccountMismatch(RequestError, code="accountMismatch"):
    """a proxy must log on as Environment\\default"""


class InsecureLink(RequestError, code="insecureLink"):
    """a server link needs TLS or loopback"""


class ReadOnlyServer(RequestError, code="readOnlyServer"):
    """this server takes no writes: write to the master"""


class TooManyWrites(RequestError, code="tooManyWrites", permanent=False):
    """the session writes too often: write more slowly"""


class MasterUnavailable(RequestError, code="masterUnavailable", permanent=False):
    """the master cannot be reached now"""


class DatabaseUnavailable(RequestError, code="databaseUnavailable", permanent=False):
    """the configuration database cannot be reached now"""


class TokenRefused(RequestError, code="tokenRefused"):
    """the resume token does not count here: log in"""


class RequestExpired(RequestError, code="requestExpired", permanent=False):
    """the request has waited for too long and was not begun"""


class NotReady(RequestError, code="notReady", permanent=False):
    """the server has no data yet"""


class NotFresh(RequestError, code="notFresh", permanent=False):
    """the server's data is older than was asked for"""


class NoBackup(RequestError, code="noBackup", permanent=False):
    """the server has no backup that could lead now"""


class Compacted(RequestError, code="compacted"):
    """the journal does not go back that far: read anew"""


class EpochChanged(RequestError, code="epochChanged"):
    """the data was replaced by another epoch: read anew"""


class HistoryExpired(RequestError, code="historyExpired"):
    """History Log has expired: read anew"""


class ReadInterrupted(RequestError, code="readInterrupted", permanent=False):
    """rights or folders changed while the answer was being sent: read again"""


class UnknownSubscription(RequestError, code="unknownSubscription"):
    """there is no subscription of this name"""


class TooManySubscriptions(RequestError, code="tooManySubscriptions"):
    """the session has as many subscriptions as it may have"""


class InternalError(RequestError, code="internalError", permanent=False):
    """the server failed on this request; its log says why"""
