"""The texts that some fields of documents choose from, in the order of the origin's numbers."""

from __future__ import annotations

STATES = ("enabled", "disabled")
"""CfgObjectState 1 and 2; a deleted object (3) is absent."""

REDUNDANCY_TYPES = ("none", "coldstandby", "warmstandby", "hotstandby")
"""CfgHAType 0-3. Administration shows coldstandby as "Not Specified"."""

TRACE_MODES = ("unset", "none", "local", "remote", "both")
"""CfgTraceMode 0-4 of a connection's keep-alive."""

GROUP_TYPES = (
    "none",
    "default",
    "users",
    "administrators",
    "superadministrators",
    "system",
    "everyone",
)
"""Types 0-6 of an access group."""

SUPER_ADMINISTRATORS = "superadministrators"
"""The type of the access group whose members may use the administration."""

HOST_TYPES = ("unknown", "networkserver", "agentworkstation", "tenantserver")
OS_TYPES = (
    "unknown",
    "linux",
    "windows",
    "aix",
    "solaris",
    "hpux",
    "macos",
    "other",
    "solarisx86",
    "digitalunix",
    "sunos",
    "winnt",
    "os2",
    "macintosh",
    "tandemunix",
    "unixware",
    "windows2000",
    "windowsxp",
    "windowsserver2003",
    "redhatlinux",
    "windowsserver2008",
    "windowsvista",
)

_APP_TYPE_NAMES = (
    """
unknown tserver statserver billingserver billingclient agentview voicetreatmentserver
voicetreatmentmanager dbserver callconcentrator sdialer listmanager cmserver cmclient lme
routerserver strategybuilder strategyloader agentdesktop sce ccview configserver thirdpartyapp
thirdpartyserver strategysimulator strategyscheduler dartserver dartclient customserver
externalrouter virtualinteractivet virtualrp database netvector detailbiller summarybiller nacd
backupcontrolclient infomartstatcollector infomartstatconfigurator ivrinterfaceserver iserver
messageserver scs sci snmpagent realdbserver wfmclient wfmdataaggregator wfmwebservices
wfmscheduleserver interactionroutingdesigner etlproxy itcutility vss54 vss55 vss56 vss57
ccanalyzerdatamart chatserver callbackserver cobrowsingserver istransportserver contactserver
emailserver medialink web66 web67 web68 web69 web70 contactservermanager contentanalyzer
responsemanager voip74 voip75 automatedworkflowengine haproxy voip78 voip79 webapiserver
loadbalancer applicationcluster loaddistributionserver gproxy gis agentdesktopdeliveryserver
gcnclient ivrdt gcnthinserver classificationserver trainingserver universalcallbackserver
cpdserverproxy xlinkcontroller kworkerportal wfm96 wfm97 wfm98 wfm99 knowledgemanager ivrdriver
ivrlibrary lcsadapter desktopnetserver siebel7confsynch siebel7campsynch genericserver
genericclient calldirector sipcommunicationserver interactionserver integrationserver wfmdaemon
""".split()
    + [f"gvp{number}" for number in range(114, 156)]
    + """
resourceaccesspoint interactionworkspace advisors essextensibleservices customerview
orchestrationserver reserved capturepoint rulesespserver genesysadministrator iwdmanager
iwdruntimenode businessrulesexecutionserver businessrulesgui vppolicyserver socialms
cstaconnector vpmrcpproxy
""".split()
)

APP_TYPES: tuple[str, ...] = tuple(_APP_TYPE_NAMES)
"""Application types (CfgAppType): the index is the origin's number."""

_CLIENT_APP_TYPES = {
    "unknown", "billingclient", "agentview", "voicetreatmentmanager", "cmclient",
    "strategybuilder", "strategyloader", "agentdesktop", "sce", "ccview", "thirdpartyapp",
    "strategysimulator", "strategyscheduler", "dartclient", "sci", "wfmclient",
    "interactionroutingdesigner", "web70", "contactservermanager", "contentanalyzer",
    "responsemanager", "ivrdt", "wfm97", "knowledgemanager", "genericclient",
    "interactionworkspace", "genesysadministrator", "businessrulesgui",
}  # fmt: skip


def is_server_type(app_type: str) -> bool:
    """Whether applications of this type are daemons (`isServer`): one session at a time."""
    return app_type not in _CLIENT_APP_TYPES
