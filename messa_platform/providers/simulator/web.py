"""The HTTP side: what tests read and write as JSON, and the page for people.

All of it lies under /simulator.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from messa_platform.providers.simulator.callbacks import Callbacks
from messa_platform.providers.simulator.conditions import BadConditions, Conditions, changed
from messa_platform.providers.simulator.network import Network
from messa_platform.providers.simulator.page import HERE, Asked, Draft, Page
from messa_platform.providers.simulator.phone_number import e164
from messa_platform.providers.simulator.records import iso
from messa_platform.providers.simulator.replies import ReplyProblem, read_reply
from messa_platform.providers.simulator.webhooks import ANSWERS, hook_of
from messa_platform.providers.simulator.words import WORDS, language_of, problem_words

SUBMITS_AT_ONCE: Final = 10_000

_SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer; nothing is taken from a form or script of another site."""
    # The header outlives the platform's forwarding, unlike a comparison of Origin with Host.
    if (
        request.method not in (hdrs.METH_GET, hdrs.METH_HEAD)
        and request.headers.get("Sec-Fetch-Site") == "cross-site"
    ):
        return _json({"error": "another site's page may not do this"}, HTTPStatus.FORBIDDEN)
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        answer.headers.update(_SECURITY)
        raise
    response.headers.update(_SECURITY)
    return response


class Web:
    """The handlers. `defaults` are the conditions that a DELETE of the faults brings back."""

    def __init__(self, network: Network, callbacks: Callbacks) -> None:
        self._network = network
        self._store = network.store
        self._callbacks = callbacks
        self._defaults = network.conditions
        self._page = Page(network.store)

    def application(self) -> web.Application:
        """The application with every route."""
        application = web.Application(middlewares=[guarded])
        application.add_routes(
            [
                web.get("/simulator", self.page),
                web.get("/simulator/", self.page),
                web.get("/simulator/reply", self.back_to_page),
                web.post("/simulator/reply", self.reply_by_form),
                web.get("/simulator/version", self.version),
                web.get("/simulator/health", self.health),
                web.get("/simulator/phones", self.phones),
                web.get("/simulator/phones/{number}", self.phone),
                web.post("/simulator/phones/{number}/replies", self.reply),
                web.get("/simulator/mails", self.mails),
                web.get("/simulator/webhooks", self.hooks),
                web.post("/simulator/webhooks/{name}", self.listen),
                web.get("/simulator/submits", self.submits),
                web.get("/simulator/faults", self.faults),
                web.post("/simulator/faults", self.change_faults),
                web.delete("/simulator/faults", self.end_faults),
                web.static("/simulator/static", HERE / "static"),
            ]
        )
        return application

    async def page(self, request: web.Request) -> web.Response:
        """The page; `?number=` shows one phone, `?lang=en` says it in English."""
        language = language_of(request.query.get("lang"))
        typed = request.query.get("number", "").strip()
        number = e164(typed) if typed else None
        if typed and number is None:
            problem = WORDS[language]["problem_number"].format(number=typed)
            return _html(self._page.draw(Asked(language), Draft(problem)), HTTPStatus.BAD_REQUEST)
        return _html(self._page.draw(Asked(language, number)))

    async def back_to_page(self, request: web.Request) -> web.Response:
        """Somebody reloads the page that a refused reply left behind."""
        raise web.HTTPSeeOther(Asked(language_of(request.query.get("lang"))).address())

    async def reply_by_form(self, request: web.Request) -> web.Response:
        """A reply from the page."""
        form = await request.post()
        phone, to, text, number = (str(form.get(name, "")) for name in ("phone", "to", "text", "number"))
        asked = Asked(language_of(str(form.get("lang"))), e164(number) if number else None)
        match read_reply(phone, to, text):
            case ReplyProblem() as problem:
                draft = Draft(problem_words(problem, asked.language), phone, to, text)
                return _html(self._page.draw(asked, draft), HTTPStatus.BAD_REQUEST)
            case reply:
                self._network.bring(reply.phone, reply.to, reply.text)
                raise web.HTTPSeeOther(f"{asked.address()}#phone-{reply.phone[1:]}")

    async def version(self, _request: web.Request) -> web.Response:
        """A number that grows with every text and mail."""
        return _json({"version": self._store.version})

    async def health(self, _request: web.Request) -> web.Response:
        """That it runs, and how many submits there were, and events that the platform has yet to take."""
        return _json(
            {
                "status": "ok",
                "submits": self._store.submits,
                "taken": self._store.taken,
                "callbacks_waiting": self._callbacks.waiting,
                "callbacks_posted": self._callbacks.posted,
            }
        )

    async def phones(self, _request: web.Request) -> web.Response:
        """Every phone with its number of texts received, the one with the latest text first."""
        phones = self._store.latest_phones(self._store.phone_count)
        return _json(
            [{"number": phone.number, "texts": sum(1 for _ in phone.received())} for phone in phones]
        )

    async def phone(self, request: web.Request) -> web.Response:
        """The texts that a phone received, oldest first."""
        number = e164(request.match_info["number"])
        if number is None:
            return _json({"error": ReplyProblem.PHONE.value}, HTTPStatus.BAD_REQUEST)
        return _json(
            [
                {"from": text.sender, "to": text.recipient, "text": text.text, "at": iso(text.at)}
                for text in self._store.phone(number).received()
            ]
        )

    async def reply(self, request: web.Request) -> web.Response:
        """A text from a phone to a number of the platform's."""
        body = await _body(request)
        if not isinstance(body, dict):
            return _json({"error": 'send JSON: {"to": "+46…", "text": "…"}'}, HTTPStatus.BAD_REQUEST)
        match read_reply(request.match_info["number"], body.get("to"), body.get("text")):
            case ReplyProblem() as problem:
                return _json({"error": problem.value}, HTTPStatus.BAD_REQUEST)
            case reply:
                self._network.bring(reply.phone, reply.to, reply.text)
                return _json({"from": reply.phone, "to": reply.to, "text": reply.text}, HTTPStatus.ACCEPTED)

    async def mails(self, request: web.Request) -> web.Response:
        """The mails, oldest first, each once for each recipient; `?to=` only those to that address."""
        return _json(
            [
                {
                    "from": mail.sender,
                    "to": recipient,
                    "subject": mail.subject,
                    "text": mail.text,
                    "headers": dict(mail.headers),
                    "at": iso(mail.at),
                }
                for recipient, mail in self._store.mails(request.query.get("to"))
            ]
        )

    async def listen(self, request: web.Request) -> web.Response:
        """A webhook is told of something; the name in its address says what we answer."""
        name = request.match_info["name"]
        if name not in ANSWERS:
            return _json({"error": f"there are: {', '.join(ANSWERS)}"}, HTTPStatus.NOT_FOUND)
        number, body = self._store.hooks[-1].n + 1 if self._store.hooks else 1, await request.read()
        self._store.remember_hook(hook_of(number, time.time(), name, request.headers, body))
        return web.Response(status=ANSWERS[name])

    async def hooks(self, _request: web.Request) -> web.Response:
        """What webhooks were told, oldest first."""
        return _json(
            [
                {"name": h.name, "status": h.status, "headers": h.headers, "body": h.body, "at": iso(h.at)}
                for h in self._store.hooks
            ]
        )

    async def submits(self, request: web.Request) -> web.Response:
        """Every submit after number `?since=`, taken or not, oldest first; `next` is what to ask for then."""
        try:
            since = int(request.query.get("since", "0"))
            limit = int(request.query.get("limit", SUBMITS_AT_ONCE))
        except ValueError:
            return _json({"error": "since and limit are whole numbers"}, HTTPStatus.BAD_REQUEST)
        limit = max(1, min(limit, SUBMITS_AT_ONCE))
        submits = self._store.submits_since(since, limit)
        if submits is None:
            submits = await asyncio.to_thread(self._store.submits_in_journal, since, limit)
        return _json({"submits": submits, "next": submits[-1]["n"] if submits else since})

    async def faults(self, _request: web.Request) -> web.Response:
        """The conditions in force."""
        return _json(self._network.conditions.as_json())

    async def change_faults(self, request: web.Request) -> web.Response:
        """Change some conditions, until they are changed again or the process ends."""
        match changed(self._network.conditions, await _body(request)):
            case BadConditions(error):
                return _json({"error": error}, HTTPStatus.BAD_REQUEST)
            case Conditions() as conditions:
                self._network.conditions = conditions
                return _json(conditions.as_json())

    async def end_faults(self, _request: web.Request) -> web.Response:
        """Back to the conditions of the start."""
        self._network.conditions = self._defaults
        return _json(self._defaults.as_json())


async def _body(request: web.Request) -> Any:
    """The JSON in a request, whatever it calls itself; None where it holds none."""
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        return None


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(value, status=status)


def _html(page: bytes, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=page, status=status, content_type="text/html", charset="utf-8")
