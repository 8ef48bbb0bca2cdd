"""Every table of every room: importing this module declares them all."""

from __future__ import annotations

from messa_platform.core import post
from messa_platform.mail import models as mail
from messa_platform.messaging import idempotency
from messa_platform.messaging import models as messaging
from messa_platform.messaging.log import export_models as exports
from messa_platform.messaging.log import models as log
from messa_platform.messaging.outward import models as outward
from messa_platform.messaging.retention import models as retention
from messa_platform.providers import models as providers
from messa_platform.providers.prices import models as prices
from messa_platform.providers.routing import models as routing
from messa_platform.tenants import admin_models as administration
from messa_platform.tenants import models as tenants
from messa_platform.tenants.access import models as access
from messa_platform.tenants.api_users import models as api_users

ROOMS = (
    post,
    tenants,
    administration,
    access,
    api_users,
    providers,
    prices,
    routing,
    messaging,
    idempotency,
    log,
    exports,
    retention,
    outward,
    mail,
)
