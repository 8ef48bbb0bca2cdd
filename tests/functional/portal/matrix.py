"""Who gets what: every view of the application, and what each kind of visitor is answered. `test_admin_matrix` asks for all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Persona(StrEnum):
    """Who asks. The subgroup admin administers the school, of which the user is a member; the sibling admin the care beside it."""

    STRANGER = "stranger, signed out"
    USER = "user"
    SUBADMIN = "subgroup admin"
    SIBLING = "sibling admin"
    MASTER = "Master admin"
    OTHER_MASTER = "other tenant's Master admin"
    OPERATOR = "operator"


class Answer(StrEnum):
    """What somebody gets."""

    MAY = "the view's own answer"
    SIGN_IN = "asked to sign in"
    SENT_ON = "sent on, being signed in"
    NOT_FOUND = "404"


MAY, SIGN_IN, SENT_ON, NOT_FOUND = Answer

GROUPS = ("own", "below", "parent", "sibling", "other tenant's")
"""Groups, as they stand to the subgroup admin: the school, a class in it, Master, the care, and the Master group of another tenant."""

_OF_GROUPS = {
    #                      own        below      parent     sibling    other tenant's
    Persona.STRANGER:     (SIGN_IN,   SIGN_IN,   SIGN_IN,   SIGN_IN,   SIGN_IN),
    Persona.USER:         (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    Persona.SUBADMIN:     (MAY,       MAY,       NOT_FOUND, NOT_FOUND, NOT_FOUND),
    Persona.SIBLING:      (NOT_FOUND, NOT_FOUND, NOT_FOUND, MAY,       NOT_FOUND),
    Persona.MASTER:       (MAY,       MAY,       MAY,       MAY,       NOT_FOUND),
    Persona.OTHER_MASTER: (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, MAY),
    Persona.OPERATOR:     (MAY,       MAY,       MAY,       MAY,       MAY),
}  # fmt: skip
OF_GROUPS: Mapping[Persona, Mapping[str, Answer]] = {
    persona: dict(zip(GROUPS, answers, strict=True)) for persona, answers in _OF_GROUPS.items()
}
"""The pages of a group."""


class For(StrEnum):
    """For whom a view is."""

    ALL = "everybody"
    NOBODY_YET = "whoever is not signed in yet"
    SIGNED_IN = "whoever is signed in, for the own account"
    OWNER = "the user, whose own thing it is"
    ADMINS = "the group's admins, and those above"
    TOP_ADMINS = "the same, and there is one of Master alone"
    ANY_ADMIN = "whoever administers something"
    OPERATOR = "the operator"


_KINDS = (For.ALL, For.NOBODY_YET, For.SIGNED_IN, For.OWNER, For.ANY_ADMIN, For.OPERATOR)
_OF_OTHERS = {
    #                      ALL  NOBODY_YET  SIGNED_IN  OWNER      ANY_ADMIN  OPERATOR
    Persona.STRANGER:     (MAY, MAY,        SIGN_IN,   SIGN_IN,   SIGN_IN,   SIGN_IN),
    Persona.USER:         (MAY, SENT_ON,    MAY,       MAY,       NOT_FOUND, NOT_FOUND),
    Persona.SUBADMIN:     (MAY, SENT_ON,    MAY,       NOT_FOUND, MAY,       NOT_FOUND),
    Persona.SIBLING:      (MAY, SENT_ON,    MAY,       NOT_FOUND, MAY,       NOT_FOUND),
    Persona.MASTER:       (MAY, SENT_ON,    MAY,       NOT_FOUND, MAY,       NOT_FOUND),
    Persona.OTHER_MASTER: (MAY, SENT_ON,    MAY,       NOT_FOUND, MAY,       NOT_FOUND),
    Persona.OPERATOR:     (MAY, SENT_ON,    MAY,       NOT_FOUND, MAY,       MAY),
}  # fmt: skip
OF_OTHERS: Mapping[Persona, Mapping[For, Answer]] = {
    persona: dict(zip(_KINDS, answers, strict=True)) for persona, answers in _OF_OTHERS.items()
}
"""All other pages."""


@dataclass(frozen=True)
class View:
    """A view, where it is asked for, and the status that those who may get: for GET, and for a form with nothing in it but its token.

    None: it takes no such request. A `name` with a stroke is a page that the view before the stroke has further down.
    """

    context: str
    name: str
    address: str
    whose: For
    get: int | None
    post: int | None

    @property
    def view(self) -> str:
        """The name that the view is registered by."""
        return self.name.partition("/")[0]


_TABLE = """
# view                           address                               for whom    GET  empty form

# Everybody's
Root                           /                                     ALL         200  200
Root.guide                     /guide                                ALL         200  200
Root.language                  /language                             ALL         303  303
Root.styleguide                /styleguide                           ALL         404  404
Root.healthz                   /healthz                              ALL         200  200
Root.readyz                    /readyz                               ALL         200  200
Root.forgot                    /forgot                               ALL         200  422
LinkResource                   /welcome/{word}                       ALL         200  422
ConsentResource                /consent/{consent}                    ALL         200  422
SsoResource.start              /sso/start                            NOBODY_YET  200  -
SsoResource.callback           /sso/callback                         ALL         303  -
LegacyApi                      /data_db/api.aspx                     ALL         200  200
None                           /static/messa.css                     ALL         200  200

# The account's own
AccountResource                /account                              SIGNED_IN   200  303
AccountResource.password       /account/password                     SIGNED_IN   200  422
AccountResource.sessions       /account/sessions                     SIGNED_IN   200  404
AccountResource.second-factor  /account/second-factor                SIGNED_IN   200  404
AccountResource.test-sms       /account/test-sms                     SIGNED_IN   303  422
MessagesResource               /messages                             SIGNED_IN   200  -
MessagesResource.new           /messages/new                         SIGNED_IN   200  422
MessagesResource.count         /messages/count                       SIGNED_IN   -    200
MessagesResource.live          /messages/live                        SIGNED_IN   200  -
ManyResource                   /messages/many                        SIGNED_IN   200  422
ManyResource.sample.csv        /messages/many/sample.csv             SIGNED_IN   200  -
ListsResource                  /messages/lists                       SIGNED_IN   200  -
ListsResource.new              /messages/lists/new                   SIGNED_IN   200  422
SendingsResource               /messages/sendings                    SIGNED_IN   200  -
ThreadResource                 /messages/{thread}                    OWNER       200  422
ThreadResource.live            /messages/{thread}/live               OWNER       200  -
ThreadResource.rename          /messages/{thread}/rename             OWNER       -    303
ThreadResource.cancel          /messages/{thread}/cancel             OWNER       -    303
ListResource                   /messages/lists/{list}                OWNER       200  422
ListResource.delete            /messages/lists/{list}/delete         OWNER       -    303
SendingResource                /messages/sendings/{sending}          OWNER       200  -
SendingResource.live           /messages/sendings/{sending}/live     OWNER       200  -
SendingResource.confirm        /messages/sendings/{sending}/confirm  OWNER       -    303
SendingResource.discard        /messages/sendings/{sending}/discard  OWNER       -    303

# A group's
Organisations                  /t                                    ANY_ADMIN   303  303
GroupResource                  {group}                               ADMINS      303  303
GroupResource.overview         {group}/@@overview                    ADMINS      200  -
GroupResource.settings         {group}/@@settings                    ADMINS      200  303
GroupResource.sender-name      {group}/@@sender-name                 ADMINS      200  303
GroupResource.signature        {group}/@@signature                   ADMINS      200  303
GroupResource.signature-count  {group}/@@signature-count             ADMINS      -    200
GroupResource.admins           {group}/@@admins                      ADMINS      200  422
GroupResource.api              {group}/@@api                         ADMINS      200  422
GroupResource.api/user         {group}/@@api/{api_user}              ADMINS      200  409
GroupResource.api/session-key  {group}/@@api/{api_user}/new-session-key  ADMINS  200  200
GroupResource.api/v2-key       {group}/@@api/{api_user}/new-v2-key   ADMINS      200  422
GroupResource.api/key          {group}/@@api/{api_user}/{api_key}    ADMINS      200  422
GroupResource.api/remove       {group}/@@api/{api_user}/remove       ADMINS      200  409
GroupResource.api/new-webhook  {group}/@@api/new-webhook             ADMINS      200  422
GroupResource.api/webhook      {group}/@@api/webhook/{webhook}       ADMINS      200  422
GroupResource.api/webhook-remove  {group}/@@api/webhook/{webhook}/remove  ADMINS  200  409
GroupResource.users            {group}/@@users                       ADMINS      200  -
GroupResource.user             {group}/@@user?id={person}            ADMINS      200  409
GroupResource.add-users        {group}/@@add-users                   ADMINS      200  422
GroupResource.move-users       {group}/@@move-users?who={person}     ADMINS      200  303
GroupResource.remove-users     {group}/@@remove-users?who={person}   ADMINS      200  303
GroupResource.task             {group}/@@task?id={task}              ADMINS      200  -
GroupResource.task-live        {group}/@@task-live?id={task}         ADMINS      200  -
GroupResource.logs             {group}/@@logs                        ADMINS      200  -
GroupResource.logs-choices     {group}/@@logs-choices?field=email    ADMINS      200  -
GroupResource.log-message      {group}/@@log-message?id={message}    ADMINS      200  -
GroupResource.domains          {group}/@@domains                     ADMINS      200  422
GroupResource.add-domain       {group}/@@add-domain                  ADMINS      303  -
GroupResource.domain           {group}/@@domain?id={tied}            ADMINS      200  -
GroupResource.domain-live      {group}/@@domain-live?id={tied}       ADMINS      200  -
GroupResource.check-domain     {group}/@@check-domain?id={tied}      ADMINS      303  303
GroupResource.move-domain      {group}/@@move-domain?id={tied}       ADMINS      200  422
GroupResource.take-along       {group}/@@take-along?id={tied}        ADMINS      200  303
GroupResource.undo-take        {group}/@@undo-take?id={tied}         ADMINS      303  404
GroupResource.sign-on          {group}/@@sign-on?domain={tied}       ADMINS      200  422
GroupResource.remove-domain    {group}/@@remove-domain?id={tied}     ADMINS      200  303
GroupResource.organisation     {group}/@@organisation                TOP_ADMINS  200  409
GroupResource.marketplace      {group}/@@marketplace                 TOP_ADMINS  200  -
GroupResource.channels         {group}/@@channels                    TOP_ADMINS  200  404
GroupResource.channels/new     {group}/@@channels/new/elks           TOP_ADMINS  200  422
GroupResource.channels/one     {group}/@@channels/{own_channel}      TOP_ADMINS  200  422
GroupResource.channels/test    {group}/@@channels/{own_channel}/test    TOP_ADMINS  404  303
GroupResource.channels/pause   {group}/@@channels/{own_channel}/pause   TOP_ADMINS  404  303
GroupResource.channels/resume  {group}/@@channels/{own_channel}/resume  TOP_ADMINS  404  303
GroupResource.channels/move    {group}/@@channels/{own_channel}/move    TOP_ADMINS  404  404
GroupResource.channels/remove  {group}/@@channels/{own_channel}/remove  TOP_ADMINS  200  303
GroupResource.routes           {group}/@@routes                      TOP_ADMINS  200  404
GroupResource.routes/new       {group}/@@routes/new                  TOP_ADMINS  200  422
GroupResource.routes/one       {group}/@@routes/{own_route}          TOP_ADMINS  200  422
GroupResource.routes/remove    {group}/@@routes/{own_route}/remove   TOP_ADMINS  404  303
GroupResource.exports          {group}/@@exports                     ADMINS      200  -
GroupResource.export           {group}/@@export/{export}             ADMINS      200  303
GroupResource.export-live      {group}/@@export-live/{export}        ADMINS      200  -
GroupResource.export-file      {group}/@@export-file/{export}        ADMINS      303  -
GroupResource.audit            {group}/@@audit                       ADMINS      200  -
GroupResource.group            {group}/@@group                       ADMINS      200  422
GroupResource.new-group        {group}/@@new-group                   ADMINS      200  422
GroupResource.find-group       {group}/@@find-group                  ADMINS      200  -

# The platform's
OperatorResource               /operator                             OPERATOR    303  303
OperatorResource.audit         /operator/audit                       OPERATOR    200  -
TenantsResource                /operator/tenants                     OPERATOR    200  -
TenantsResource.new            /operator/tenants/new                 OPERATOR    200  422
TenantResource                 /operator/tenants/kommun              OPERATOR    200  -
TenantResource.suspend         /operator/tenants/kommun/suspend      OPERATOR    200  409
TenantResource.close           /operator/tenants/kommun/close        OPERATOR    200  422
TenantResource.resume          /operator/tenants/kommun/resume       OPERATOR    303  409
RangesResource                 /operator/ranges                      OPERATOR    200  -
RangesResource.new             /operator/ranges/new                  OPERATOR    200  422
RangesResource.lending         /operator/ranges/lending              OPERATOR    -    404
DomainsResource                /operator/domains                     OPERATOR    200  -
DomainResource                 /operator/domains/{waiting}           OPERATOR    200  -
DomainResource.approve         /operator/domains/{waiting}/approve   OPERATOR    303  303
DomainResource.refuse          /operator/domains/{waiting}/refuse    OPERATOR    303  404
ChannelsResource               /operator/channels                    OPERATOR    200  -
ChannelsResource.new           /operator/channels/new/elks           OPERATOR    200  422
ChannelResource                /operator/channels/{channel}          OPERATOR    200  422
ChannelResource.test           /operator/channels/{channel}/test     OPERATOR    -    303
ChannelResource.pause          /operator/channels/{channel}/pause    OPERATOR    -    303
ChannelResource.resume         /operator/channels/{channel}/resume   OPERATOR    -    303
ChannelResource.move           /operator/channels/{channel}/move     OPERATOR    -    404
ChannelResource.remove         /operator/channels/{channel}/remove   OPERATOR    200  303
RoutesResource                 /operator/routes                      OPERATOR    200  -
RoutesResource.new             /operator/routes/new                  OPERATOR    200  422
RouteResource                  /operator/routes/{route}              OPERATOR    200  422
RouteResource.remove           /operator/routes/{route}/remove       OPERATOR    -    303
PricesResource                 /operator/prices                      OPERATOR    200  -
PricesResource.new             /operator/prices/new                  OPERATOR    200  422
PricesResource.standard        /operator/prices/standard             OPERATOR    -    404
PricesVersionResource.csv      /operator/prices/{prices}/csv         OPERATOR    200  -
PricesVersionResource.xlsx     /operator/prices/{prices}/xlsx        OPERATOR    200  -
PricesVersionResource.remove   /operator/prices/{prices}/remove      OPERATOR    -    303

# Signing in and out; the last of them ends what the others need
Root.sign-in                   /sign-in                              NOBODY_YET  200  422
Root.sign-in-code              /sign-in-code                         ALL         303  303
Root.sign-out                  /sign-out                             ALL         -    303
"""


def _read(table: str) -> Iterator[View]:
    for line in table.splitlines():
        if line and not line.startswith("#"):
            view, address, whose, get, post = line.split()
            context, _, name = view.partition(".")
            status = [None if written == "-" else int(written) for written in (get, post)]
            yield View(context, name, address, For[whose], *status)


VIEWS = tuple(_read(_TABLE))
"""In the order in which they are asked for. In an address stand `{group}`, the path of the group that is asked for, `{person}` for somebody
in it, `{tied}` for a domain of it, and so on.
"""

SIMULATOR = ("SimulatorResource", "")
"""Mounted in development alone, where it hands everything on to the simulator's process, which knows nobody."""
