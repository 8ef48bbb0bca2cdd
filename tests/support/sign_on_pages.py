"""The page of a domain's single sign-on: filled in, tried, and what it leaves behind."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from webtest import TestResponse

from tests.support.oidc_provider import CLIENT_ID, OidcProvider
from tests.support.portal import field_of
from tests.support.town import Town
from tests.support.visitors import token_of

CALLBACK = "http://sms.kommun.example/sso/callback"
SECRET = "a-secret-that-nobody-sees-again"
DOCUMENT = "/.well-known/openid-configuration"


def domain_id(town: Town, name: str = "skolan.example") -> UUID:
    found: UUID = town.world.value("SELECT id FROM domain WHERE name = :name", name=name)
    return found


def here(town: Town, name: str = "skolan.example", group: str = "/skolan") -> str:
    return f"/t/kommun{group}/@@sign-on?domain={domain_id(town, name)}"


def fields(idp: OidcProvider, **changed: str) -> dict[str, str]:
    given = {
        "name": "Skolans inloggning",
        "issuer": idp.issuer,
        "client_id": CLIENT_ID,
        "secret": SECRET,
        "do": "save",
    }
    return given | changed


def save(town: Town, idp: OidcProvider, **changed: str) -> TestResponse:
    """Fill in the form that the page has, and send it."""
    head = town.head
    page = head.get(here(town))
    given = {"csrf_token": token_of(page), "version": field_of(page, "version"), **fields(idp, **changed)}
    return head.visitor.post(here(town), given)


def test_of(town: Town) -> TestResponse:
    return town.head.send(here(town), do="test")


test_of.__test__ = False  # type: ignore[attr-defined]


def words_of(page: TestResponse) -> str:
    return " ".join(page.html.main.get_text(" ").split())


def held(town: Town) -> list[Any]:
    return [
        tuple(row)
        for row in town.world.rows(
            "SELECT name, issuer, client_id, enabled FROM identity_provider ORDER BY name"
        )
    ]


def secret_of(town: Town) -> str | None:
    sealed = town.world.value("SELECT client_secret FROM identity_provider")
    opened = town.runtime.keys.unseal(bytes(sealed))
    return opened and opened.decode()


def entries(town: Town) -> list[Any]:
    return [
        tuple(row)
        for row in town.world.rows(
            "SELECT action, subject, group_id, actor_address, before, after FROM audit_entry WHERE action LIKE 'sign_on%' ORDER BY id"
        )
    ]
