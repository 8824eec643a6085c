"""Transitional states on the sandbox's clock: how long a thing is pending, modifying, deleting. All off at the start.

Settings: {"nat_gateway": {"create": 60, "delete": 30}, "db_instance": {"create": 300, "modify": 60, "delete": 90}, …},
seconds by kind and by what is done to it; "fail" instead of a number of seconds is not supported. Repairs ask
`delay` and leave follow-ups with `later`; `run_due` runs them before the next request once the clock has passed.
"""
import itertools

from stackbox.clock import CLOCK

KINDS = {"nat_gateway": ("create", "delete"), "db_instance": ("create", "modify", "delete"), "vpc": ("create",),
         "subnet": ("create",), "vpc_endpoint": ("create", "delete"), "db_snapshot": ("create",),
         "instance": ("create", "delete"), "volume": ("create",), "table": ("create", "modify")}
"""Kinds and the phases they have."""
SETTINGS = {}
_due = []
_order = itertools.count()


def configure(settings):
    """Replaces the settings of the kinds named."""
    for kind, phases in settings.items():
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind}; known: {', '.join(KINDS)}")
        for phase, seconds in phases.items():
            if phase not in KINDS[kind] or float(seconds) < 0:
                raise ValueError(f"{kind} has the phases {', '.join(KINDS[kind])}, in seconds")
    for kind, phases in settings.items():
        SETTINGS[kind] = {phase: float(seconds) for phase, seconds in phases.items()}


def delay(kind, phase):
    """Seconds that the phase lasts; 0 where nothing was set."""
    return SETTINGS.get(kind, {}).get(phase, 0.0)


def later(seconds, action):
    """Runs `action` once so many seconds of the clock have passed, at once for 0."""
    if seconds <= 0:
        action()
    else:
        _due.append((CLOCK.now() + seconds, next(_order), action))


def run_due():
    """Runs what is due, in order of time. The caller holds the sandbox's lock."""
    now = CLOCK.now()
    while ready := [d for d in _due if d[0] <= now]:
        first = min(ready, key=lambda d: d[:2])
        _due.remove(first)
        first[2]()


def reset():
    SETTINGS.clear()
    _due.clear()
