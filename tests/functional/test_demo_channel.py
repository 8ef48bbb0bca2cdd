"""The demo's own channel: it has carried some of the care's texts, is paused, and carries texts by SMPP once it is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.demo.channels import NAME
from tests.support.platform import ANNAS_PHONE, Platform, a_platform, mail

_OWN = "(SELECT id FROM channel WHERE tenant_id IS NOT NULL)"


@pytest.fixture
def platform(server: str, template: str, tmp_path: Path) -> Iterator[Platform]:
    """The platform with the demo and a simulator, started."""
    with a_platform(server, template, tmp_path) as made:
        yield made.start()


def test_the_demos_own_channel_has_carried_texts_and_carries_more_once_it_is_resumed(
    platform: Platform,
) -> None:
    found = platform.value(f"SELECT name || ' ' || plugin || ' ' || enabled FROM channel WHERE id = {_OWN}")
    assert found == f"{NAME} smpp false"
    carried = platform.value(f"SELECT count(*) FROM message WHERE channel_id = {_OWN}")
    assert carried > 5
    assert platform.value("SELECT count(*) FROM audit_entry WHERE action LIKE 'channel%'") == 2

    platform.do(f"UPDATE channel SET enabled = true WHERE id = {_OWN}")
    platform.until(
        lambda: platform.value("SELECT sum(up) FROM connector_lease") == 1 or None, 30, "a session of it"
    )
    platform.send(mail("Genom den egna kanalen", subject=""))
    platform.until_on_phone("Genom den egna kanalen", ANNAS_PHONE, 30)
    status = f"SELECT status FROM message WHERE text = 'Genom den egna kanalen' AND channel_id = {_OWN}"
    platform.until(lambda: platform.value(status) == "DELIVERED" or None, 30, "its receipt")
