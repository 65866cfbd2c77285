"""The application by name, for ``celery --app=common.broker.celery_app`` (Flower)."""

from common.broker.app import make_celery
from common.settings import settings

app = make_celery(settings())
# Each of Flower's inspections holds one connection of the pool while it waits for a second. With fewer than twice its
# threads (at most 32) they wait for each other for ever, and Flower shows nothing.
app.conf.broker_pool_limit = 72
