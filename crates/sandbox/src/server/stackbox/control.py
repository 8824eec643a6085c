"""The endpoints under /_sandbox/: JSON in, JSON out. They are never logged, stopped or faulted."""
import json
import os
import threading
import traceback
import urllib.parse

from stackbox import lifeline, states, world
from stackbox.clock import CLOCK
from stackbox.wire import Answer


def handle(sandbox, request):
    name = request.path[len("/_sandbox/"):].strip("/")
    handler = HANDLERS.get((request.method, name))
    if handler is None:
        known = sorted(f"{m} /_sandbox/{n}" for m, n in HANDLERS)
        return _json(404, {"error": f"no {request.method} /_sandbox/{name}", "known": known})
    try:
        query = dict(urllib.parse.parse_qsl(request.query))
        body = json.loads(request.body) if request.body.strip() else {}
        return _json(200, handler(sandbox, body, query, request))
    except (ValueError, KeyError, TypeError) as error:
        return _json(400, {"error": f"{type(error).__name__}: {error}"})
    except Exception:
        return _json(500, {"error": traceback.format_exc()})


def _json(status, document):
    return Answer(status, [("Content-Type", "application/json"), ("Date", CLOCK.http_date())],
                  json.dumps(document, default=str).encode())


def health(sandbox, body, query, request):
    return {"ok": True, "pid": os.getpid(), "port": sandbox.server.port, "requests": sandbox.log.count,
            "forks": lifeline.forks()}


def get_clock(sandbox, body, query, request):
    return {"now": CLOCK.now(), "offset": CLOCK.offset, "sleepers": len(CLOCK.sleepers)}


def set_clock(sandbox, body, query, request):
    if "quiet_ms" in body:
        CLOCK.quiet = float(body["quiet_ms"]) / 1000
    CLOCK.advance(float(body.get("advance", 0)))
    return get_clock(sandbox, body, query, request)


def sleep(sandbox, body, query, request):
    CLOCK.sleep(float(body["seconds"]), bool(body.get("passive", False)), request.connection.gone)
    return get_clock(sandbox, body, query, request)


def get_log(sandbox, body, query, request):
    return {"requests": sandbox.log.since(int(query.get("since", 0)))}


def clear_log(sandbox, body, query, request):
    sandbox.log.clear()
    return {}


def get_faults(sandbox, body, query, request):
    return {"rules": sandbox.faults.rules}


def set_faults(sandbox, body, query, request):
    sandbox.faults.set(body if isinstance(body, list) else body["rules"])
    return get_faults(sandbox, body, query, request)


def clear_faults(sandbox, body, query, request):
    sandbox.faults.set([])
    return {}


def get_stop(sandbox, body, query, request):
    return sandbox.stop.wait_reached(float(query.get("wait", 0)))


def set_stop(sandbox, body, query, request):
    sandbox.stop.set(body)
    return sandbox.stop.report()


def clear_stop(sandbox, body, query, request):
    report = sandbox.stop.report()
    sandbox.stop.clear()
    return report


def get_states(sandbox, body, query, request):
    return states.SETTINGS


def set_states(sandbox, body, query, request):
    states.configure(body)
    return states.SETTINGS


def clear_states(sandbox, body, query, request):
    states.SETTINGS.clear()
    return {}


def get_world(sandbox, body, query, request):
    with sandbox.one:
        states.run_due()
        return world.inventory()


def reset(sandbox, body, query, request):
    sandbox.reset()
    return {}


def fork(sandbox, body, query, request):
    """The child serves a copy of the world on another port; it has a log of its own, no faults and no stop."""
    with sandbox.one:
        states.run_due()
        ready, tell = os.pipe()
        pid = lifeline.fork()
        if pid == 0:
            try:
                os.close(ready)
                sandbox.after_fork()
                server = sandbox.listen(0)
                os.write(tell, f"{server.port}\n".encode())
                os.close(tell)
                server.serve_forever()
            finally:
                os._exit(1)
        # Before anybody else forks, for a later child would keep it open.
        os.close(tell)
    with os.fdopen(ready, "rb") as source:
        port = source.readline()
    if not port:
        raise RuntimeError("the fork ended before it listened")
    return {"port": int(port), "pid": pid}


def leave(sandbox, body, query, request):
    timer = threading.Timer(0.05, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return {}


HANDLERS = {
    ("GET", "health"): health,
    ("GET", "clock"): get_clock, ("POST", "clock"): set_clock, ("POST", "sleep"): sleep,
    ("GET", "log"): get_log, ("DELETE", "log"): clear_log,
    ("GET", "faults"): get_faults, ("POST", "faults"): set_faults, ("DELETE", "faults"): clear_faults,
    ("GET", "stop"): get_stop, ("POST", "stop"): set_stop, ("DELETE", "stop"): clear_stop,
    ("GET", "states"): get_states, ("POST", "states"): set_states, ("DELETE", "states"): clear_states,
    ("GET", "world"): get_world, ("POST", "reset"): reset, ("POST", "fork"): fork, ("POST", "exit"): leave,
}
