"""The manual's requests and answers, byte for byte, on a real socket (spec A1, A2); `{id}` is the message's id, `{key}` the session key."""

from __future__ import annotations

import pytest

from messa_platform.messaging.statuses import Status
from messa_platform.tenants.group_settings import Key
from tests.functional.api_legacy.conftest import Client, Spoken

XML = b'<?xml version="1.0" encoding="utf-8" ?>\n'
SENT = b'<send_sms status="1" code="ok" id="{id}"></send_sms>'

ANNA = "+46701234567"
SNAKE = "Räksmörgås"

FORM = "application/x-www-form-urlencoded"
_BOUNDARY = b"------------------------d74496d66958873e"
PARTS = (
    b"--" + _BOUNDARY + b'\r\nContent-Disposition: form-data; name="api_user"\r\n\r\n{key}\r\n'
    b"--" + _BOUNDARY + b'\r\nContent-Disposition: form-data; name="phone_number"\r\n\r\n+46701234567\r\n'
    b"--"
    + _BOUNDARY
    + b'\r\nContent-Disposition: form-data; name="message"\r\n\r\nR\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s\r\n'
    b"--" + _BOUNDARY + b"--\r\n"
)

QUERIES = {
    # the manual's own example
    "upper case escapes": "api_user={key}&phone_number=%2b46701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "lower case escapes": "api_user={key}&phone_number=%2b46701234567&message=R%c3%a4ksm%c3%b6rg%c3%a5s",
    "an unescaped plus": "api_user={key}&phone_number=+46701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "a space for it": "api_user={key}&phone_number=%2046701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "its other name": "api_sess={key}&phone_number=%2b46701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "names in capitals": "API_USER={key}&Phone_Number=%2b46701234567&MESSAGE=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "another order": "message=R%C3%A4ksm%C3%B6rg%C3%A5s&phone_number=%2b46701234567&api_user={key}",
    "a national number": "api_user={key}&phone_number=0701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "a national number after a space": "api_user={key}&phone_number=+0701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "00 instead of a plus": "api_user={key}&phone_number=0046701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "a number as people write it": "api_user={key}&phone_number=070-123%2045%2067&message=R%C3%A4ksm%C3%B6rg%C3%A5s",
    "what nobody knows beside": "api_user={key}&phone_number=%2b46701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s&_=1732",
    "parts that are empty": "&&api_user={key}&=&phone_number=%2b46701234567&message=R%C3%A4ksm%C3%B6rg%C3%A5s&",
    "escapes of old scripts": "api_user={key}&phone_number=%2b46701234567&message=R%u00e4ksm%u00F6rg%u00e5s",
    "bytes that are not escaped": "api_user={key}&phone_number=%2b46701234567&message=RÃ¤ksmÃ¶rgÃ¥s",
}


def sent(client: Client, answer: Spoken) -> None:
    """The text was taken in, and said so in the manual's bytes."""
    identifier, remote, text = client.last()
    assert answer.body == XML + SENT.replace(b"{id}", identifier.encode())
    assert answer.line.split(" ", 1)[1] == "200 OK"
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert (remote, text, client.count()) == (ANNA, SNAKE, 1)


# our web server takes no address with bytes that are not escaped (RFC 9112, 3), and says so
@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if query.isascii()])
def test_a_get_sends_however_the_client_writes_it(client: Client, name: str) -> None:
    sent(client, client.get(QUERIES[name]))


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8", "text/plain", None])
def test_a_post_sends_whatever_the_client_says_that_it_is(
    client: Client, name: str, content_type: str | None
) -> None:
    sent(client, client.post(QUERIES[name].encode("latin-1"), content_type))


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_body_may_end_with_a_line_break_that_nobody_meant(client: Client, line_end: bytes) -> None:
    sent(client, client.post(QUERIES["upper case escapes"].encode() + line_end))


def test_a_form_may_come_in_parts(client: Client) -> None:
    sent(client, client.post(PARTS, f"multipart/form-data; boundary={_BOUNDARY.decode()}"))


def test_parameters_may_stand_in_query_and_body_and_the_query_goes_first(client: Client) -> None:
    body = b"phone_number=%2B46709999999&message=R%C3%A4ksm%C3%B6rg%C3%A5s"
    sent(client, client.post(body, FORM, "?api_user={key}&phone_number=%2B46701234567"))


def test_http_1_0_without_a_host_and_without_a_user_agent_is_answered(client: Client) -> None:
    sent(client, client.get(QUERIES["upper case escapes"], "1.0"))


def test_a_session_in_a_cookie_changes_nothing(client: Client) -> None:
    answer = client.get(
        QUERIES["upper case escapes"], "1.1", "Cookie: session=abc; probe=x", "User-Agent: Delphi/7"
    )
    sent(client, answer)
    assert "set-cookie" not in answer.headers


REFUSED = {
    "nobody's key": (
        "api_user=JF98NFKLS98LSKJF923LKSJFL2L2910KSJDLLKJ&phone_number=%2b46701234567&message=Hej",
        "invalid_api_user",
    ),
    "no key": ("phone_number=%2b46701234567&message=Hej", "invalid_api_user"),
    "nothing at all": ("", "invalid_api_user"),
    "a key with a NUL": ("api_user=%00&phone_number=%2b46701234567&message=Hej", "invalid_api_user"),
    "no number": ("api_user={key}&message=Hej", "missing_phone_number"),
    "an empty number": ("api_user={key}&phone_number=+&message=Hej", "missing_phone_number"),
    "no text": ("api_user={key}&phone_number=%2b46701234567", "missing_message"),
    "an empty text": ("api_user={key}&phone_number=%2b46701234567&message=%20%0d%0a", "missing_message"),
    "nothing but a key": ("api_user={key}", "missing_phone_number"),
    "ISO-8859-1": ("api_user={key}&phone_number=%2b46701234567&message=R%E4ksm%F6rg%E5s", "invalid_encoding"),
    "half a character": ("api_user={key}&phone_number=%2b46701234567&message=%C3", "invalid_encoding"),
    "half a surrogate pair": (
        "api_user={key}&phone_number=%2b46701234567&message=%ud83d",
        "invalid_encoding",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_cannot_be_taken_in_is_answered_with_a_code_and_no_id(
    client: Client, name: str, method: str
) -> None:
    query, code = REFUSED[name]
    answer = client.get(query) if method == "get" else client.post(query.encode())
    assert answer.body == XML + f'<send_sms status="0" code="{code}" id=""></send_sms>'.encode()
    assert (answer.status, client.count()) == (200, 0)


@pytest.mark.parametrize(
    "number", ["123", "inget", "%2b0701234567", "%2b46701234567,%2b46701234568", "%00", "%2b" + "9" * 400]
)
def test_a_number_that_is_none_is_in_the_log_and_can_be_asked_for(client: Client, number: str) -> None:
    answer = client.get(f"api_user={{key}}&phone_number={number}&message=Hej")
    identifier = client.last()[0]
    assert (
        answer.body
        == XML + f'<send_sms status="0" code="invalid_phone_number" id="{identifier}"></send_sms>'.encode()
    )
    asked = client.get(f"api_user={{key}}&id={identifier}")
    assert asked.body == XML + f'<last_info id="{identifier}" value="invalid_number"></last_info>'.encode()


def test_the_same_text_twice_within_a_day_is_refused_as_the_manual_has_it(client: Client) -> None:
    client.get(QUERIES["upper case escapes"])
    again = client.get(QUERIES["upper case escapes"])
    identifier = client.last()[0]
    assert (
        again.body
        == XML + f'<send_sms status="0" code="sms_already_sent_24H" id="{identifier}"></send_sms>'.encode()
    )
    asked = client.get(f"api_user={{key}}&id={identifier}")
    assert (
        asked.body == XML + f'<last_info id="{identifier}" value="sms_already_sent_24H"></last_info>'.encode()
    )


@pytest.mark.parametrize(
    ("sms", "name", "word"),
    [
        (0, "Skolan", "Group:Skolan"),
        (1, "Skolan", "no_sms_left:Group:Skolan"),
        (0, 'A & <b> "Ö"', "Group:A &amp; &lt;b&gt; &quot;Ö&quot;"),
    ],
)
def test_a_limit_is_told_with_the_group_whose_rule_struck(
    client: Client, sms: int, name: str, word: str
) -> None:
    client.world.run('UPDATE "group" SET name = :name WHERE id = :id', name=name, id=client.school.id)
    client.world.group_quota(client.school, sms, 1)
    for text in range(sms):
        client.get(f"api_user={{key}}&phone_number=%2b46701234567&message=Hej{text}")
    answer = client.get("api_user={key}&phone_number=%2b46701234567&message=Hej")
    identifier = client.last()[0]
    assert answer.body == XML + f'<send_sms status="0" code="{word}" id="{identifier}"></send_sms>'.encode()
    asked = client.get(f"api_user={{key}}&id={identifier}")
    assert asked.body == XML + f'<last_info id="{identifier}" value="{word}"></last_info>'.encode()


def test_too_long_a_text_is_refused_and_one_that_no_sms_could_hold_is_not_looked_at(client: Client) -> None:
    answer = client.post(b"api_user={key}&phone_number=%2b46701234567&message=" + b"x" * 1400)
    identifier = client.last()[0]
    assert (
        answer.body
        == XML + f'<send_sms status="0" code="too_many_parts" id="{identifier}"></send_sms>'.encode()
    )
    answer = client.post(b"api_user={key}&phone_number=%2b46701234567&message=" + b"x" * 70_000)
    assert answer.body == XML + b'<send_sms status="0" code="too_many_parts" id=""></send_sms>'
    assert client.count() == 1


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.INCOMING])
def test_each_status_is_told_by_its_word_and_an_unconfirmed_one_as_sent(
    client: Client, status: Status
) -> None:
    client.get(QUERIES["upper case escapes"])
    identifier = client.last()[0]
    client.world.run(
        "UPDATE message SET status = :status, rule_group_id = :group WHERE true",
        status=status.value,
        group=client.school.id,
    )
    word = "SENT" if status is Status.UNCONFIRMED else status.value
    if status.value in ("Personal", "Group", "no_sms_left:Personal", "no_sms_left:Group"):
        word = f"{status.value}:Skolan"
    for query in (
        f"api_user={{key}}&id={identifier}",
        f"id={identifier.upper()}&api_sess={{key}}&message=&phone_number=",
    ):
        told = identifier if identifier in query else identifier.upper()
        answer = client.get(query)
        assert answer.body == XML + f'<last_info id="{told}" value="{word}"></last_info>'.encode()
        assert answer.status == 200


@pytest.mark.parametrize(
    "asked", ["5906", "d439385d-6312-4752-8fc8-1f0334f6d6f7", "%3Cb%3E%22%26", "%00%01", "%F0%9F%98%80"]
)
def test_an_id_that_is_none_of_its_own_is_unknown(client: Client, asked: str) -> None:
    shown = {"%3Cb%3E%22%26": "&lt;b&gt;&quot;&amp;", "%00%01": "", "%F0%9F%98%80": "😀"}.get(asked, asked)
    answer = client.get(f"api_user={{key}}&id={asked}")
    assert answer.body == XML + f'<last_info id="{shown}" value="unknown_id"></last_info>'.encode()


def test_a_message_of_another_api_user_of_the_same_group_is_unknown(client: Client) -> None:
    client.get(QUERIES["upper case escapes"])
    identifier = client.last()[0]
    other = client.ring.key(client.school, client.ring.user(client.school, "Journalen")).word
    answer = client.get(f"api_user={other}&id={identifier}")
    assert answer.body == XML + f'<last_info id="{identifier}" value="unknown_id"></last_info>'.encode()


def test_it_follows_its_group_by_number_signature_and_sender_name(client: Client) -> None:
    client.world.set(client.school, Key.SENDER_NAME, "Larmet")
    client.world.set(client.school, Key.SIGNATURE, "/Skolan")
    client.get(QUERIES["upper case escapes"])
    assert client.world.rows("SELECT local, text, door FROM message")[0] == (
        "Larmet",
        f"{SNAKE}\n/Skolan",
        "legacy",
    )
    client.world.numbers()
    client.world.set(client.school, Key.MAY_RECEIVE, True)
    client.get("api_user={key}&phone_number=%2b46701234567&message=Hej")
    lent = client.world.value("SELECT msisdn FROM number WHERE account_id = :id", id=client.user.id)
    assert client.world.value("SELECT local FROM message WHERE text LIKE 'Hej%'") == lent
