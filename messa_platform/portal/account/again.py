"""Who is signed in shows once more who they are, before what a stranger at a screen that was left open must not do."""

from __future__ import annotations

import math
from datetime import datetime

from pyramid.request import Request

from messa_platform.core.client import network_of
from messa_platform.portal.forms import Form
from messa_platform.tenants.access.sign_in import SignedIn, Wait, check_again, check_code
from messa_platform.tenants.profile import has_password


def ask_password(request: Request, form: Form, password: str, field: str = "password") -> bool:
    """Whether `password` is the account's; what is wrong is said in the form. An account that has none is asked for none."""
    _ = request.speech.gettext
    account_id, runtime = request.identity.account_id, request.registry["messa.runtime"]
    if not has_password(request.platform_db, account_id):
        return True
    if not password:
        form.fail(field, _("Enter your password."))
        return False
    network = network_of(request.client_addr or "")
    outcome = check_again(
        request.platform_db, runtime.clock.now(), runtime.passwords, account_id, password, network
    )
    match outcome:
        case SignedIn():
            return True
        case Wait(until):
            form.fail(field, wait_in_words(request, until))
        case _:
            form.fail(field, _("That is not your password."))
    return False


def ask_code(request: Request, form: Form, code: str, field: str = "code") -> bool:
    """Whether `code` is one of the account's second factor; it is used up by this. What is wrong is said in the form."""
    _ = request.speech.gettext
    account_id, runtime = request.identity.account_id, request.registry["messa.runtime"]
    if not code.strip():
        form.fail(field, _("Enter the code from your app, or one of your recovery codes."))
        return False
    network = network_of(request.client_addr or "")
    match check_code(request.platform_db, runtime.clock.now(), runtime.keys, account_id, code, network):
        case SignedIn():
            return True
        case Wait(until):
            form.fail(field, wait_in_words(request, until))
        case _:
            form.fail(
                field, _("That code is not right. Codes last 30 seconds; take the one that is shown now.")
            )
    return False


def wait_in_words(request: Request, until: datetime) -> str:
    """How long to wait after too many tries."""
    left = (until - request.registry["messa.runtime"].clock.now()).total_seconds()
    return str(
        request.speech.ngettext(
            "Too many tries. Wait %(num)s minute, and try again.",
            "Too many tries. Wait %(num)s minutes, and try again.",
            max(1, math.ceil(left / 60)),
        )
    )
