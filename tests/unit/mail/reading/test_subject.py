"""Reply and forward prefixes of subjects (spec M3)."""

from __future__ import annotations

import pytest

from messa_platform.mail.reading.subject import Kind, read_subject


@pytest.mark.parametrize(
    ("subject", "bare", "kind"),
    [
        ("Möte", "Möte", Kind.NEW),
        ("Re: Möte", "Möte", Kind.ANSWER),
        ("SV:Möte", "Möte", Kind.ANSWER),
        ("sv : re:Aw: ANTW:   Möte", "Möte", Kind.ANSWER),
        ("RE[2]: Möte", "Möte", Kind.ANSWER),
        ("Re(3): Möte", "Möte", Kind.ANSWER),
        ("Re^2: Möte", "Möte", Kind.ANSWER),
        ("Fwd: Möte", "Möte", Kind.FORWARD),
        ("VB: SV: Möte", "Möte", Kind.FORWARD),
        ("SV: VB: Möte", "Möte", Kind.ANSWER),
        ("Fw: Möte", "Möte", Kind.FORWARD),
        ("WG: Möte", "Möte", Kind.FORWARD),
        ("Re:", "", Kind.ANSWER),
        ("Reserapport", "Reserapport", Kind.NEW),
        ("Re: Reserapport: Re: hej", "Reserapport: Re: hej", Kind.ANSWER),
        ("Svar: ja", "Svar: ja", Kind.NEW),
        ("Ang: skolan", "Ang: skolan", Kind.NEW),
        ("Regler: nya", "Regler: nya", Kind.NEW),
        ("SVT: program", "SVT: program", Kind.NEW),
        ("Re 4: rum", "Re 4: rum", Kind.NEW),
        ("", "", Kind.NEW),
    ],
)
def test_prefixes_go_and_words_stay(subject: str, bare: str, kind: Kind) -> None:
    result = read_subject(subject, threaded=False)
    assert (result.bare, result.kind) == (bare, kind)


def test_words_that_may_be_the_sender_s_own_are_prefixes_only_in_a_thread() -> None:
    assert read_subject("Ang: skolan", threaded=True).bare == "skolan"
    assert read_subject("I: skolan", threaded=True).kind is Kind.FORWARD
    assert read_subject("I: skolan", threaded=False).bare == "I: skolan"


def test_a_mail_in_a_thread_is_an_answer_without_any_prefix() -> None:
    assert read_subject("Möte", threaded=True).kind is Kind.ANSWER
