"""Celery tasks: doors that decode, call and map errors; each fits a screen."""
