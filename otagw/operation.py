"""What can be called: operations, by name."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from otagw import hosts

Schema = TypeVar("Schema")
T = TypeVar("T")


class Work(Enum):
    """What an operation does to the database, by which the server decides where it runs.

    What waits for files or other machines says so where it does: `hosts.apart`.
    """

    SHORT = "short"  # a few rows, in a moment: with all others
    READS = "reads"  # perhaps many rows: with all others for a moment, and then in a thread
    MANY = "many"  # changes to many rows: in a thread

    def run(self, handle: Callable[[], T]) -> T:
        """Return what a handler returns, run where it belongs."""
        match self:
            case Work.SHORT:
                return handle()
            case Work.READS:
                return hosts.briefly(handle)
            case Work.MANY:
                return hosts.apart(handle, hosts.ROWS)


# A handler takes the caller and the validated fields, and returns plain data under snake_case names.
Handler = Callable[..., Mapping[str, Any] | None]

# How many rows cost as much as another request: the least of what a request costs is its signature and its commit.
ROWS_A_REQUEST: Final = 20
# A request that changes all devices of a job, say, takes one step of these itself.
_MANY_ROWS: Final = 500
# Arguments that say how many rows are made or shown.
_COUNTS: Final = ("count", "limit", "page_size")

# What asks and changes nothing; whatever is called otherwise counts as a change.
_QUESTION: Final = re.compile(r"(?:Batch)?(?:Query|List|Show|Get)[A-Z]")


@dataclass(frozen=True)
class Operation(Generic[Schema]):
    """One thing that can be asked for: how its input is read, what grant it needs, and what it does.

    ``origin`` says whose API has it; ``codes`` are the refusals of its own, beside those that any operation has;
    ``rate`` is how many a second its vendor lets through, 0 where that is not said. ``work`` is what it does; one that
    changes nothing reads.
    """

    name: str
    schema: Schema
    needs: str
    handle: Handler
    origin: str = ""
    codes: tuple[str, ...] = ()
    rate: int = 0
    work: Work = Work.SHORT

    def __post_init__(self) -> None:
        if not self.changes and self.work is Work.SHORT:
            object.__setattr__(self, "work", Work.READS)

    @property
    def changes(self) -> bool:
        """Tell whether it changes something, and so leaves a trace in the audit."""
        return not _QUESTION.match(self.name)

    def cost(self, arguments: Mapping[str, Any]) -> int:
        """Return how many requests more than one a call costs, by the rows that it names, makes or shows."""
        rows = 0
        for name, value in arguments.items():
            if isinstance(value, (list, tuple, dict)):
                rows += len(value)
            elif name in _COUNTS:
                rows += value or 0
        return max(rows, _MANY_ROWS if self.work is Work.MANY else 0) // ROWS_A_REQUEST

    @property
    def doc(self) -> str:
        """Return the reference text: the handler's docstring."""
        return inspect.getdoc(self.handle) or ""


class Table(Generic[Schema]):
    """The operations of one front."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation[Schema]] = {}

    def add(self, operation: Operation[Schema]) -> None:
        """Add an operation; a name can be taken once."""
        if operation.name in self._operations:
            raise ValueError(f"{operation.name} is an operation already")
        self._operations[operation.name] = operation

    def find(self, name: str) -> Operation[Schema] | None:
        """Return the operation of exactly this name."""
        return self._operations.get(name)

    def __iter__(self) -> Iterator[Operation[Schema]]:
        return iter(self._operations.values())

    def __len__(self) -> int:
        return len(self._operations)
