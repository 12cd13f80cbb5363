"""Hosts: the machines that applications run on."""

from __future__ import annotations

from django.db import models

from confwire.objects import ObjectType
from proxyapp.choices import HOST_CHOICES, OS_CHOICES
from proxyapp.models.base import Named, unique_key


class Host(Named):
    """A machine, with the port of its control agent."""

    TYPE = ObjectType.HOST

    ip_address = models.CharField("IP address", max_length=64, blank=True)
    lca_port = models.CharField("LCA port", max_length=5, default="4999")
    os_type = models.CharField("OS type", max_length=20, choices=OS_CHOICES, default="linux")
    os_version = models.CharField("OS version", max_length=64, blank=True)
    type = models.CharField(max_length=20, choices=HOST_CHOICES, default="networkserver")
    scs = models.ForeignKey(
        "proxyapp.Application",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="Solution Control Server",
    )
    resources = models.JSONField(default=list, blank=True, editable=False)

    class Meta(Named.Meta):
        constraints = [unique_key("host")]
