"""Secrets at rest, secrets that are derived, nonces, rate limits."""
