"""HTML parts as plain text (spec M4)."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from messa_platform.mail.reading.html import MAX_TEXT, _configuration, render, slimmed


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hej</p><p>du</p>", "Hej\n\ndu"),
        ("<div>Hej</div><div><br></div><div>du</div>", "Hej\n\ndu"),
        ("Hej<br>du<br><br><br><br>där", "Hej\ndu\n\ndär"),
        ("<p class=MsoNormal>Hej</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>du</p>", "Hej\n\ndu"),
        ('<p style="margin: 0cm">Hej</p><p style="margin:0">du</p>', "Hej\ndu"),
        (
            "<table><tr><td><b>Sal</b></td><td><i>B4</i></td></tr><tr><td>Tid<td>9.15</table>",
            "Sal B4\nTid 9.15",
        ),
        ("<ol start=7><li value=²>ett<li>två</ol>", "1. ett\n2. två"),
        ("<pre>rad 1\n<b>rad 2</b>\nrad 3</pre>", "rad 1\nrad 2\nrad 3"),
        ('<div style="white-space: pre-wrap">rad 1\nrad 2</div>ett\nord', "rad 1\nrad 2\nett ord"),
        ('<div style="white-space:pre"><p style="white-space:normal">ett\nord</p></div>', "ett ord"),
        ("a<span style='display : none'>dolt</span>b<div style='mso-hide:all'>dolt</div>", "ab"),
        ("<style>p{}</style><script>x()</script><title>T</title><template>t</template>Hej", "Hej"),
        ("<!-- dolt --><![if !mso]>Hej<![endif]><!--[if mso]>dolt<![endif]-->", "Hej"),
        ("5 &lt; 6 &amp;amp; 7 &#8364; &aring;", "5 < 6 &amp; 7 € å"),
        ("a&#8203;b&shy;c&#65279;d&#0;e&#x202f;f", "abcd\ufffde f"),
        ("<?xml version='1.0' encoding='utf-8'?><html><body>Hej</body></html>", "Hej"),
        ("Hej <img src='cid:1' alt='Logotyp'><img alt='👍🏽'> <img alt='å'>", "Hej 👍🏽"),
        (
            "Ring <a href='tel:+4618'>018</a>, <a href='#x'>här</a>, <a href='https://x.example'></a>.",
            "Ring 018, här, .",
        ),
        (
            "<a href='https://x.example/?a=1&amp;copy=2&not=3'>här</a>",
            "här <https://x.example/?a=1&copy=2&not=3>",
        ),
        ("<a href='HTTPS://www.x.example/'>x.example</a>", "x.example"),
        ("", ""),
        ("   ", ""),
        ("<!-- bara dolt -->", ""),
        ("inga märken alls", "inga märken alls"),
    ],
)
def test_html_reads_as_people_see_it(html: str, text: str) -> None:
    assert render(slimmed(html), answer=False) == text


QUOTES = [
    "<blockquote type=cite>Vad?</blockquote>",
    "<div class=gmail_quote><div class=gmail_attr>Bo wrote</div><blockquote class='gmail_quote'>Vad?</blockquote></div>",
    "<div class=moz-cite-prefix>Bo skrev:</div><blockquote type='cite'>Vad?</blockquote>",
    "<div class='yahoo_quoted'>Bo: Vad?</div>",
    "<div id=appendonsend></div><hr><div id=divRplyFwdMsg>Bo</div><p>Vad?</p>",
    "<div><div id=divRplyFwdMsg>Bo</div><p>Vad?</p></div><p>Vad?</p>",
    "<div id='mail-editor-reference-message-container'>Vad?</div>",
]


@pytest.mark.parametrize("quote", QUOTES)
def test_an_answer_s_quote_is_known_by_its_mark_up(quote: str) -> None:
    html = f"<html><body><p>Ja</p>{quote}</body></html>"
    assert render(html, answer=True).replace(">", "").strip() == "Ja"
    assert "Vad?" in render(html, answer=False)


def test_an_indented_paragraph_of_an_answer_is_no_quote() -> None:
    assert render("<blockquote style='margin:0 0 0 40px'>Eget</blockquote>", answer=True) == "Eget"


def test_a_style_cannot_fill_the_memory_with_blanks() -> None:
    assert (
        render("<div style='padding-left:99999999em;margin-top:9999999em'>Hej</div>", answer=False) == "Hej"
    )


def test_text_too_deep_for_python_s_stack_is_kept() -> None:
    html = "<div>" * 240 + "<b>djupt</b> ner" + "</div>" * 240
    assert render(html, answer=False) == "djupt ner"


def test_long_html_is_cut_and_its_beginning_kept() -> None:
    text = render(slimmed("<p>rad</p>" * 100_000), answer=False)
    assert text.startswith("rad\n\nrad\n\n")
    assert len(text) <= MAX_TEXT


def test_a_picture_written_into_the_html_does_not_push_the_text_out() -> None:
    html = f"<img src='data:image/png;base64,{'A' * 2_000_000}'><p>Hej</p>"
    assert render(slimmed(html), answer=False) == "Hej"


def test_each_document_has_its_own_style_of_body_where_inscriptis_keeps_what_it_writes() -> None:
    assert _configuration().css["body"] is not _configuration().css["body"]


def test_threads_that_render_at_once_never_write_into_each_other_s_text() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(lambda number: render(f"Mail {number}", answer=False), range(3000)))
    finally:
        sys.setswitchinterval(interval)
    assert texts == [f"Mail {number}" for number in range(3000)]
