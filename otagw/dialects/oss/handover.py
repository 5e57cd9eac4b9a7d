"""Who sends the bytes of a download in our place: the nginx in front, or the object store.

Only what they answer as we would is handed over; docs/wire/oss.md says what that is.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from werkzeug.wrappers import Request

from otagw import runtime
from otagw.dialects.oss import ranges
from otagw.ota.packages.stored_files import File

WEEK: Final = 7 * 86400  # the longest that S3 signs for
# nginx judges these before it knows our ETag, and by the date of the file, which we do not give.
CONDITIONS: Final = ("If-Match", "If-Unmodified-Since")


@dataclass(frozen=True)
class Handover:
    """To whom downloads may be handed over, as the settings say."""

    x_accel: str = ""
    redirect: bool = True

    def to_store(self, request: Request, file: File, disposition: str, seconds: int) -> str | None:
        """Return an address of the store's own, good for so many seconds; None where we answer ourselves."""
        if not self.redirect or request.method != "GET" or seconds < 1:  # signed for GET, it is no good for HEAD
            return None
        return runtime.current().storage.sign(file.path, min(seconds, WEEK), disposition)

    def to_nginx(self, request: Request, file: File, parts: list[ranges.Part] | None) -> str | None:
        """Return where nginx finds the file; None where we answer ourselves."""
        asked = request.headers.get("Range")
        unlike = asked is not None and not (parts and ranges.is_plain(asked, parts))
        if not self.x_accel or request.method != "GET" or unlike or any(name in request.headers for name in CONDITIONS):
            return None
        return self.x_accel + quote(file.path)
