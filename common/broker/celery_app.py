"""The application by name, for ``celery --app=common.broker.celery_app`` (Flower)."""

from common.broker.app import make_celery
from common.settings import settings

app = make_celery(settings())
