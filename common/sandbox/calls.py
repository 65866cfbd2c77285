"""The system calls that a confined program does without, as a filter for seccomp. Pure.

What is listed is refused, and so is every call newer than those known here: a list of what is allowed would follow each
change of three runtimes (Go's, Rust's, Python's). The filter is installed before the tool is executed, so that it
cannot refuse ``execve``: what may be executed is Landlock's to say.

Source: ``struct seccomp_data`` and the operation codes of classic BPF, as in ``seccomp(2)`` and ``bpf_common.h``.
"""

from __future__ import annotations

import struct

OWN_PID = 0x7F0F0F0F
"""Stands in the filter for the number of the process, which only the process knows."""
_NEWEST = 462
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_THREAD, _NEW_NAMESPACES = 0x00010000, 0x7E020080

_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # a way to other programs: none is needed, and neither Landlock nor a network namespace covers Unix sockets
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # a ring does what its entries say, unseen by this filter
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # other processes, the worker among them: looked into, held up, or given other limits
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "get_robust_list": (274, 100),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "fork": (57, None),
    "vfork": (58, None),
    # namespaces and mounts, which change what paths mean
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    # what Landlock does not cover: attributes of files outside, watches on them, files that are on no path
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "truncate": (76, 45),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # parts of the kernel that nothing here needs, and that attacks on it go through
    "syslog": (103, 116),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "vmsplice": (278, 75),
    "modify_ldt": (154, None),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_KILL_CALLS = ((62, 129), (234, 131))
"""``kill`` and ``tgkill``: Go's runtime interrupts its own threads by the second."""
_PRLIMIT = (302, 261)
_FCNTL = (72, 25)
_FCNTL_REFUSED = (8, 10, 15, 1024, 1026)
"""``F_SETOWN``, ``F_SETSIG`` and ``F_SETOWN_EX`` have the kernel send any signal to any process of the same user,
``F_SETLEASE`` holds up whoever opens a file, and ``F_NOTIFY`` watches a folder."""


def program_for(machine: str) -> bytes:
    """Return the filter for a machine (``uname -m``), ``OWN_PID`` in place of the process; empty for one unknown."""
    if machine not in _ARCHITECTURES:
        return b""
    architecture, column = _ARCHITECTURES[machine]
    refused = [pair[column] for pair in _REFUSED.values()]
    numbers = [number for number in refused if number is not None]
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_ABOVE, _NEWEST, 0, 1),  # the x32 calls of x86_64 too, whose numbers have bit 30 set
        _step(_RETURN, _ERROR | _ENOSYS),
        _step(_EQUAL, _CLONE3[column], 0, 1),
        _step(_RETURN, _ERROR | _ENOSYS),  # its flags are in memory; libraries then call clone
        *_with_argument(_CLONE[column], _threads_only()),
        *(step for pair in _KILL_CALLS for step in _with_argument(pair[column], _one_of(OWN_PID))),
        *_with_argument(_PRLIMIT[column], _one_of(0, OWN_PID)),
        *_with_argument(_FCNTL[column], _none_of(*_FCNTL_REFUSED), place=_SECOND_ARGUMENT),
    ]
    steps += [_step(_EQUAL, number, len(numbers) - place, 0) for place, number in enumerate(numbers)]
    steps += [_step(_RETURN, _ALLOW), _step(_RETURN, _ERROR | _EPERM)]
    return b"".join(steps)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _with_argument(number: int, checks: list[bytes], *, place: int = _FIRST_ARGUMENT) -> list[bytes]:
    """Return steps that check one call by an argument, and pass over every other call."""
    return [_step(_EQUAL, number, 0, len(checks) + 1), _step(_LOAD, place), *checks]


def _one_of(*values: int) -> list[bytes]:
    """Return steps that allow the argument to be one of ``values``."""
    checks = [_step(_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    return [*checks, _step(_RETURN, _ERROR | _EPERM), _step(_RETURN, _ALLOW)]


def _none_of(*values: int) -> list[bytes]:
    """Return steps that refuse the argument to be one of ``values``."""
    checks = [_step(_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    return [*checks, _step(_RETURN, _ALLOW), _step(_RETURN, _ERROR | _EPERM)]


def _threads_only() -> list[bytes]:
    """Return steps that allow threads: no new process, and nothing in a namespace of its own."""
    return [
        _step(_ANY_BIT, _NEW_NAMESPACES, 1, 0),
        _step(_ANY_BIT, _THREAD, 1, 0),
        _step(_RETURN, _ERROR | _EPERM),
        _step(_RETURN, _ALLOW),
    ]
