"""Origins of web pages: scheme, host and port."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

ANY: Final = "*"
ORIGIN: Final = re.compile(r"https?://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?", re.IGNORECASE)


def allow(origins: Collection[str], url: str) -> bool:
    """Tell whether the origin of a URL is among those of a setting; an origin is its own."""
    try:
        own = "://".join(urlsplit(url)[:2])
    except ValueError:
        return False
    return bool(ORIGIN.fullmatch(own)) and (ANY in origins or own.lower() in {origin.lower() for origin in origins})
