"""What a process takes of the system, and gives back: memory and descriptors."""

import contextlib
import ctypes
import gc
import resource
from typing import Final

# Descriptors of a process besides those of its clients, each of which may also need one for a file.
_DESCRIPTORS: Final = 100
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of malloc.h


def keep_apart(size: int) -> None:
    """Have glibc map memory of a size by itself and unmap it at once: small objects would fill the holes it leaves."""
    with contextlib.suppress(AttributeError):  # another library than glibc, here and below
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, size)


def give_back() -> None:
    """Give the system back the memory that a crowd has left, of which Python and glibc keep all they can."""
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def room(wanted: int) -> int:
    """Return how many of the wanted connections there are descriptors for, of which this process takes what it may."""
    most, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = 2 * wanted + _DESCRIPTORS
    if most != resource.RLIM_INFINITY and most < target:
        most = target if allowed == resource.RLIM_INFINITY else min(target, allowed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, allowed))
        return (most - _DESCRIPTORS) // 2
    return wanted
