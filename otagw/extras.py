"""The packages that some settings need beside those of requirements.lock."""

import importlib.util
from typing import Final

from otagw.settings import Settings, SettingsError

# By setting: how its URLs begin that need a package, the package, and the extra that holds it.
NEEDED: Final = (
    ("database_url", ("postgres", "cockroachdb:"), "psycopg", "postgres"),
    ("redis_url", ("redis",), "redis", "redis"),
    ("storage_url", ("s3:",), "s3fs", "s3"),
    ("obs_buckets", ("s3:",), "s3fs", "s3"),
)


def check(chosen: Settings) -> None:
    """Raise `SettingsError` for a setting whose package is not installed."""
    for name, beginnings, package, extra in NEEDED:
        value = getattr(chosen, name)
        urls = [value] if isinstance(value, str) else value.values()
        if any(url.startswith(beginnings) for url in urls) and not importlib.util.find_spec(package):
            raise SettingsError(
                f"{name}: expected the package {package}: pip install --require-hashes -r requirements-{extra}.lock; "
                f"`otagw config lock --extra {extra}` prints that file"
            )
