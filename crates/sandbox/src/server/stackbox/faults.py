"""Faults by rule, and the stop at request k."""
import threading
import time

from stackbox import wrong

KEYS = {"service", "action", "path", "skip", "times", "kind", "delay_s", "code", "status", "message", "headers"}
KINDS = ("throttle", "error500", "reset_before", "lost_answer", "cut_answer", "slow", "error")


class Faults:
    """Rules {service?, action?, path?, skip?, times?, kind, delay_s?, code?, status?, message?, headers?}.

    `path` is the end of the request's path. The first rule that matches and is not used up applies. `skip` lets so many matching requests pass first (0);
    `times` is how often it applies (1; -1 for ever).
    """

    def __init__(self):
        self.rules, self.lock = [], threading.Lock()

    def set(self, rules):
        for rule in rules:
            if rule.get("kind") not in KINDS:
                raise ValueError(f"kind must be one of {', '.join(KINDS)}")
            if unknown := set(rule) - KEYS:
                raise ValueError(f"unknown keys in a fault: {', '.join(sorted(unknown))}")
        with self.lock:
            self.rules = [{"skip": 0, "times": 1, "hits": 0, **rule} for rule in rules]

    def pick(self, incoming):
        """The rule for this request, or None."""
        with self.lock:
            for rule in self.rules:
                if rule.get("service", incoming.service) != incoming.service:
                    continue
                if rule.get("action", incoming.action) != incoming.action or rule["times"] == 0:
                    continue
                if not incoming.request.path.endswith(rule.get("path", "")):
                    continue
                if rule["skip"] > 0:
                    rule["skip"] -= 1
                    continue
                rule["times"] -= 1 if rule["times"] > 0 else 0
                rule["hits"] += 1
                return dict(rule)
        return None


def answer(rule, incoming):
    """The error Answer of a rule, or None where it is not an error."""
    if rule["kind"] == "throttle":
        code, status = wrong.throttle(incoming)
        message = "Rate exceeded"
    elif rule["kind"] == "error500":
        code, status = wrong.internal(incoming)
        message = "An internal error has occurred"
    elif rule["kind"] == "error":
        code, status, message = "ValidationError", 400, "injected by a fault"
    else:
        return None
    wanted = (rule.get("code", code), rule.get("message", message), int(rule.get("status", status)))
    answer = wrong.error(incoming, *wanted)
    for name, value in rule.get("headers", {}).items():
        answer.set_header(name, value)
    return answer


class Stop:
    """Holds request `at` (counted from 1 since it was set) until cleared, and everything that comes after it too.

    So exactly `at` - 1 requests (when "before") or `at` (when "after") were executed, whatever the client does in
    parallel. Held requests never get an answer: clearing cuts their connections.
    """

    def __init__(self):
        self.changed = threading.Condition()
        self.rule, self.seen, self.reached, self.generation = None, 0, None, 0

    def set(self, rule):
        if rule.get("when", "before") not in ("before", "after") or int(rule.get("at", 0)) < 1:
            raise ValueError('a stop is {"at": number from 1, "when": "before" or "after"}')
        if rule.get("only", "all") not in ("all", "changes"):
            raise ValueError('"only" is "all" or "changes"')
        with self.changed:
            self.rule, self.seen, self.reached = dict(rule), 0, None

    def clear(self):
        with self.changed:
            self.rule, self.seen, self.reached = None, 0, None
            self.generation += 1
            self.changed.notify_all()

    def report(self):
        with self.changed:
            return {"armed": self.rule is not None, "seen": self.seen, "reached": self.reached is not None,
                    "request": self.reached}

    def arrive(self, incoming, entry):
        """None: go on. "before"/"after": this is request k. "late": it came after request k."""
        with self.changed:
            rule = self.rule
            if rule is None:
                return None
            if self.seen >= rule["at"]:
                return "late"
            if rule.get("only") == "changes" and not incoming.changes:
                return None
            if rule.get("service", incoming.service) != incoming.service:
                return None
            if rule.get("action", incoming.action) != incoming.action:
                return None
            self.seen += 1
            if self.seen < rule["at"]:
                return None
            return rule.get("when", "before")

    def hold(self, entry, connection, announce):
        """Waits until the stop is cleared or the client has hung up; then the connection has to be cut."""
        with self.changed:
            generation = self.generation
            if announce:
                self.reached = dict(entry)
                self.changed.notify_all()
            while self.generation == generation and not connection.gone():
                self.changed.wait(0.05)
        connection.cut = True

    def wait_reached(self, seconds):
        """Blocks until request k was reached, at most so many real seconds."""
        end = time.monotonic() + seconds
        with self.changed:
            while self.rule is not None and self.reached is None and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)
        return self.report()
