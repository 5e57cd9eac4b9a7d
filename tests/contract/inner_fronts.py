"""What is asked at the command line, and of the core where nothing else leads to it."""

import functools
import re

import click

from otagw import errors
from otagw.cli import main
from otagw.ota import accounts, audit
from otagw.ota.devices import devices, external_ids, groups, timeline
from otagw.ota.packages import insertion, packages, stored_files
from otagw.ota.packages.records import PackageDraft
from otagw.ota.rollouts import device_lists, jobs, tasks
from tests.contract.isolation import FOREIGN, OWN, Answer, Question


def _commands(command, words=""):
    """Yield the commands that are about an account's things, by their words."""
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _commands(each, f"{words} {name}".lstrip())
    elif any(parameter.name == "account" for parameter in command.params):
        yield words, command


class Commands:
    """The commands that are about one account's things; those without ``--account`` are about the gateway's."""

    NAMES = {
        "delivery_id": "delivery",
        "device": "device",
        "group": "group",
        "key": "product",
        "name": "signer",
        "package_id": "package",
        "product": "product",
        "products": "product",
        "project_id": "+project",
        "webhook_id": "webhook",
        "words": "module",
    }
    OWN = {
        "audit": {"key": "key_id"},
        "keys signing add": {"name": "+signer"},
        "keys signing create": {"name": "+signer"},
        "keys signing delete": {"name": "spare_signer"},
        "keys signing enable": {"name": "spare_signer"},
        "products create": {"name": "+product_name", "key": "+product"},
        "products delete": {"key": "spare_product"},
    }
    PLAIN = {"interval": "00:05:00", "signature": "AAAA", "url": "https://hooks.test/", "token": "12345678"}
    LEFT_OUT = (
        *(
            "as_json",
            "auto",
            "before",
            "clear",
            "description",
            "events",
            "failed",
            "force",
            "gateway",
            "most",
            "not_before",
            "offline",
            "oldest_first",
        ),
        *("operation", "page", "secret", "since", "skipped", "until", "account"),
    )
    ACCEPTED = {
        "audit": {"key": "a filter by what does not exist fits nothing"},
        "devices import": {"product": "rows that cannot be devices are skipped and told of"},
        "keys signing add": {"name": "a name of one's own"},
        "keys signing create": {"name": "a name of one's own"},
        "products create": {"name": "a name of one's own"},
    }
    TOLD = {
        "products create": {"key": "a ProductKey is unique in the whole gateway"},
        "projects create": {"project_id": "a project is unique in the whole gateway, since it is all that a path has"},
    }
    # `keys create` is the operator's, who gives keys to accounts; `simulate` is a client, and reads devices as `devices
    # show` does.

    table = {words: command for words, command in _commands(main) if words not in ("keys create", "simulate")}

    def __init__(self, worlds):
        self.worlds = worlds

    def kind(self, words, name):
        kind = self.OWN.get(words, {}).get(name) or self.NAMES.get(name)
        known = kind or name in self.PLAIN or name in self.LEFT_OUT or name in ("file", "public")
        assert known, f"otagw {words}: say in inner_fronts.py which kind of object {name} names"
        return kind

    def questions(self, words):
        command = self.table[words]
        naming = [parameter.name for parameter in command.params if self.kind(words, parameter.name)]
        needed = [parameter.name for parameter in command.params if parameter.required or parameter.name == "words"]
        needed += ["product"] if words == "devices import" else []
        yield self.question(words, "nothing", OWN, needed, ())
        for name in naming:
            if name not in needed:
                yield self.question(words, name, OWN, [*needed, name], ())
            yield self.question(words, name, FOREIGN, [*needed, name], (name,))
            if len(naming) > 1:
                yield self.question(words, name, "foreign with all else", [*needed, name], naming)

    def question(self, words, about, whose, asked, foreign):
        accepted = self.ACCEPTED.get(words, {}).get(about, "")
        told = self.TOLD.get(words, {}).get(about, "") if whose != OWN else ""
        ask = functools.partial(self.call, words, asked, foreign)
        return Question("Commands", words, about, whose, ask, accepted, told)

    def call(self, words, asked, foreign):
        given = []
        for parameter in self.table[words].params:
            if parameter.name in asked:
                value = self.value(words, parameter.name, parameter.name in foreign)
                given += [parameter.opts[0], *value] if isinstance(parameter, click.Option) else value
        code, text = self.worlds.asker.cli(*words.split(), *given, "--account", "other")
        said = " ".join("*" if word in given or re.search("[0-9]", word) else word for word in text.split())
        return Answer(code, said if code else "", text)

    def value(self, words, name, foreign):
        kind = self.kind(words, name)
        if name in ("file", "public"):
            return [str(self.worlds.folder / name)]
        if kind is None:
            return [self.PLAIN[name]]
        if kind.startswith("+"):
            kind = kind.removeprefix("+")
            return [self.worlds.owner.has[kind] if foreign else f"fresh{kind}"]
        value = (self.worlds.owner if foreign else self.worlds.asker).has[kind]
        return [value, "0.6"] if name == "words" else [value]


class Core:
    """Functions of the core that take what a front has found before: they do not trust that it was the account's."""

    table = (
        *("devices.enable", "devices.set_token", "devices.delete", "timeline.page", "groups.find", "groups.count"),
        *("files.claim", "files.release", "files.get", "device_lists.listed", "tasks.counts", "jobs.of_device"),
        *("tasks.forget_counts", "origins.names", "packages.hold", "insertion.at_once"),
    )

    def __init__(self, worlds):
        self.worlds = worlds

    def questions(self, operation):
        for whose in (OWN, FOREIGN):
            ask = functools.partial(self.call, operation, whose)
            about = "object" if whose == FOREIGN else "nothing"
            yield Question("Core", operation, about, whose, ask, "what is not there may be passed over")

    def call(self, operation, whose):
        side = self.worlds.asker if whose == OWN else self.worlds.owner
        try:
            found = self._act(operation, accounts.get("other", accounts.Rules()), side.has, side.found)
        except errors.Fault as fault:
            return Answer(0, type(fault).__name__, str(vars(fault)))
        except AssertionError:
            return Answer(0, "AssertionError", "")
        return Answer(0, "", str(found))

    @staticmethod
    def _act(operation, account, has, found):
        match operation:
            case "devices.enable":
                return devices.enable(account, found["device"], False)
            case "devices.set_token":
                return devices.set_token(account, found["device"], "token")
            case "devices.delete":
                return devices.delete(account, found["device"])
            case "timeline.page":
                return timeline.page(account, found["device"], 1, 10)
            case "groups.find":
                return groups.find(account, int(has["group"]))
            case "groups.count":
                return groups.count(account, found["group"])
            case "files.claim":
                return stored_files.claim(account, [has["file_key"]])
            case "files.release":
                return stored_files.release(account, [has["used_file_key"]])
            case "files.get":
                return stored_files.get(account, has["file_key"])
            case "device_lists.listed":
                return device_lists.listed(account, has["list_key"], has["product"])
            case "tasks.counts":
                return tasks.counts(account.id, int(has["job"]))
            case "insertion.at_once":  # the short way; another account's keys that sign by themselves do not bar it
                draft = PackageDraft(
                    name="fresh", version="9", product_key=has["product"], url="https://files.test/x.bin"
                )
                with audit.acting(audit.Actor("otherid", "test", "", "")):
                    return insertion.at_once(account, draft, False)
            case "tasks.forget_counts":
                return tasks.forget_counts(account.id, int(has["job"]))
            case "origins.names":
                return external_ids.names(account, has["product"], [has["plain_id"], has["chosen"]])
            case "packages.hold":
                return packages.hold(account, has["package"])
            case "jobs.of_device":
                return jobs.of_device(account, has["package"], found["device"], 1, 10)
        raise AssertionError(operation)


FRONTS = (Commands, Core)
