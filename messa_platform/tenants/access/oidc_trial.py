"""Trying a provider before anybody signs in by it: what an administrator has to put right, told one thing at a time or all at once.

It asks what a sign-in asks before somebody's browser is involved: the provider's document (OpenID Connect Discovery 1.0) and its keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]

from messa_platform.core.outbound import Fault, NoAnswer, Outbound
from messa_platform.tenants.access.oidc_tokens import ALGORITHMS, key_set

SECONDS = 4.0
"""That each of the two questions may take."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LONGEST = 200


class Problem(StrEnum):
    """What is wrong with a provider; what `Finding.detail` then says stands after the colon."""

    NO_ANSWER = "no_answer"
    """There is no answer to be used: a `core.outbound.Fault`."""
    STATUS = "status"
    """It answers with an error: the HTTP status."""
    NO_DOCUMENT = "no_document"
    """What it answers is no such document."""
    OTHER_ISSUER = "other_issuer"
    """It calls itself otherwise, to the letter: how."""
    NO_ENDPOINT = "no_endpoint"
    """An address that we need is missing or none for us: which."""
    NO_CODE = "no_code"
    """It does not offer the authorisation code flow."""
    NO_ALGORITHM = "no_algorithm"
    """It signs by none of the ways that we believe: by which."""
    KEYS_AWAY = "keys_away"
    """Its keys cannot be read: a `Fault`, or the HTTP status."""
    NO_KEYS = "no_keys"
    """Among its keys is none that we can use."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `detail` may be the provider's own words, cut."""

    problem: Problem
    detail: str = ""


def clean_issuer(written: str) -> str:
    """An issuer as people paste it: without spaces around, and without the address of its document behind it."""
    return written.strip().removesuffix("/.well-known/openid-configuration")


def try_out(outbound: Outbound, issuer: str) -> tuple[Finding, ...]:
    """What is wrong with a provider; nothing if people can be sent there. Takes twice `SECONDS` at the most: hold no transaction open."""
    document = _ask(outbound, get_well_known_url(issuer, external=True))
    if isinstance(document, Finding):
        return (document,)
    findings = [*_faults_of(outbound, issuer, document)]
    address = document.get("jwks_uri")
    if isinstance(address, str) and outbound.allows(address):
        findings += _faults_of_keys(outbound, address)
    return tuple(findings)


def _ask(outbound: Outbound, url: str) -> dict[str, Any] | Finding:
    answer = outbound.get(url, {"Accept": "application/json"}, seconds=SECONDS)
    if isinstance(answer, NoAnswer):
        return Finding(Problem.NO_ANSWER, answer.fault)
    if not answer.ok:
        return Finding(Problem.STATUS, str(answer.status))
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else Finding(Problem.NO_DOCUMENT)


def _faults_of(outbound: Outbound, issuer: str, document: Mapping[str, Any]) -> list[Finding]:
    findings = []
    if document.get("issuer") != issuer:
        findings.append(Finding(Problem.OTHER_ISSUER, _shown(document.get("issuer"))))
    findings += [
        Finding(Problem.NO_ENDPOINT, name)
        for name in _ENDPOINTS
        if not isinstance(document.get(name), str) or not outbound.allows(document[name])
    ]
    # what a provider does not tell of itself is no fault: a sign-in does not ask for it either
    flows, algorithms = (
        document.get(name) for name in ("response_types_supported", "id_token_signing_alg_values_supported")
    )
    if isinstance(flows, list) and "code" not in flows:
        findings.append(Finding(Problem.NO_CODE))
    if isinstance(algorithms, list) and not set(ALGORITHMS) & {str(each) for each in algorithms}:
        findings.append(Finding(Problem.NO_ALGORITHM, _shown(", ".join(str(each) for each in algorithms))))
    return findings


def _faults_of_keys(outbound: Outbound, address: str) -> list[Finding]:
    found = _ask(outbound, address)
    if isinstance(found, Finding):
        return [Finding(Problem.KEYS_AWAY, found.detail or Fault.BROKEN)]
    return [] if key_set(found.get("keys")).keys else [Finding(Problem.NO_KEYS)]


def _shown(value: object) -> str:
    return str(value)[:LONGEST] if isinstance(value, str) else ""
