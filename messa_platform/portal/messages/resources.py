"""Where the messages' pages hang: `/messages` and what is under it, each loaded for whoever is signed in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID

from pyramid.authorization import DENY_ALL, Allow
from pyramid.httpexceptions import HTTPNotFound

from messa_platform.core.resources import Resource
from messa_platform.messaging import lists, sendings
from messa_platform.messaging.conversation import Conversation, open_thread
from messa_platform.messaging.lists import SavedList
from messa_platform.messaging.sendings import Progress
from messa_platform.portal.forms import asked
from messa_platform.portal.identity import SIGNED_IN

PERMISSION = "messages"


def read_id(name: str) -> UUID:
    """An id as it stands in our addresses, and only so: no view's name can be one. Raises KeyError."""
    try:
        found = UUID(name)
    except ValueError:
        raise KeyError(name) from None
    if str(found) != name:
        raise KeyError(name)
    return found


def wanted_id(name: str) -> UUID:
    """The same of what an address or a form names. Raises HTTPNotFound."""
    try:
        return read_id(name)
    except KeyError:
        raise HTTPNotFound from None


class MessagesResource(Resource):
    """`/messages`: the threads of whoever is signed in."""

    __acl__ = ((Allow, SIGNED_IN, PERMISSION), DENY_ALL)

    def __getitem__(self, name: str) -> Resource:
        if place := _PLACES.get(name):
            return place(self.request, name, self)
        return ThreadResource(self, read_id(name))


class _Loaded(Resource, ABC):
    """Something of the signed-in account's own, found by its id in one look-up. Who is signed out is asked to sign in, and learns nothing."""

    def __init__(self, parent: Any, identifier: UUID) -> None:
        super().__init__(parent.request, str(identifier), parent)
        self.id = identifier
        identity = self.request.identity
        if identity is not None and not self.load(identity.account_id):
            raise KeyError(str(identifier))

    @abstractmethod
    def load(self, account_id: UUID) -> bool:
        """Look it up; False if the account has none of that id."""


class ThreadResource(_Loaded):
    """`/messages/<id>`: one thread, opened at its newest messages or at those before a place (`?before=`)."""

    opened: Conversation

    def load(self, account_id: UUID) -> bool:
        found = open_thread(self.request.db, account_id, self.id, before=asked(self.request, "before"))
        if found is not None:
            self.opened = found
        return found is not None


class SendingsResource(Resource):
    """`/messages/sendings`."""

    def __getitem__(self, name: str) -> Resource:
        return SendingResource(self, read_id(name))


class SendingResource(_Loaded):
    """`/messages/sendings/<id>`: a text to many, looked at before it is sent, and what became of it."""

    progress: Progress

    def load(self, account_id: UUID) -> bool:
        found = sendings.progress(self.request.db, account_id, self.id)
        if found is not None:
            self.progress = found
        return found is not None


class ListsResource(Resource):
    """`/messages/lists`: the saved lists of recipients."""

    def __getitem__(self, name: str) -> Resource:
        return ListResource(self, read_id(name))


class ListResource(_Loaded):
    """`/messages/lists/<id>`: one of them."""

    saved: SavedList

    def load(self, account_id: UUID) -> bool:
        found = lists.get(self.request.db, account_id, self.id)
        if found is not None:
            self.saved = found
        return found is not None


class ManyResource(Resource):
    """`/messages/many`: the form for a text to many."""


_PLACES = {"sendings": SendingsResource, "lists": ListsResource, "many": ManyResource}
