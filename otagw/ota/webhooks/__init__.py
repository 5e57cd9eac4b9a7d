"""Webhooks: events, and the outbox that delivers them."""
