"""The sandbox's clock: real time plus an offset that only grows, for answers' Date, injected states and moto itself.

Sleepers. A client under the sandbox sleeps by asking the server (POST /_sandbox/sleep). A sleeper is *driving* or
*passive*. While a driving sleeper exists and no AWS request is under way and none was for `quiet` real seconds, the
clock jumps to the earliest deadline of all sleepers, passive ones included, and those that are due wake up. So a poll
every ten seconds costs a few real milliseconds, a lease that is renewed every twenty seconds is renewed on the way,
and nothing jumps while a client is busy. A process that only waits for something else in real time (a lease keeper)
sleeps passively and never drives the clock.
"""
import datetime as real_datetime
import sys
import threading
import time as real_time
import types

QUIET = 0.01


class Clock:
    """Seconds since 1970 on the sandbox's clock."""

    def __init__(self):
        self.offset, self.quiet = 0.0, QUIET
        self.changed = threading.Condition()
        self.sleepers, self.next_sleeper = {}, 0
        self.busy, self.last_busy = 0, 0.0
        self.driver = None

    def after_fork(self):
        """In a forked child: the threads that slept are not here."""
        offset, quiet = self.offset, self.quiet
        self.__init__()
        self.offset, self.quiet = offset, quiet

    def now(self):
        return real_time.time() + self.offset

    def advance(self, seconds):
        if seconds < 0:
            raise ValueError("the sandbox's clock only goes forward")
        with self.changed:
            self.offset += seconds
            self.changed.notify_all()

    def http_date(self):
        return real_time.strftime("%a, %d %b %Y %H:%M:%S GMT", real_time.gmtime(self.now()))

    def enter(self):
        """An AWS request begins: no jump until it has ended."""
        with self.changed:
            self.busy += 1

    def leave(self):
        with self.changed:
            self.busy -= 1
            self.last_busy = real_time.monotonic()

    def sleep(self, seconds, passive, gone):
        """Returns when the clock has passed; `gone()` true (the client hung up) ends it early."""
        with self.changed:
            until = self.now() + seconds
            self.next_sleeper += 1
            me = self.next_sleeper
            self.sleepers[me] = (until, passive)
            self.last_busy = max(self.last_busy, real_time.monotonic())
            if self.driver is None:
                self.driver = threading.Thread(target=self._drive, daemon=True)
                self.driver.start()
            self.changed.notify_all()
            try:
                while (left := until - self.now()) > 0:
                    self.changed.wait(min(left, 0.25))
                    if gone():
                        return
            finally:
                self.sleepers.pop(me, None)

    def _drive(self):
        while True:
            with self.changed:
                while not any(not passive for _, passive in self.sleepers.values()):
                    self.changed.wait(1)
                calm = real_time.monotonic() - self.last_busy
                if self.busy or calm < self.quiet:
                    wait = self.quiet if self.busy else self.quiet - calm
                else:
                    due = min(until for until, _ in self.sleepers.values())
                    self.offset += max(0.0, due - self.now())
                    self.last_busy = real_time.monotonic()
                    self.changed.notify_all()
                    wait = self.quiet
            real_time.sleep(wait)


CLOCK = Clock()


class _Meta(type):
    def __instancecheck__(cls, thing):
        return isinstance(thing, real_datetime.datetime)


class SandboxDatetime(real_datetime.datetime, metaclass=_Meta):
    """datetime.datetime whose present is the sandbox's."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(CLOCK.now(), tz)

    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(CLOCK.now(), real_datetime.timezone.utc).replace(tzinfo=None)

    @classmethod
    def today(cls):
        return cls.fromtimestamp(CLOCK.now())


def _module_like(module, **changes):
    twin = types.ModuleType(module.__name__)
    twin.__dict__.update({**module.__dict__, **changes})
    return twin


_DATETIME = _module_like(real_datetime, datetime=SandboxDatetime)
_TIME = _module_like(real_time, time=CLOCK.now)
_TWINS = {id(real_datetime): _DATETIME, id(real_datetime.datetime): SandboxDatetime, id(real_time): _TIME,
          id(real_time.time): CLOCK.now}
_seen = set()


def take_over_moto():
    """Makes every moto module imported so far read the sandbox's clock. Cheap when nothing new was imported."""
    for name in [n for n in sys.modules if n.startswith("moto.") and n not in _seen]:
        _seen.add(name)
        module = sys.modules[name]
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if twin := _TWINS.get(id(value)):
                setattr(module, key, twin)
