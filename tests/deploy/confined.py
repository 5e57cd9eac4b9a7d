"""Run a command under the system calls that a unit of systemd allows: the kernel judges, and systemd is not needed.

``python -m tests.deploy.confined UNIT COMMAND…`` leaves the lists of calls to ``systemd-analyze syscall-filter``.
"""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.EPERM
MASKED_EQUAL = 7
WRITE, EXECUTE = 2, 4
PR_SET_NO_NEW_PRIVS = 38


class Argument(ctypes.Structure):
    """libseccomp's ``scmp_arg_cmp``."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]


def calls(group):
    """Return the system calls of a group, such as ``@chown``."""
    if not group.startswith("@"):
        return {group}
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    ).stdout
    names = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(calls, names))


def allowed(unit):
    """Return the system calls that a unit allows, line by line as systemd reads them."""
    found = calls("@default")
    for line in unit.splitlines():
        name, _, value = line.partition("=")
        if name == "SystemCallFilter":
            named = set().union(*map(calls, value.removeprefix("~").split()))
            found = found - named if value.startswith("~") else found | named
    return found


def confine(unit):
    """Let this process, and those that it starts, make these calls alone."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(DENY))
    denies_code = "MemoryDenyWriteExecute=yes" in unit.splitlines()
    for name in allowed(unit):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue
        if denies_code and name in ("mmap", "mprotect", "pkey_mprotect"):
            masks = (WRITE, EXECUTE) if name == "mmap" else (EXECUTE,)
            for mask in masks:  # allowed unless all of these bits are set
                rule = (Argument * 1)(Argument(2, MASKED_EQUAL, mask, 0))
                assert library.seccomp_rule_add_array(context, ALLOW, number, 1, rule) == 0, name
        else:
            assert library.seccomp_rule_add(context, ALLOW, number, 0) == 0, name
    assert ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execvp(sys.argv[2], sys.argv[2:])
