"""Lists of devices too long for the rules of a job: kept as a file of our own store, as an uploaded one is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from otagw import runtime
from otagw.ota.accounts import Account
from otagw.ota.packages import stored_files
from otagw.ota.rollouts.records import Rules

# How many names the rules of a job hold by themselves: they are read whenever one of its devices asks.
HELD: Final = 200
_PREFIX: Final = "ota/lists/"


def name(account: Account, rules: Rules, names: Sequence[str]) -> Rules:
    """Return the rules of a job for these devices; a long list is written before any transaction."""
    if len(names) <= HELD:
        return replace(rules, names=tuple(names))
    data = "\n".join(names).encode()
    key = stored_files.announce(account, _PREFIX, "txt")
    path = stored_files.new_path(key)
    measure = stored_files.Measure()
    measure.update(data)
    writer = runtime.current().storage.create(path)
    try:
        writer.write(data)
        writer.commit()
    except BaseException:
        writer.discard()
        raise
    stored_files.uploaded(key, path, measure.facts())
    return replace(rules, list_key=key)
