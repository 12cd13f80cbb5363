"""Which messages a server takes, and which a client does: one union for each direction."""

from __future__ import annotations

from confwire.messages.envelope import Error
from confwire.messages.history import (
    ComparePast,
    HistoryEntries,
    HistoryLog,
    HistoryLogRead,
    HistoryLogSent,
    HistoryTaken,
    PastCompared,
    PastRead,
    ReadPast,
)
from confwire.messages.links import (
    AccountStates,
    CheckLogin,
    DaemonRuling,
    DaemonSession,
    LoginChecked,
    RelayPassword,
    RelayWrite,
    SiteProgress,
    TokenKeys,
    WriteRelayed,
)
from confwire.messages.notifications import Draining, NotificationsLost, ObjectsChanged, Progress
from confwire.messages.opening import (
    Challenge,
    ChangePassword,
    Open,
    Opened,
    PasswordChanged,
    Proof,
    TokenRenewed,
)
from confwire.messages.operating import (
    Disconnect,
    Drain,
    ReadServerInfo,
    ServerInfo,
    SessionsSentAway,
    Shed,
    SwitchedOver,
    SwitchOver,
)
from confwire.messages.pairs import (
    AskRole,
    AskSessions,
    HandOver,
    PairRole,
    PeerRead,
    ReadPeer,
    SessionsMirrored,
)
from confwire.messages.permissions import (
    PermissionsChanged,
    PermissionsRead,
    PermissionsRegistered,
    PermissionsUpdated,
    ReadPermissions,
    RegisterPermissions,
    UpdatePermissions,
)
from confwire.messages.reading import (
    BriefInfo,
    ObjectsRead,
    ObjectsSent,
    ReadBrief,
    ReadObjects,
    ReadSecrets,
    SecretsRead,
)
from confwire.messages.replication import (
    Replicate,
    ReplicationLoaded,
    ReplicationRecords,
    ReplicationResumed,
    ReplicationStarted,
    Transaction,
)
from confwire.messages.subscriptions import (
    Acknowledge,
    NotificationRegistered,
    NotificationUnregistered,
    RegisterNotification,
    UnregisterNotification,
)
from confwire.messages.writing import (
    CreateObject,
    DeleteObject,
    ObjectCreated,
    ObjectDeleted,
    ObjectUpdated,
    UpdateObject,
)

ClientMessage = (
    Open
    | Proof
    | ReadObjects
    | ReadBrief
    | RegisterNotification
    | UnregisterNotification
    | CreateObject
    | UpdateObject
    | DeleteObject
    | ReadPermissions
    | UpdatePermissions
    | RegisterPermissions
    | ReadSecrets
    | ReadServerInfo
    | Disconnect
    | Shed
    | Drain
    | Acknowledge
    | Replicate
    | HistoryLog
    | ReadPast
    | ComparePast
    | HistoryEntries
    | CheckLogin
    | AccountStates
    | ChangePassword
    | SiteProgress
    | DaemonSession
    | RelayWrite
    | RelayPassword
    | SwitchOver
    | PairRole
    | SessionsMirrored
    | AskSessions
    | HandOver
    | ReadPeer
)
ServerMessage = (
    Challenge
    | Opened
    | TokenRenewed
    | Error
    | ObjectsRead
    | BriefInfo
    | ObjectsSent
    | NotificationRegistered
    | NotificationUnregistered
    | ObjectCreated
    | ObjectUpdated
    | ObjectDeleted
    | PermissionsRead
    | PermissionsUpdated
    | PermissionsRegistered
    | PermissionsChanged
    | SecretsRead
    | ServerInfo
    | SessionsSentAway
    | ObjectsChanged
    | Progress
    | NotificationsLost
    | Draining
    | ReplicationResumed
    | ReplicationStarted
    | ReplicationRecords
    | ReplicationLoaded
    | Transaction
    | TokenKeys
    | HistoryLogRead
    | HistoryLogSent
    | PastRead
    | PastCompared
    | HistoryTaken
    | WriteRelayed
    | LoginChecked
    | AccountStates
    | PasswordChanged
    | SwitchedOver
    | PairRole
    | SessionsMirrored
    | AskSessions
    | HandOver
    | PeerRead
    | AskRole
    | DaemonRuling
)
