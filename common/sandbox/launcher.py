"""Takes from its own process what a program does not need, and becomes that program.

Started by ``launch``, in a process of its own: code between fork and exec is not safe in a process with threads.
Imports nothing of ours, so that it starts fast. Its arguments: numbers, the filter of system calls, a rule for each
path that may be used, ``--``, and the command.

Sources: ``landlock(7)``, ``seccomp(2)``, ``user_namespaces(7)``, ``capabilities(7)``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

REFUSED = 78
"""Exit code where something that must not be missing is (EX_CONFIG of sysexits.h)."""
NOT_EXECUTABLE = 126
"""Exit code where the command is no program that may be executed; as shells have it."""
MARK = "flotilla-sandbox: "
OWN_PID = 0x7F0F0F0F
_MOST_TASKS = 256
_LAST_SECONDS = 10
"""Of processor time, for a program that is told that it had all: Go's runtime tells what each of its threads did."""
_NEW_USER, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_DROP_FROM_BOUNDING, _NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 24, 38, 22, 2
_EXECUTE, _WRITE, _READ, _LIST, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_FILE, _TRUNCATE, _DEVICE = 1 << 7, 1 << 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE
_RIGHTS = {
    "r": _READ | _LIST,
    "x": _READ | _EXECUTE,
    "d": _READ | _WRITE,
    "o": _READ | _LIST,
    "w": _READ | _LIST | _WRITE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _TRUNCATE,
}
"""What a rule gives by its first letter. Links, sockets, pipes and devices are made nowhere.

What is the program's own (``o``) or its folder (``w``) also becomes the user's that it runs as."""
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Confine this process, and become the command."""
    numbers, program, *rest = sys.argv[1:]
    memory, cpu, written, uid, strict = map(int, numbers.split(","))
    rules, command = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    own = [rule[1:] for rule in rules if rule[0] in "wo"]
    os.closerange(3, 1 << 16)
    bound(memory, cpu, written)
    leave(uid and uid + os.getpid(), own)
    missing = []
    try:
        confine_files(rules)
    except OSError as error:
        missing.append(f"no Landlock: {error.strerror}")
    try:
        confine_calls(program)
    except OSError as error:
        missing.append(f"no filter of system calls: {error.strerror}")
    if missing and strict:
        sys.stderr.write(f"{MARK}{'; '.join(missing)}\n")
        sys.exit(REFUSED)
    try:
        os.execv(command[0], command)  # noqa: S606 - there is no shell, and shall be none
    except OSError as error:
        sys.stderr.write(f"{MARK}{error.strerror}\n")
        sys.exit(NOT_EXECUTABLE)


def bound(memory: int, cpu: int, written: int) -> None:
    """Set the limits of this process; 0 seconds of ``cpu`` bound nothing, for a process that stays.

    Processor time ends with SIGXCPU. At its hard limit the kernel sends SIGKILL in its place, which would say nothing
    of why.
    """
    bounds = [(resource.RLIMIT_DATA, memory, 0), (resource.RLIMIT_FSIZE, written, 0), (resource.RLIMIT_CORE, 0, 0)]
    if cpu:
        bounds.append((resource.RLIMIT_CPU, cpu, _LAST_SECONDS))
    for kind, most, more in bounds:
        hard = resource.getrlimit(kind)[1]
        soft, last = ((each if hard == resource.RLIM_INFINITY else min(each, hard)) for each in (most, most + more))
        resource.setrlimit(kind, (soft, last))


def leave(uid: int, own: list[str]) -> None:
    """Take another user, no capability, and namespaces of its own, as far as each can be had."""
    root = os.geteuid() == 0
    if root:
        attempt("unshare", _NEW_NETWORK | _NEW_IPC)
        for capability in range(64):
            attempt("prctl", _DROP_FROM_BOUNDING, capability, 0, 0, 0)
    if uid:
        for folder in own:
            give(folder, uid)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    own_users = attempt("unshare", _NEW_USER | (0 if root else _NEW_NETWORK | _NEW_IPC))
    if uid or (own_users and not root):
        # elsewhere it would count what others run as the same user, and the system's root is exempt from it
        resource.setrlimit(resource.RLIMIT_NPROC, (_MOST_TASKS, _MOST_TASKS))


def give(folder: str, uid: int) -> None:
    """Make a folder and all that is in it another user's."""
    os.chown(folder, uid, uid)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(f"{place}/{name}", uid, uid, follow_symlinks=False)


def confine_files(rules: list[str]) -> None:
    """Allow no path but those that rules name, no port, and from ABI 6 no abstract socket and no signal to others.

    Raises:
        OSError: the kernel has no Landlock, or it is switched off.
    """
    version = call("syscall", _CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    size = 8 if version < 4 else 16 if version < 6 else 24
    asked = struct.pack("=QQQ", files, 0b11, 0b11)[:size]
    ruleset = call("syscall", _CREATE_RULESET, asked, ctypes.c_size_t(size), 0)
    for rule in rules:
        try:
            place = os.open(rule[1:], os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError):
            continue  # what is not there, or may not be reached anyway, needs no rule
        given = _RIGHTS[rule[0]] & files & (-1 if os.path.isdir(rule[1:]) else _OF_FILES)
        call("syscall", _ADD_RULE, ruleset, 1, struct.pack("=Qi", given, place), 0)
        os.close(place)
    call("syscall", _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def confine_calls(program: str) -> None:
    """Install the filter of system calls, this process's number in it.

    Raises:
        OSError: the kernel has no such filters, or none is known for this machine.
    """
    if not program:
        raise OSError(0, "none is known for this machine")
    steps = bytes.fromhex(program).replace(struct.pack("=I", OWN_PID), struct.pack("=I", os.getpid()))
    kept = ctypes.create_string_buffer(steps)
    call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    call("prctl", _SECCOMP, _FILTER, struct.pack("@HP", len(steps) // 8, ctypes.addressof(kept)), 0, 0)


def call(name: str, *arguments: object) -> int:
    """Return the answer of a function of the C library.

    Raises:
        OSError: it failed.
    """
    answer: int = getattr(_libc, name)(*arguments)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def attempt(name: str, *arguments: object) -> bool:
    """Return whether a call that may be refused was done."""
    try:
        call(name, *arguments)
    except OSError:
        return False
    return True
