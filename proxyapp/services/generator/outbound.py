"""The outbound campaigns of a made-up company, with their lists, filters and treatments."""

from __future__ import annotations

from collections.abc import Sequence

from confwire.objects import ObjectType
from proxyapp.models import Application, ConfigObject
from proxyapp.services.changes import Work
from proxyapp.services.generator.company import Company

T = ObjectType

_FIELDS = (
    ("record_id", "dtint", True), ("contact_info", "dtvarchar", False),
    ("contact_info_type", "dtint", False), ("record_status", "dtint", False),
    ("call_result", "dtint", False), ("attempt", "dtint", False), ("agent_id", "dtvarchar", False),
    ("dial_sched_time", "dtint", False), ("customer_name", "dtvarchar", False),
    ("segment", "dtvarchar", False),
)  # fmt: skip
_RESULTS = ("busy", "noanswer", "answeringmachine", "faxdetected", "dropped")
_AGENTS_OF_CAMPAIGN = 100


def plan_calls(
    work: Work, company: Company, groups: Sequence[ConfigObject], dialler: Application
) -> None:
    """Make the campaigns of a company, for these groups of agents."""
    fields = [
        company.make(
            T.FIELD, name, type=type_, isPrimaryKey=key, isUnique=key, isNullable=not key,
            fieldType="ftrecordid" if key else "ftuserdefined", length=64,
        )
        for name, type_, key in _FIELDS
    ]  # fmt: skip
    work.add(fields)
    layout = company.make(T.FORMAT, "Calls", fieldDBIDs=[row.dbid for row in fields])
    treatments = [
        company.make(T.TREATMENT, f"On {name}", callResult=name, recActionCode="retryin",
                     attempts=number + 1, interval=30 * (number + 1), cycleAttempt=1)
        for number, name in enumerate(_RESULTS)
    ]  # fmt: skip
    work.add([layout, *treatments])
    agents = sum(site.agents for site in company.plan.sites)
    for number in range(1, max(1, agents // _AGENTS_OF_CAMPAIGN) + 1):
        _campaign(work, company, number, layout, treatments, groups, dialler)


def _campaign(
    work: Work,
    company: Company,
    number: int,
    layout: ConfigObject,
    treatments: Sequence[ConfigObject],
    groups: Sequence[ConfigObject],
    dialler: Application,
) -> None:
    table = company.make(
        T.TABLE_ACCESS, f"calls_{number:03}", type="callinglist", formatDBID=layout.dbid,
        dbTableName=f"calls_{number:03}",
    )  # fmt: skip
    filter_ = company.make(T.FILTER, f"Open calls {number:03}", formatDBID=layout.dbid)
    work.add([table, filter_])
    calls = company.make(
        T.CALLING_LIST, f"Calls {number:03}", tableAccessDBID=table.dbid, filterDBID=filter_.dbid,
        treatmentDBIDs=[row.dbid for row in treatments], timeFrom=9 * 3600, timeUntil=20 * 3600,
        maxAttempts=5,
    )  # fmt: skip
    work.add([calls])
    campaign = company.make(
        T.CAMPAIGN, f"Campaign {number:03}",
        callingLists=[{"callingListDBID": calls.dbid, "share": 100, "isActive": True}],
    )  # fmt: skip
    work.add([campaign])
    group = groups[number % len(groups)]
    work.add(
        [
            company.make(
                T.CAMPAIGN_GROUP, f"Campaign {number:03} {group.name}", campaignDBID=campaign.dbid,
                group={"objectType": "agentGroup", "DBID": group.dbid},
                serverDBIDs=[dialler.dbid], dialMode="dmprogress", operationMode="omschedule",
                optMethod="ombusyfactor", optMethodValue=80, numOfChannels=20,
            )
        ]
    )  # fmt: skip
