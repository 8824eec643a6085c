"""Who dies with whom: the server with its starter, a fork with the server that made it; and how a fork is made."""
import gc
import json
import os
import select
import signal
import stat
import threading
import time

_children = set()
"""Process ids of the forks that this process made."""
_mine = os.pipe()
"""Nobody writes into it; its write end closes when this process dies, however it dies."""


def die_with_parent():
    """Exits when the process that started this one is gone: standard input ends, or the parent's number changes."""
    parent = os.getppid()
    pipe = stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode)

    def watch():
        while os.getppid() == parent:
            if not pipe:
                time.sleep(0.5)
            elif select.select([0], [], [], 0.5)[0] and not os.read(0, 4096):
                break
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def detach():
    """A session of its own: signals to the starter's terminal do not reach this process."""
    try:
        os.setsid()
    except OSError:
        pass
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def forks():
    """How many of the forks that this process made are alive."""
    for pid in list(_children):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            _children.discard(pid)
        except OSError:
            pass
    return len(_children)


def end_when_forgotten(path):
    """Exits when the file at `path` has not named this process for a while and no fork of it lives: nobody can find it any
    more. (The file is written after the first answer, hence the while.)"""

    def watch():
        missed = 0
        while missed < 5 or forks():
            time.sleep(1)
            try:
                with open(path, encoding="utf-8") as source:
                    mine = json.load(source)["pid"] == os.getpid()
            except (OSError, ValueError, KeyError, TypeError):
                mine = False
            missed = 0 if mine else missed + 1
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def fork():
    """os.fork(); the child exits when the parent does. Returns the child's pid, 0 in the child.

    The caller must hold every lock of ours that the child will need.
    """
    global _mine
    gc.freeze()
    pid = os.fork()
    if pid:
        _children.add(pid)
        return pid
    _children.clear()
    watched, write_end = _mine
    os.close(write_end)
    _mine = os.pipe()

    def watch():
        os.read(watched, 1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    return 0
