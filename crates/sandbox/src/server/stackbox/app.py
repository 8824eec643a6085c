"""The middleware: what happens to a request, in which order.

stop → fault → (one at a time from here) due transitions → token memory → answers of ours → moto → repairs of answers.
Invariant: moto's code and data are touched only while `one` is held, so that conditional writes are linearizable and a
fork copies a consistent world.
"""
import io
import os
import sys
import threading
import time
import traceback
import urllib.parse

os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "1")
for _name in ("AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "MOTO_ACCOUNT_ID"):
    os.environ.pop(_name, None)

from stackbox import cbor, control, faults, repairs, states, wire, wrong  # noqa: E402
from stackbox.clock import CLOCK  # noqa: E402
from stackbox.incoming import Incoming  # noqa: E402
from stackbox.tokens import Tokens  # noqa: E402


class Log:
    """Every AWS request since the last clear; an entry's status is None until it was answered."""

    def __init__(self):
        self.entries, self.count, self.lock = [], 0, threading.Lock()

    def begin(self, incoming):
        entry = {"n": 0, "time": CLOCK.now(), "service": incoming.service, "action": incoming.action, "status": None,
                 "method": incoming.request.method, "path": incoming.request.path, "query": incoming.request.query,
                 "region": incoming.region, "changes": incoming.changes, "params": incoming.params,
                 "connection": incoming.request.connection.number}
        with self.lock:
            self.count += 1
            entry["n"] = self.count
            self.entries.append(entry)
        return entry

    def clear(self):
        with self.lock:
            self.entries, self.count = [], 0

    def since(self, number):
        with self.lock:
            return [dict(e) for e in self.entries if e["n"] > number]


class Sandbox:
    """All state of one server."""

    def __init__(self, verbose=False):
        self.verbose = verbose
        self.one = threading.RLock()
        self.log, self.faults, self.stop, self.tokens = Log(), faults.Faults(), faults.Stop(), Tokens()
        self.server = self.moto = None
        self.started = time.time()

    def listen(self, port):
        self.server = wire.Server(port, self.handle)
        return self.server

    def after_fork(self):
        """In the child: a world like the parent's, with a log, faults and stop of its own."""
        self.server.abandon()
        CLOCK.after_fork()
        self.one = threading.RLock()
        self.log, self.faults, self.stop = Log(), faults.Faults(), faults.Stop()

    def reset(self):
        """An empty world; the clock stays where it is, for it only goes forward."""
        with self.one:
            repairs.reset_world()
            states.reset()
            self.tokens = Tokens()
        self.log.clear()
        self.faults.set([])
        self.stop.clear()

    def handle(self, request):
        if request.path.startswith("/_sandbox/"):
            return control.handle(self, request)
        incoming = Incoming(request)
        CLOCK.enter()
        try:
            return self._aws(incoming)
        finally:
            CLOCK.leave()

    def _aws(self, incoming):
        entry = self.log.begin(incoming)
        turn = self.stop.arrive(incoming, entry)
        if turn in ("before", "late"):
            return self._hold(incoming, entry, turn)
        rule = self.faults.pick(incoming)
        if rule:
            entry["fault"] = rule["kind"]
            if rule["kind"] == "reset_before":
                return None
            if rule["kind"] == "slow":
                time.sleep(float(rule.get("delay_s", 1)))
        answer = faults.answer(rule, incoming) if rule else None
        if answer is None:
            with self.one:
                answer = self._execute(incoming, entry)
        entry["status"] = answer.status
        answer.set_header("Date", CLOCK.http_date())
        if turn == "after":
            return self._hold(incoming, entry, turn)
        if rule and rule["kind"] == "cut_answer":
            return wire.Answer(answer.status, answer.headers, answer.body, cut=True)
        return None if rule and rule["kind"] == "lost_answer" else answer

    def _hold(self, incoming, entry, turn):
        CLOCK.leave()
        try:
            self.stop.hold(entry, incoming.request.connection, announce=turn != "late")
        finally:
            CLOCK.enter()
        return None

    def _execute(self, incoming, entry):
        """The answer of the repaired moto. The caller holds `one`."""
        try:
            repairs.prepare(incoming.service)
            states.run_due()
            key = self.tokens.key(incoming, repairs.account_of(incoming))
            if answer := self.tokens.recall(incoming, key):
                entry["replayed"] = True
                return wire.Answer(answer.status, answer.headers, answer.body)
            answer = repairs.answer_before_moto(incoming)
            if answer is None:
                answer = self._moto(incoming)
                answer = repairs.repair_answer(incoming, answer)
        except repairs.AwsError as error:
            return wrong.error(incoming, error.code, error.message, error.status, **error.extra)
        except Exception as error:
            if self.verbose:
                traceback.print_exc(file=sys.stderr)
            where = traceback.extract_tb(error.__traceback__)[-1]
            entry["crash"] = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
            return unsupported(incoming, entry["crash"])
        if answer.status in (404, 405, 500) and answer.body[:15].lower() == b"<!doctype html>":
            return unsupported(incoming, "moto does not know it")
        self.tokens.remember(key, answer)
        return answer

    def _moto(self, incoming):
        if self.moto is None:
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

            self.moto = DomainDispatcherApplication(create_backend_app)
        request = incoming.request
        if incoming.protocol == "rpc-v2-cbor":
            headers, body = cbor.as_json(incoming)
            got = self._wsgi(request.method, "/", "", headers, body)
            return cbor.answer(incoming, got)
        return self._wsgi(request.method, request.path, request.query, request.raw_headers, request.body)

    def _wsgi(self, method, path, query, headers, body):
        from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, environ_key_for_header

        target = path + ("?" + query if query else "")
        environ = {"wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
                   "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
                   "wsgi.run_once": False, "wsgi.input_terminated": True, "REQUEST_METHOD": method, "SCRIPT_NAME": "",
                   "PATH_INFO": urllib.parse.unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query,
                   "REQUEST_URI": target, "RAW_URI": target, "SERVER_NAME": "127.0.0.1",
                   "SERVER_PORT": str(self.server.port), "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
        kept = {}
        for name, value in headers:
            if name.lower() in ("transfer-encoding", "expect", "connection"):
                continue
            key = environ_key_for_header(name)
            if "_" in name:
                if not name.lower().startswith("x-amz-meta-"):
                    continue
                kept[key] = name
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = kept
        environ["CONTENT_LENGTH"] = str(len(body))
        got = {}

        def start_response(status, response_headers, exc_info=None):
            got["status"], got["headers"] = int(status.split()[0]), response_headers

        chunks = self.moto(environ, start_response)
        try:
            data = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return wire.Answer(got["status"], got["headers"], data)


def unsupported(incoming, why):
    """An answer that no client takes for AWS's own and none retries: HTTP 501."""
    text = f"{incoming.service} {incoming.action} is not supported by the sandbox: {why}"
    answer = wrong.error(incoming, "NotSupportedBySandbox", text, 501)
    answer.set_header("x-sandbox-unsupported", incoming.action.replace("\n", " "))
    return answer
