"""The application by name, for ``celery --app=common.broker.celery_app`` (Flower)."""

from common.broker import keys
from common.broker.app import make_celery
from common.settings import settings

# Flower hears events and asks workers to be inspected: with no key it could not give an order if it were made to.
app = make_celery(settings(), keys.NONE)
# Each of Flower's inspections holds one connection of the pool while it waits for a second. With fewer than twice its
# threads (at most 32) they wait for each other for ever, and Flower shows nothing.
app.conf.broker_pool_limit = 72
