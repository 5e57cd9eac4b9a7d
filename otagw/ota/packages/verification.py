"""Whether a package is what it is said to be: its files are looked at before anything is written."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from otagw import errors
from otagw.ota.accounts import Account
from otagw.ota.packages import stored_files
from otagw.ota.packages.fetch import Fetcher
from otagw.ota.packages.records import Facts, PackageDraft


def check(account: Account, draft: PackageDraft) -> tuple[PackageDraft, bool]:
    """Return the draft with what was left out of its files filled in, and whether all of its bytes are known.

    Raises `errors.NotFound` for a file that the account has not uploaded, `errors.FetchFailed` for one of a listed host
    that cannot be had, `errors.EmptyFile`, `errors.SizeMismatch` and `errors.DigestMismatch`. Files of unlisted hosts
    are taken as they are said to be. As this may take as long as a `Fetcher` has, it is no part of any transaction.
    """
    draft = _in_lower_case(draft)
    fetcher = Fetcher(account.rules.fetch_hosts, account.rules.max_bytes)
    method = draft.sign_method or "MD5"
    if draft.files:
        parts = [_part(account, fetcher, method, part) for part in draft.files]
        found = tuple(facts for _, facts in parts)
        return replace(draft, files=tuple(part for part, _ in parts), facts=found), all(found)
    facts = _facts(account, fetcher, draft.url, draft.object_key)
    if facts is None:
        return draft, False
    return replace(draft, size=_size(facts, draft.size), sign=_sign(facts, method, draft.sign), facts=(facts,)), True


def _in_lower_case(draft: PackageDraft) -> PackageDraft:
    """Return a draft with its digests in lower case: devices compare them with what they compute, letter by letter."""
    sign = draft.sign and draft.sign.lower()
    if not draft.files and sign == draft.sign:
        return draft
    digests = {"file_md5", "sign_value"}
    files = tuple(
        {name: value.lower() if name in digests and value else value for name, value in part.items()}
        for part in draft.files
    )
    return replace(draft, sign=sign, files=files)


def _facts(account: Account, fetcher: Fetcher, url: str | None, object_key: str | None) -> Facts | None:
    """Return what is known of a file: of our own store by its key, of another host by its URL."""
    if object_key:
        facts = stored_files.get(account, object_key).facts
        if not facts.size:  # from before such uploads were refused
            raise errors.EmptyFile(object_key)
        return facts
    return fetcher.facts(url) if url else None


def _part(
    account: Account, fetcher: Fetcher, method: str, part: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Facts | None]:
    facts = _facts(account, fetcher, part["url"], part.get("object_key"))
    if facts is None:
        return part, None
    filled = {
        "size": _size(facts, part["size"]),
        "file_md5": _sign(facts, "MD5", part["file_md5"]),
        "sign_value": _sign(facts, method, part["sign_value"]),
    }
    return {**part, **filled}, facts


def _size(facts: Facts, given: int | None) -> int:
    if given not in (None, facts.size):
        raise errors.SizeMismatch(given or 0, facts.size)
    return facts.size


def _sign(facts: Facts, method: str, given: str | None) -> str:
    """Return the digest, which one that was given has to be."""
    actual = facts.md5 if method == "MD5" else facts.sha256
    if given and given != actual:
        raise errors.DigestMismatch(method, given, actual)
    return actual
