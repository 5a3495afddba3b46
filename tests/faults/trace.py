"""What a job asks of the kernel, as strace records it, and the failures that each call can meet."""
import collections
import os
import re
import subprocess

# By kind of descriptor, where that decides what can occur. Nothing does on a pipe or eventfd within the program: OWN.
FILE, STREAM, SOCKET, OWN = "file", "stream", "socket", "own"

FAILURES = {
    "open openat openat2": "EACCES EIO EMFILE ENOSPC EINTR",
    "read readv pread64 preadv": {FILE: "EIO EINTR", STREAM: "EIO EINTR EAGAIN", SOCKET: "ECONNRESET EINTR EAGAIN"},
    "write writev pwrite64 pwritev": {FILE: "ENOSPC EIO EINTR", STREAM: "ENOSPC EIO EINTR EAGAIN", SOCKET: "ECONNRESET EINTR EAGAIN"},
    "close": "EIO EINTR",
    "fsync fdatasync syncfs sync_file_range msync": "EIO ENOSPC",
    "rename renameat renameat2 link linkat symlink symlinkat": "EIO ENOSPC EACCES",
    "unlink unlinkat rmdir chmod fchmod utimensat": "EIO EACCES",
    "mkdir mkdirat": "ENOSPC EACCES EIO",
    "stat fstat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd": "EIO EACCES",
    "statfs fstatfs lseek": "EIO",
    "getdents64": "EIO ENOMEM",
    "mmap": {FILE: "ENOMEM ENODEV", None: "ENOMEM"},
    "mprotect mremap": "ENOMEM",
    "ftruncate truncate fallocate copy_file_range sendfile": "ENOSPC EIO",
    "flock": "ENOLCK EINTR EIO",
    "clone3 clone": "EAGAIN ENOMEM",
    "socket socketpair pipe2 eventfd2 epoll_create1 timerfd_create dup dup2 dup3": "EMFILE ENOMEM",
    "bind listen": "EADDRINUSE EACCES",
    "accept accept4": "EMFILE ECONNABORTED EINTR EAGAIN",
    "connect": "ECONNREFUSED ETIMEDOUT ENETUNREACH",
    "sendto sendmsg sendmmsg": "ECONNRESET EPIPE EINTR EAGAIN",
    "recvfrom recvmsg recvmmsg": "ECONNRESET EINTR EAGAIN",
    "setsockopt getsockopt getsockname getpeername": "ENOBUFS",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait epoll_pwait poll ppoll select pselect6": "EINTR",
}
FAILURES = {call: errors for calls, errors in FAILURES.items() for call in calls.split()}
READS = ("read", "readv", "recvfrom", "recvmsg", "accept", "accept4")
PATH_CALLS = {"openat": 1, "newfstatat": 1, "statx": 1, "unlinkat": 1, "mkdirat": 1, "readlinkat": 1, "faccessat": 1, "faccessat2": 1}

Call = collections.namedtuple("Call", "thread main name order path nth kind")
LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")


def strace(log, *options):
    return ["strace", "-f", "-qq", "-y", "-s", "512", "-e", "signal=none", "-o", log, *options]


def path_and_kind(name, arguments):
    """The file that a call is about, by name or descriptor ("" if none), and what the descriptor is."""
    text = arguments
    if name == "mmap":
        words = arguments.split(", ")
        text = words[4] if len(words) > 4 else ""
    found = DESCRIPTOR.match(text)
    if found and not (name in PATH_CALLS and re.search(r'^\d+<[^>]*>, "[^"]', text)):
        what = found.group(1)
        if what.startswith("/"):
            return what, FILE
        if re.match(r"(socket|TCP|UDP|UNIX|NETLINK)", what):
            return "", SOCKET
        return "", STREAM if re.match(r"[012]<", text) else OWN
    found = re.search(r'"((?:[^"\\]|\\.)*)"', text)
    if found and found.group(1).startswith("/") and name not in ("write", "read", "sendto", "recvfrom"):
        return found.group(1), FILE
    return "", None


def calls_of(log):
    """Every call of a log, in order; each knows its number among the calls of its name, of its thread, in all and on its path."""
    orders, nths, calls, main = collections.Counter(), collections.Counter(), [], None
    with open(log, errors="replace") as f:
        for line in f:
            found = LINE.match(line)
            if not found:
                continue
            thread, name, arguments = found.groups()
            main = main or thread
            path, kind = path_and_kind(name, arguments)
            orders[thread, name] += 1
            nths[thread, name, path] += 1
            calls.append(Call(thread, thread == main, name, orders[thread, name], path, nths[thread, name, path], kind))
    return calls


Done = collections.namedtuple("Done", "name arguments result")


def succeeded(log):
    """Every call that did what was asked, in the order in which they ended."""
    begun = {}
    with open(log, errors="replace") as f:
        for line in f:
            thread, text = line.rstrip("\n").split(None, 1)
            if text.endswith("<unfinished ...>"):
                begun[thread] = text[:-len("<unfinished ...>")]
                continue
            text = re.sub(r"^<\.\.\. \w+ resumed>", lambda _: begun.pop(thread), text)
            found = re.match(r"(\w+)\((.*)\) += ((?!-1 ).*)$", text)
            if found:
                yield Done(*found.groups())


class Fault:
    """One call that fails: the N-th of its name in every thread, or the N-th on PATH. strace counts by thread."""

    def __init__(self, call, error, number, path=""):
        self.call, self.error, self.number, self.path = call, error, number, path

    def __str__(self):
        return f"{self.call} {self.error} {self.number}" + (f" '{self.path}'" if self.path else "")

    def options(self, place):
        options = ["--seccomp-bpf", "-e", f"trace={self.call}", "-e", f"inject={self.call}:error={self.error}:when={self.number}"]
        return options + (["-P", os.path.join(place.root, self.path)] if self.path else [])


def faults_of(place, calls, version_calls):
    """The failures of every distinct call beyond those of --version, and how many calls strace cannot reach: those of a thread other
    than the main one, on no path, whose number the start of the program has used up."""
    used = collections.Counter(call.name for call in version_calls)
    usual = {(call.name, call.path) for call in version_calls}
    edge_triggered = any(call.name == "epoll_ctl" for call in calls)
    faults, unreachable = {}, 0
    for call in calls:
        errors = FAILURES.get(call.name)
        if isinstance(errors, dict):
            errors = errors.get(call.kind, errors.get(None))
        if edge_triggered and call.name in READS:
            errors = (errors or "").replace("EAGAIN", "")  # epoll would report bytes that are there, once
        if not errors:
            continue
        by_path = call.path and (call.name, call.path) not in usual and ".tmp." not in call.path and "/proc/" not in call.path
        if not by_path and call.order <= used[call.name]:
            unreachable += not call.main
            continue
        inside = call.path.startswith(place.root + "/")
        number, path = (call.nth, call.path[len(place.root) + 1:] if inside else call.path) if by_path else (call.order, "")
        for error in errors.split():
            faults.setdefault((call.name, error, number, path), Fault(call.name, error, number, path))
    return list(faults.values()), unreachable
