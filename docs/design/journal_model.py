#!/usr/bin/env python3
"""A model of the journal (journal.md), explored exhaustively within bounds.

    python3 journal_model.py [--full] [--ways] [NAME ...]

Every configuration is explored breadth first over all interleavings of its processes: runs of stackctl, which are
called writers here, and at most one run of another tool, which writes the state without a condition. Writers crash,
lose answers and are displaced at any request; a request that was let go may arrive long after its sender has died.
There is no clock: what holds here rests on no lease, and a doubt lives as long as a request can still arrive.

In every state the properties below are checked, and from every state in which something is stored everybody is killed
and one run is made: it has to end by itself, with state, cloud, digest and journal in agreement; and a run after it,
once its doubts are over, has to write nothing.

    lost        what a run took for durable is in state or journal, or found by its token, as long as it exists
    announced   a create reaches the cloud only while the journal knows its intent, or its object
    order       a create reaches the cloud only after the outcomes that it depends on were durable
    removed     no fold brings back what was removed for good
    displaced   recovery leaves what another tool put at an address where it stands
    fence       nothing is committed or folded by a writer behind whose back another one has done so
    stranger    nothing that somebody else made is overwritten
    token       no create is answered with an object that was deleted
    stopped     no writer calls itself fenced while nobody else has claimed a number
    recovery    the runs after the end: no orphan, no double, nothing unfinished, no question, no stop

Values, updates, leases, other lineages, expiry and the end of fences are not here. One file, though a long one, so that
it can be read and run without anything else.

A broken rule (BREAKS) makes a variant, for which a violation must be found. Kinds of objects: T is created with a
client token, N has a unique name and a tag, G has a tag alone, M has a name and nothing that tells who made it, and its
create overwrites; so does that of an S, which has a name and a tag; L lives in state alone, one record without an intent.
"""

import gc
import sys
import time
from collections import deque
from typing import NamedTuple

NONE = -1
BREAKS = {
    "intent not awaited": "a create is sent with its intent on the way",
    "outcome behind the dependent's intent": "intents overtake outcomes that nobody waits for",
    "tag off before the outcome is durable": "the second phase does not wait for the id",
    "open not proven": "the first segment of a run needs no LIST",
    "any 412 is ours": "after a lost answer no LIST is asked for",
    "state listed before it is read": "a claimant proves its claim before it reads K",
    "segments deleted before the mark": "the checkpoint and the deletions come before K",
    "digest after the checkpoint": "F2 and F3 change places",
    "last fold forgets when it fails": "outcomes that no segment has are not committed then",
    "fold overwrites a changed state": "K is put without If-Match",
    "fences deleted": "opens that displaced a writer are deleted like others",
    "absent creates forgotten": "what recovery did not find is not kept in doubt",
    "doubts without ids": "a doubt does not list what was in state",
    "records applied to a foreign state": "outcomes do not become claims",
    "create repeated without looking": "a lost create of a tagged object is sent again at once",
    "name not looked at": "the name of an M or S need not be free",
    "create does not wait for the look": "the name of an S is looked at beside its intent, and nobody waits for the answer",
    "recovery leaves an equal state unwritten": "F1 of a takeover is skipped when it changes nothing",
    "a mark beyond the checkpoint is clean": "only segments and open intents ask for a recovery",
    "digest repaired for the newest epoch alone": "a claim that died after the writer of K prevents the repair",
    "deleted ids stay accounted for": "a doubt does not look for an id that was used again",
    "late creates take the address": "recovery deposes what another tool made",
}


class Violation(Exception):
    pass


class Kept(NamedTuple):
    """K. `etag` grows with every write and stands for serial, version and MD5; 0: there is none."""

    etag: int
    ids: tuple  # current object of each resource
    dep: frozenset  # deposed (r, uid)
    raw: frozenset  # unfinished (r, uid)
    mark: tuple | None  # (epoch, through, writer); None: another tool wrote it


class Seg(NamedTuple):
    n: int
    epoch: int
    who: int
    kind: str  # open, data, check
    recs: tuple = ()
    base: int = 0  # open: etag of K before; check: etag of the K that the fold wrote
    takeover: bool = False
    through: int = 0
    open: frozenset = frozenset()
    doubts: frozenset = frozenset()
    close: bool = False


class Book(NamedTuple):
    """A state and what is not settled. open: ("c", r, token) and ("x", r, uid). doubts: (r, token, spent, seen).

    Records: I opens a create, O is its outcome, F says that it failed, S that it is finished; E opens a delete, D is
    its outcome; R takes out what is gone."""

    ids: tuple
    dep: frozenset
    raw: frozenset
    open: frozenset
    doubts: frozenset
    claims: tuple


class Writer(NamedTuple):
    pc: str
    goal: frozenset
    st: str  # of each resource: - todo, v name is free, s sent, o answered, d durable, f finished, ! failed
    tok: tuple = ()
    uid: tuple = ()
    x: tuple = ()  # deletes: (r, uid, - s f)
    book: Book = None  # what is durable
    epoch: int = 0
    nxt: int = 0
    kept: Kept = None  # K as it was read or written last
    dig: int = 0
    queue: tuple = ()  # appended
    along: tuple = ()  # what the last fold takes along
    wire: tuple = ()  # requests that were let go: (c l x, r, token or uid)
    pend: Seg = None
    cont: str = ""  # what the pending segment is for
    unsure: bool = False
    asks: str = ""
    verdict: str = ""
    then: str = ""  # what follows the fold: plan, mid, end, born
    snap: object = None
    closed: bool = True  # the epoch before ended with a checkpoint
    must: bool = False  # F1 has to write
    repair: bool = False
    foreign: bool = False  # folds are put off
    lame: bool = False  # knows that its lock is lost
    folds: int = 0
    sweep: tuple = ()
    due: bool = False  # the digest of the first state


class Ended(NamedTuple):
    how: str
    wire: tuple = ()


class Tool(NamedTuple):
    pc: str = "first"


class World(NamedTuple):
    cloud: tuple  # of each resource: objects (token, alive, tagged)
    kept: Kept
    digest: int  # etag that the digest item speaks of, 0: no item
    segs: tuple
    lock: int | None
    procs: tuple
    budget: tuple  # crashes, lost answers, steals
    acked: frozenset  # (r, uid) that a run took for durable
    let_go: frozenset  # (r, uid) removed for good


class Cfg:
    """Bounds. Each object depends on the one before it.

    made: everything exists at first; new: there is no state; live: the tool does not care for locks; folds: how often a
    writer folds in the middle; replace: what is made anew before the old one goes; stale: LIST and K are read apart;
    notice: a writer may learn that its lock is lost; giveup: an answer to F1 may never come; stranger: the name of each
    M is taken; probe: the store is a strange one, and is tested."""

    def __init__(self, name, kinds, goals=(None, None), crash=0, lost=0, steal=0, tool=None, live=False, made=False,
                 new=False, folds=0, replace=(), stale=False, notice=False, giveup=False, stranger=False, probe=False,
                 broken=None):
        self.name, self.kinds, self.broken = name, kinds, broken
        self.all = frozenset(range(len(kinds)))
        self.deps = tuple((r - 1,) if r else () for r in range(len(kinds)))
        self.goals = [self.all if g is None else frozenset(g) for g in goals]
        self.writers = len(self.goals)
        self.budget = (crash, lost, steal)
        self.tool, self.live, self.made, self.new, self.folds, self.replace = tool, live, made, new, folds, replace
        self.probe, self.notice, self.giveup, self.stale = probe, notice, giveup, stale
        self.stranger = stranger
        assert broken is None or broken in BREAKS, broken


# ---------------------------------------------------------------------------------------------------- what records mean
def forget(book, r, uid):
    """Takes an object out of state and claims."""
    ids = tuple(NONE if q == r and u == uid else u for q, u in enumerate(book.ids))
    return book._replace(ids=ids, dep=book.dep - {(r, uid)}, raw=book.raw - {(r, uid)},
                         claims=tuple(c for c in book.claims if c[:2] != (r, uid)))


def unsee(cfg, book, r, uid):
    """An object was deleted: its id may come back as another object, which a doubt has to find."""
    if cfg.broken == "deleted ids stay accounted for":
        return book
    return book._replace(doubts=frozenset((q, t, sp, s - {uid} if q == r else s) for q, t, sp, s in book.doubts))


def take(book, r, uid, raw):
    """A new object takes its address."""
    dep = book.dep | {(r, book.ids[r])} if book.ids[r] not in (NONE, uid) else book.dep
    return book._replace(ids=book.ids[:r] + (uid,) + book.ids[r + 1:], dep=dep - {(r, uid)},
                         raw=book.raw | {(r, uid)} if raw else book.raw - {(r, uid)})


def adopt(book, r, uid, raw):
    """An object that was found stands at its address if that is free, else it is deposed."""
    if book.ids[r] in (NONE, uid) or (r, uid) in book.dep:
        return take(book, r, uid, raw) if (r, uid) not in book.dep else book
    return book._replace(dep=book.dep | {(r, uid)}, raw=book.raw | {(r, uid)} if raw else book.raw)


def deleted(cfg, book):
    """Open deletes that were carried out: K or the cloud says so."""
    here = set(enumerate(book.ids)) | book.dep | {c[:2] for c in book.claims}
    for what, r, key in book.open:
        if what == "x" and (r, key) not in here:
            book = unsee(cfg, book, r, key)
    return book


def spend(book, r, tok):
    return book._replace(doubts=frozenset((q, t, sp or (q, t) == (r, tok), seen) for q, t, sp, seen in book.doubts))


def enter(cfg, book, rec, mode):
    """One record. mode: new; had, if K contains it; foreign, if another tool wrote K."""
    kind, r, key = rec[:3]
    if kind in "IE":
        return book._replace(open=book.open | {("c" if kind == "I" else "x", r, key)})
    if kind == "F":
        return book._replace(open=book.open - {("c", r, key)})
    if kind == "O":
        uid, raw = rec[3], cfg.kinds[r] in "TNGS"
        book = spend(book._replace(open=book.open - {("c", r, key)}), r, key)
        if mode == "new":
            return take(book, r, uid, raw)
        if mode == "foreign" and book.ids[r] != uid and (r, uid) not in book.dep:
            return book._replace(claims=book.claims + ((r, uid, raw),))
    elif kind == "S":
        if mode == "new":
            return book._replace(raw=book.raw - {(r, key)})
        if mode == "foreign":
            return book._replace(claims=tuple((q, u, raw and (q, u) != (r, key)) for q, u, raw in book.claims))
    elif kind == "D":
        book = book._replace(open=book.open - {("x", r, key)})
        book = unsee(cfg, book, r, key)
        if mode != "had":
            return forget(book, r, key)
    elif kind == "R" and mode != "had":
        return forget(book, r, key)
    return book


class Read(NamedTuple):
    book: Book
    top: int
    clean: bool
    closed: bool
    foreign: frozenset  # open creates that were announced before another tool wrote K
    low: int


def replay(cfg, kept, segs):
    """What K and journal say together."""
    check = next((s for s in reversed(segs) if s.kind == "check"), None)
    low = check.through if check else 0
    none = frozenset()
    book = Book(kept.ids, kept.dep, kept.raw, check.open if check else none, check.doubts if check else none, ())
    above = [s for s in segs if s.n > low and s is not check]
    base = None
    if above:
        base = above[0].base if above[0].kind == "open" else check.base if check else None
    ours = kept.mark is not None or base is None or base == kept.etag
    if cfg.broken == "records applied to a foreign state":
        ours = True
    through = kept.mark[1] if kept.mark else 0
    expected = check.n + 1 if check else 0
    for s in above:
        if expected and s.n != expected and s.kind != "open":
            raise Violation("recovery: segment %d is missing" % expected)
        expected = s.n + 1
        for rec in s.recs:
            book = enter(cfg, book, rec, "foreign" if not ours else "new" if s.n > through else "had")
    book = deleted(cfg, book)
    top = max(segs[-1].n if segs else 0, through)
    # A mark that no checkpoint covers: a fold was interrupted, or this list is older than K.
    covered = through <= low or cfg.broken == "a mark beyond the checkpoint is clean"
    clean = not above and covered
    before = check.open if check and not kept.mark and check.base != kept.etag else none
    foreign = book.open & before if ours else book.open
    return Read(book, top, clean and not book.open, clean and (not check or check.close), foreign, low)


def alive(cloud, r, uid):
    return 0 <= uid < len(cloud[r]) and cloud[r][uid][1]


def proven(cfg, cloud, r, tok):
    """Objects that are those of an intent, by its tag; for an M by being equal in everything."""
    mute = cfg.kinds[r] == "M"
    return [u for u, (t, here, tagged) in enumerate(cloud[r])
            if here and t is not None and (mute or tagged and t == tok)]


def look_up(cfg, cloud, book, foreign):
    """Recovery: reads the cloud for all that is not settled, and says what the state is."""
    for what, r, key in sorted(book.open):
        if what == "x":
            if not alive(cloud, r, key):
                book = forget(book, r, key)
            continue
        found = proven(cfg, cloud, r, key)
        if found:
            stays = (what, r, key) in foreign and cfg.broken != "late creates take the address"
            book = (adopt if stays else take)(book, r, found[0], cfg.kinds[r] in "TNGS")
        if not any(d[:2] == (r, key) for d in book.doubts):
            if found or cfg.broken != "absent creates forgotten":
                book = book._replace(doubts=book.doubts | {(r, key, bool(found), frozenset())})
        elif found:
            book = spend(book, r, key)
    for r, tok, _, seen in sorted(book.doubts, key=lambda d: d[:2]):
        for u in proven(cfg, cloud, r, tok):
            if u not in seen and book.ids[r] != u and (r, u) not in book.dep:
                book = spend(adopt(book, r, u, cfg.kinds[r] in "TNGS"), r, tok)
    for r, u, raw in book.claims:
        if alive(cloud, r, u):
            book = adopt(book, r, u, raw)
    return account(cfg, deleted(cfg, book)._replace(open=frozenset(), claims=()))


def account(cfg, book):
    """Each doubt lists the ids at its address that are in state."""
    if cfg.broken == "doubts without ids":
        return book
    here = [{u for q, u in book.dep if q == r} | ({book.ids[r]} - {NONE}) for r in cfg.all]
    return book._replace(doubts=frozenset((r, t, sp, seen | here[r]) for r, t, sp, seen in book.doubts))


# ------------------------------------------------------------------------------------------------------------ the cloud
def carry_out(cfg, world, item):
    """A request arrives. Returns the world, and the uid of what there is now (None: refused)."""
    what, r, key = item
    cloud, let_go = world.cloud, world.let_go
    if what == "x":
        if alive(cloud, r, key):
            cloud = swap(cloud, r, key, (cloud[r][key][0], False, cloud[r][key][2]))
        return world._replace(cloud=cloud), key
    kind = cfg.kinds[r]
    for u, (tok, here, _) in enumerate(cloud[r]):
        if kind == "T" and tok == key:
            if not here:
                raise Violation("token: the create of r%d with token %s is answered with what was deleted" % (r, key))
            return world, u
        if kind in "MS" and here and tok is None:
            raise Violation("stranger: the create of r%d overwrites what somebody else made" % r)
        if kind in "NMS" and here:  # exists already: ours with its tag; M and S are overwritten
            return world, u if kind in "MS" or tok == key else None
    if kind in "NMS":  # the name is the id
        cloud = cloud[:r] + (((key, True, kind != "M"),),) + cloud[r + 1:]
        return world._replace(cloud=cloud, let_go=let_go - {(r, 0)}), 0
    cloud = cloud[:r] + (cloud[r] + ((key, True, True),),) + cloud[r + 1:]
    return world._replace(cloud=cloud), len(cloud[r]) - 1


def swap(cloud, r, uid, obj):
    return cloud[:r] + (cloud[r][:uid] + (obj,) + cloud[r][uid + 1:],) + cloud[r + 1:]


def judge_create(cfg, world, item, w):
    """Properties at the moment when a create reaches the cloud."""
    _, r, tok = item
    book = replay(cfg, world.kept, world.segs).book
    in_state = set(enumerate(book.ids)) | book.dep | {c[:2] for c in book.claims}
    known = ("c", r, tok) in book.open or any(d[:2] == (r, tok) for d in book.doubts) or any(
        q == r and u >= 0 and world.cloud[r][u][0] == tok for q, u in in_state)
    if not known:
        raise Violation("announced: the create of r%d (token %s) arrives, and no journal knows it" % (r, tok))
    if isinstance(w, Writer):
        for d in cfg.deps[r]:
            if (d, w.uid[d]) not in world.acked and alive(world.cloud, d, w.uid[d]):
                raise Violation("order: the create of r%d arrives, and r%d=%d is not durable" % (r, d, w.uid[d]))


# -------------------------------------------------------------------------------------------------------------- writers
def fresh(goal):
    return Writer("lock", goal, "")


class Turn:
    """All that one process may do next in one world: `out` gets (label, world)."""

    def __init__(self, cfg, world, i, faults=True):
        self.cfg, self.world, self.i, self.w, self.out = cfg, world, i, world.procs[i], []
        self.can_lose = faults and world.budget[1] > 0
        self.can_steal = faults and world.budget[2] > 0
        self.faults = faults

    def broken(self, rule):
        return self.cfg.broken == rule

    def go(self, label, proc, **world):
        procs = self.world.procs
        procs = procs[:self.i] + (proc,) + procs[self.i + 1:]
        self.out.append(("w%d %s" % (self.i, label), self.world._replace(procs=procs, **world)))

    def pay(self, k):
        return tuple(b - (j == k) for j, b in enumerate(self.world.budget))

    def top(self):
        return self.world.segs[-1].n if self.world.segs else 0

    def moves(self):
        w = self.w
        if isinstance(w, Ended):
            for item in w.wire:
                if item[0] == "c":
                    judge_create(self.cfg, self.world, item, w)
                after, _ = carry_out(self.cfg, self.world, item)
                rest = w._replace(wire=tuple(q for q in w.wire if q != item))
                self.go("late: %s" % (item,), rest, cloud=after.cloud, let_go=after.let_go)
            return self.out
        if w.pc == "run" or w.then == "mid" or w.cont == "commit":
            self.work()
        if w.due and w.pc in ("put", "prove", "list", "due"):
            self.late_digest()
        self.busy = bool(self.out)
        getattr(self, "at_" + w.pc)()
        if self.faults and self.world.budget[0] and w.pc != "lock":
            self.go("CRASHES", self.gone("dead"), budget=self.pay(0))
        return self.out

    def gone(self, how):
        return Ended(how, tuple(q for q in self.w.wire if q[0] not in "ln"))

    def fenced(self, why):
        w = self.w
        if not any(s.who != self.i and s.n >= max(w.epoch, 1) for s in self.world.segs):
            raise Violation("stopped: w%d is fenced (%s), and nobody else has claimed anything" % (self.i, why))
        self.go("fenced: " + why, self.gone("fenced"))

    # ---- to the plan
    def at_lock(self):
        world, holder, w = self.world, self.world.lock, self.w
        if self.cfg.stale and self.faults and w.snap is None:
            self.go("lists while it asks for the lock", w._replace(snap=world.segs))
        held = w._replace(pc="look" if w.snap is None else "look2")
        if holder is None or isinstance(world.procs[holder], Ended):
            self.go("locks", held, lock=self.i)
        elif self.can_steal and isinstance(world.procs[holder], Writer):
            self.go("takes the lock of w%d, which lives" % holder, held, lock=self.i, budget=self.pay(2))

    def at_look(self):
        if self.cfg.stale and self.faults:  # K is read later
            return self.go("lists", self.w._replace(pc="look2", snap=self.world.segs))
        self.w = self.w._replace(snap=self.world.segs)
        self.at_look2()

    def mends(self, read, kept, segs):
        """A digest that is wrong is wrong by our own doing, and may be put right."""
        if kept.mark is None or read.clean:
            return False
        if self.broken("digest repaired for the newest epoch alone"):
            return bool(segs) and kept.mark[0] == segs[-1].epoch
        return kept.mark[1] > read.low

    def at_look2(self):
        w, world = self.w, self.world
        kept = world.kept
        read = replay(self.cfg, kept, w.snap)
        right = world.digest in (0, kept.etag)
        repair = not right and self.mends(read, kept, w.snap)
        if not right and not repair:
            if w.snap != world.segs or any(isinstance(p, Tool) and p.pc == "digest" for p in world.procs):
                return self.go("looks again at the digest", w._replace(pc="look", snap=None))
            raise Violation("recovery: the digest is wrong, and nobody can say who is right")
        w = w._replace(snap=None, nxt=read.top + 1, kept=kept, dig=world.digest, closed=read.closed, repair=repair,
                       must=not read.closed and not self.broken("recovery leaves an equal state unwritten"))
        if read.clean and not read.book.doubts and not repair:
            return self.planned("finds the journal clean", w._replace(pc="run", book=read.book))
        seg = Seg(w.nxt, w.nxt, self.i, "open", base=kept.etag, takeover=True)
        self.go("finds work for a recovery", w._replace(pc="put", pend=seg, cont="claim"))

    def at_load(self):
        """K first, then the LIST that proves the claim."""
        w, world = self.w, self.world
        if self.broken("state listed before it is read"):
            if self.top() > w.nxt - 1:
                return self.fenced("a newer claim")
            return self.go("lists", w._replace(pc="load2", snap=world.segs))
        self.go("reads state %d" % world.kept.etag, w._replace(pc="load2", kept=world.kept, dig=world.digest))

    def at_load2(self):
        w, world = self.w, self.world
        if self.broken("state listed before it is read"):
            w, segs = w._replace(kept=world.kept, dig=world.digest), w.snap
        else:
            segs = world.segs
            if self.top() > w.nxt - 1:
                return self.fenced("a newer claim")
        read = replay(self.cfg, w.kept, segs)
        if w.dig not in (0, w.kept.etag) and not w.repair and not self.mends(read, w.kept, segs):
            return self.go("stops: the digest has changed", w._replace(pc="unlock", snap=None))
        self.go("lists, nothing is newer", w._replace(pc="find", book=read.book, snap=read.foreign))

    def at_find(self):
        w, cfg = self.w, self.cfg
        book = look_up(cfg, self.world.cloud, w.book, w.snap)
        if w.kept.mark is None:
            for r, u in enumerate(w.kept.ids):
                if alive(self.world.cloud, r, u) and book.ids[r] != u:
                    raise Violation("displaced: r%d=%d, which another tool made, gives way to %d" % (r, u, book.ids[r]))
        self.fold("looks everything up", w._replace(book=book, snap=None), "plan")

    def planned(self, label, w, **world):
        """The plan, its refresh in it. Its objects are taken for durable from here on."""
        cfg, cloud = self.cfg, self.world.cloud
        gone = tuple(("R", r, u) for r, u in sorted(set(enumerate(w.book.ids)) | w.book.dep)
                     if u != NONE and not alive(cloud, r, u))
        ids = tuple(u if alive(cloud, r, u) else NONE for r, u in enumerate(w.book.ids))
        dep = sorted(d for d in w.book.dep if alive(cloud, *d))
        old = [r for r in cfg.replace if r in w.goal and ids[r] == 0]
        st = "".join("f" if r not in w.goal else "-" if u == NONE or r in old else "d" if (r, u) in w.book.raw else "f"
                     for r, u in enumerate(ids))
        unspent = {r: t for r, t, spent, _ in sorted(w.book.doubts, key=lambda d: d[:2]) if not spent}
        tok = tuple(unspent.get(r, self.i + 1) for r in cfg.all)
        x = tuple((r, u, "-") for r, u in dep) + tuple((r, u, "-") for r, u in enumerate(ids)
                                                       if u != NONE and r not in w.goal)
        w = w._replace(pc="run", st=st, tok=tok, uid=ids, x=x, queue=gone, then="", cont="")
        mine = frozenset((r, u) for r, u in enumerate(ids) if u != NONE) | frozenset(dep)
        self.go(label, w, acked=self.world.acked | mine, **world)

    # ---- workers
    def ready(self):
        """Intents that may be written now: what they depend on was appended."""
        w, cfg = self.w, self.cfg
        if w.lame:
            return ()
        recs = [("I", r, w.tok[r]) for r in cfg.all
                if w.st[r] in {"M": "v", "S": "v-"}.get(cfg.kinds[r], "-") and cfg.kinds[r] != "L" and self.may_start(r)]
        recs += [("E", r, u) for r, u, s in w.x if s == "-" and cfg.kinds[r] != "L" and self.may_go(r)]
        return tuple(recs)

    def may_start(self, r):
        return r in self.w.goal and all(self.w.st[d] in "odf" and self.w.uid[d] != NONE for d in self.cfg.deps[r])

    def may_go(self, r):
        return not any(r in self.cfg.deps[q] and s != "f" for q, _, s in self.w.x)

    def work(self):
        """What workers do while the journal's task does something else."""
        w, world, cfg = self.w, self.world, self.cfg
        put = lambda r, s: w.st[:r] + s + w.st[r + 1:]
        for item in w.wire:
            what, r, key = item
            rest = tuple(q for q in w.wire if q != item)
            if what == "l":
                found = proven(cfg, world.cloud, r, key)
                if found:
                    self.answered(item, found[0], rest, {})
                else:
                    self.go("does not find r%d" % r, w._replace(wire=tuple(sorted(rest + (("c", r, key),)))))
                continue
            if w.lame:
                continue
            if what == "n":  # a look at the name, sent beside the intent, ends behind it
                if self.is_taken(r, key):
                    self.go("finds the name of r%d taken" % r, w._replace(
                        st=put(r, "!"), wire=rest, queue=w.queue + (("F", r, key),)))
                else:
                    self.go("finds the name of r%d free" % r, w._replace(wire=tuple(sorted(rest + (("c", r, key),)))))
                continue
            if what == "c":
                judge_create(cfg, world, item, w)
            after, uid = carry_out(cfg, world, item)
            self.answered(item, uid, rest, {"cloud": after.cloud, "let_go": after.let_go})
            if what == "c" and uid is not None and self.can_lose:
                look = cfg.kinds[r] in "NGS" and not self.broken("create repeated without looking")
                wire = tuple(sorted(rest + (("l", r, key),))) if look else w.wire
                self.go("creates r%d=%d, answer lost" % (r, uid), w._replace(wire=wire), cloud=after.cloud,
                        let_go=after.let_go, budget=self.pay(1))
        for r in cfg.all:
            early = w.st[r] == "o" and self.broken("tag off before the outcome is durable")
            if (w.st[r] == "d" or early) and not w.lame:
                t, here, _ = world.cloud[r][w.uid[r]]
                cloud = swap(world.cloud, r, w.uid[r], (t, here, False))
                queue = w.queue + (("S", r, w.uid[r]),)
                self.go("finishes r%d" % r, w._replace(st=put(r, "f"), queue=queue), cloud=cloud)
            elif w.st[r] == "-" and cfg.kinds[r] in "LMS" and self.may_start(r) and not w.lame:
                if cfg.kinds[r] == "L":
                    u = len(world.cloud[r])
                    cloud = world.cloud[:r] + (world.cloud[r] + ((None, True, False),),) + world.cloud[r + 1:]
                    self.go("makes local r%d=%d" % (r, u), w._replace(
                        st=put(r, "f"), uid=w.uid[:r] + (u,) + w.uid[r + 1:], queue=w.queue + (("O", r, 0, u),)),
                        cloud=cloud)
                elif self.is_taken(r, w.tok[r]):
                    self.go("finds the name of r%d taken" % r, w._replace(st=put(r, "!")))
                else:
                    self.go("finds the name of r%d free" % r, w._replace(st=put(r, "v")))
        for r, u, s in w.x:
            if s == "-" and cfg.kinds[r] == "L" and self.may_go(r) and not w.lame:
                x = tuple((q, v, "f" if (q, v) == (r, u) else t) for q, v, t in w.x)
                cloud = swap(world.cloud, r, u, (None, False, False))
                self.go("drops local r%d=%d" % (r, u), w._replace(x=x, queue=w.queue + (("D", r, u),)), cloud=cloud)

    def is_taken(self, r, tok):
        """What carries the intent's own token is ours: a late request of an earlier run made it."""
        ours = lambda o: self.cfg.kinds[r] == "S" and o[0] == tok
        return any(o[1] and not ours(o) for o in self.world.cloud[r]) and not self.broken("name not looked at")

    def answered(self, item, uid, rest, world):
        w, cfg = self.w, self.cfg
        what, r, key = item
        if what == "x":
            x = tuple((q, v, "f" if (q, v) == (r, key) else t) for q, v, t in w.x)
            w = w._replace(x=x, wire=rest, queue=w.queue + (("D", r, key),))
            return self.go("deletes r%d=%d" % (r, key), w, **world)
        if uid is None:
            if not cfg.tool:
                raise Violation("recovery: the name of r%d is taken by what nobody knows" % r)
            w = w._replace(st=w.st[:r] + "!" + w.st[r + 1:], wire=rest, queue=w.queue + (("F", r, key),))
            return self.go("is refused r%d" % r, w, **world)
        old = ((r, w.uid[r], "-"),) if w.uid[r] not in (NONE, uid) else ()
        w = w._replace(st=w.st[:r] + ("f" if cfg.kinds[r] == "M" else "o") + w.st[r + 1:], x=w.x + old, wire=rest,
                       uid=w.uid[:r] + (uid,) + w.uid[r + 1:], queue=w.queue + (("O", r, key, uid),))
        self.go("has r%d=%d" % (r, uid), w, **world)

    # ---- the journal's task
    def at_run(self):
        w, cfg, world = self.w, self.cfg, self.world
        if cfg.notice and not w.lame and world.lock != self.i:
            self.go("finds its lock lost", w._replace(lame=True))
        intents = self.ready()
        if self.broken("intent not awaited"):
            new = tuple(("c", *r[1:]) for r in intents if r[0] == "I" and ("c", *r[1:]) not in w.wire)
            if new:
                return self.go("sends at once", w._replace(wire=tuple(sorted(w.wire + new))))
        if w.kept.etag == 0 and (w.queue or intents):
            self.fold("brings the state into being", w, "born")
        elif w.queue or intents:
            recs = intents if intents and self.broken("outcome behind the dependent's intent") else w.queue + intents
            self.go("commits %s" % (recs,), w._replace(
                pc="put", cont="commit", unsure=False, queue=tuple(q for q in w.queue if q not in recs),
                pend=self.segment(w, recs)))
        elif not self.busy and (w.lame or not w.wire):
            self.close()
        if w.queue and not (self.busy or intents or w.wire or w.lame or "o" in w.st):
            self.close()

    def segment(self, w, recs):
        if w.epoch:
            return Seg(w.nxt, w.epoch, self.i, "data", recs)
        return Seg(w.nxt, w.nxt, self.i, "open", recs, base=w.kept.etag, takeover=not w.closed)

    def close(self):
        """Nothing is left to do: the last fold takes along what nobody waits for."""
        w = self.w
        if w.lame:
            return self.go("ends without its lock", self.gone("ended"))
        if not w.queue and not w.epoch and w.closed:
            return self.go("has nothing to write", w._replace(pc="unlock"))
        book = w.book
        for rec in w.queue:
            book = enter(self.cfg, book, rec, "new")
        w = self.w = w._replace(queue=(), along=w.queue, book=account(self.cfg, book), then="end")
        if w.foreign:
            self.stop("another tool has written the state")
        elif not w.epoch and w.kept.etag:
            self.go("ends: opens", w._replace(pc="put", cont="open", pend=self.segment(w, ())))
        else:
            self.fold("ends", w, "end")

    def stop(self, why):
        """Something else was in the way: what no segment has is committed, and the lock is let go."""
        w = self.w._replace(unsure=False)
        if not w.along:
            self.go("stops: " + why, w._replace(pc="unlock"))
        elif self.broken("last fold forgets when it fails"):
            self.go("stops: " + why, w._replace(pc="unlock", along=()), acked=self.world.acked | made(w.along))
        else:
            self.go("stops: " + why, w._replace(pc="put", cont="along", pend=self.segment(w, w.along)))

    def at_put(self):
        """A segment under the next number, which must be free; equal bytes are our own."""
        w, segs = self.w, self.world.segs
        there = next((s for s in segs if s.n == w.pend.n), None)
        label = "puts %s %d" % (w.pend.kind, w.pend.n)
        if there is None:
            segs = tuple(sorted(segs + (w.pend,), key=lambda s: s.n))
            self.accepted(label, segs, w.unsure)
            if self.can_lose:
                self.go(label + ", answer lost", w._replace(unsure=True), segs=segs, budget=self.pay(1))
        elif there == w.pend:
            self.accepted(label + ": there already", segs, True)
        elif w.cont == "claim":
            self.go(label + ": taken", w._replace(pc="look", pend=None, cont="", unsure=False))
        elif w.cont == "along":
            self.go(label + ": taken", w._replace(pc="unlock", pend=None))
        else:
            self.fenced("segment %d is taken" % w.pend.n)

    def accepted(self, label, segs, unsure):
        w = self.w._replace(unsure=False)
        if w.cont == "claim":
            return self.go(label, w._replace(pc="load", pend=None, cont="", epoch=w.nxt, nxt=w.nxt + 1), segs=segs)
        if not w.epoch and not self.broken("open not proven"):
            return self.go(label, w._replace(pc="prove", asks="LHP" if self.cfg.probe else "LH", verdict=""), segs=segs)
        if unsure and not self.broken("any 412 is ours"):
            return self.go(label, w._replace(pc="list"), segs=segs)
        if segs[-1].n > w.pend.n:
            raise Violation("fence: w%d takes segment %d for durable, below %d" % (self.i, w.pend.n, segs[-1].n))
        self.durable(label, segs)

    def at_prove(self):
        """The questions about an open segment, in any order."""
        w, world = self.w, self.world
        for ask in w.asks:
            verdict, segs, asks = w.verdict, world.segs, w.asks.replace(ask, "")
            if ask == "L" and self.top() > w.pend.n:
                verdict = "fenced"
            elif ask == "H" and world.kept.etag != w.kept.etag:
                verdict = verdict or "changed"
            elif ask == "P" and all(s.n != w.pend.n for s in segs):
                segs = tuple(sorted(segs + (w.pend,), key=lambda s: s.n))
            if asks:
                self.go("asks " + ask, w._replace(asks=asks, verdict=verdict), segs=segs)
            elif verdict == "fenced":
                self.fenced("its open is not the highest")
            elif verdict:
                self.go("stops: the state has changed", self.gone("stopped"), lock=self.unlocked())
            else:
                self.durable("has proven its open", segs)

    def at_list(self):
        if self.top() > self.w.pend.n:
            return self.fenced("a higher number")
        self.durable("finds its segment the highest", self.world.segs)

    def durable(self, label, segs):
        """A segment counts: whoever waited for it goes on."""
        w, cfg, world = self.w, self.cfg, self.world
        if w.due:
            return self.go(label, w._replace(pc="due"), segs=segs)
        seg, cont = w.pend, w.cont
        w = w._replace(epoch=w.epoch or seg.n, nxt=seg.n + 1, pend=None, cont="")
        if cont == "open":
            return self.fold(label, w, "end", segs=segs)
        if cont == "open late":
            return self.checkpoint(label, w, segs=segs)
        if cont == "check":
            keep = lambda s: s.takeover and not self.broken("fences deleted")
            sweep = tuple(s.n for s in segs if s.n < seg.n and not keep(s))
            return self.go(label, w._replace(pc="F4", sweep=sweep), segs=segs)
        acked, let_go = world.acked | made(seg.recs), self.removed(seg.recs)
        if cont == "along":
            return self.go(label, w._replace(pc="unlock"), segs=segs, acked=acked, let_go=let_go)
        book, st, wire, x = w.book, list(w.st), list(w.wire), w.x
        for rec in seg.recs:
            kind, r, key = rec[:3]
            book = enter(cfg, book, rec, "new")
            if kind == "I":
                unseen = cfg.kinds[r] == "S" and st[r] == "-" and not self.broken("create does not wait for the look")
                st[r] = "s" if st[r] in "-v" else st[r]
                if st[r] == "!":  # the name was found taken meanwhile
                    w = w._replace(queue=w.queue + (("F", r, key),))
                elif not self.broken("intent not awaited"):
                    wire.append(("n" if unseen else "c", r, key))
            elif kind == "E":
                x = tuple((q, u, "s" if (q, u) == (r, key) else s) for q, u, s in x)
                wire.append(("x", r, key))
            elif kind == "O" and st[r] == "o":
                st[r] = "d"
        w = w._replace(pc="run", book=book, st="".join(st), wire=tuple(sorted(wire)), x=x)
        self.go(label, w, segs=segs, acked=acked, let_go=let_go)
        if w.folds < cfg.folds and wire and not w.foreign and not w.lame:
            w = w._replace(folds=w.folds + 1, book=account(cfg, book))
            self.fold(label + " and folds", w, "mid", segs=segs, acked=acked, let_go=let_go)

    # ---- the fold
    def order(self, w):
        if w.then == "born":  # F2 comes beside the first segment
            return ["F1"]
        if self.broken("segments deleted before the mark"):
            return ["F3", "F4", "F1", "F2"]
        return ["F1", "F3", "F4", "F2"] if self.broken("digest after the checkpoint") else ["F1", "F2", "F3", "F4"]

    def fold(self, label, w, then, **world):
        self.follow(label, w._replace(then=then, unsure=False), None, **world)

    def follow(self, label, w, step, **world):
        """The step of the fold that comes after one."""
        order = self.order(w)
        at = order.index(step) + 1 if step else 0
        if at == len(order):
            self.after(label, w, **world)
        elif order[at] == "F3":
            self.checkpoint(label, w, **world)
        else:
            self.go(label, w._replace(pc=order[at]), **world)

    def at_F1(self):
        w, world, cfg = self.w, self.world, self.cfg
        want, k = w.book[:3], world.kept
        if w.then != "born" and not w.unsure and not w.must and w.kept.etag and want == w.kept[1:4]:
            late = self.broken("digest after the checkpoint")
            return self.follow("has nothing to fold", w, "F1" if w.repair or late else "F2")
        through = w.nxt - 1 - (self.order(w)[0] == "F3")
        new = Kept(k.etag + 1, *want, (w.epoch or w.nxt, through, self.i))
        label = "folds: state %d through %d %s" % (new.etag, through, list(w.book.ids))
        done = w._replace(kept=new, unsure=False, repair=False, must=False, due=w.then == "born")
        if k.etag == w.kept.etag or self.broken("fold overwrites a changed state"):
            self.judge_fold(new)
            self.follow(label, done, "F1", kept=new)
            if self.can_lose:
                self.go(label + ", answer lost", w._replace(unsure=True), kept=new, budget=self.pay(1))
        elif w.unsure and k[1:] == new[1:]:
            self.follow("finds its own state", done._replace(kept=k), "F1")
        else:
            self.changed("F1")
        if w.unsure and cfg.giveup:
            self.stop("no answer")

    def judge_fold(self, new):
        world = self.world
        book = replay(self.cfg, new, world.segs).book  # the journal may have the removal, above this mark
        back = (set(enumerate(book.ids)) | book.dep) & world.let_go
        if back:
            raise Violation("removed: the fold of w%d writes %s again" % (self.i, sorted(back)))
        epoch = self.w.epoch or self.w.nxt
        if any(s.kind == "check" and s.who != self.i and s.epoch > epoch for s in world.segs):
            raise Violation("fence: w%d writes the state after its successor has folded" % self.i)

    def changed(self, step):
        """K is not what it was."""
        w = self.w
        if self.top() > w.nxt - 1:
            self.fenced("%s, and a higher number" % step)
        elif w.then == "mid":
            self.go("puts its folds off", w._replace(pc="run", then="", foreign=True, unsure=False))
        else:
            self.stop("the state has changed")

    def at_F2(self):
        w, world = self.w, self.world
        if world.digest in (w.dig, 0):
            self.follow("sets the digest", w._replace(dig=w.kept.etag, repair=False), "F2", digest=w.kept.etag)
        elif world.kept.etag == w.kept.etag:
            self.go("finds another digest", w._replace(dig=world.digest))
        else:
            self.changed("F2")

    def late_digest(self):
        w, world = self.w, self.world
        if world.digest in (w.dig, 0):
            self.go("sets the first digest", w._replace(dig=w.kept.etag, due=False), digest=w.kept.etag)
        elif world.kept.etag == w.kept.etag:
            self.go("finds another digest", w._replace(dig=world.digest))
        else:
            self.changed("F2")

    def at_due(self):
        if not self.w.due:
            self.durable("has everything that it waited for", self.world.segs)

    def checkpoint(self, label, w, **world):
        if not w.epoch:
            return self.go(label, w._replace(pc="put", cont="open late", pend=self.segment(w, ())), **world)
        pend = Seg(w.nxt, w.epoch, self.i, "check", base=w.kept.etag, through=w.nxt - 1, open=w.book.open,
                   doubts=w.book.doubts, close=w.then == "end")
        self.go(label, w._replace(pc="put", cont="check", pend=pend, unsure=False), **world)

    def at_F4(self):
        """One request deletes them all, except what it fails to delete: that is left to the next fold."""
        w, segs = self.w, self.world.segs
        if w.then == "end" and self.world.lock == self.i:
            self.go("unlocks before it deletes", w, lock=None)
        for left in sorted({(), w.sweep[:1], w.sweep[-1:]}):
            kept = tuple(s for s in segs if s.n not in w.sweep or s.n in left)
            self.follow("deletes %s" % [n for n in w.sweep if n not in left], w._replace(sweep=()), "F4", segs=kept)

    def after(self, label, w, **world):
        """A fold is complete."""
        if w.then == "plan":
            return self.planned(label, w, **world)
        if w.then in ("mid", "born"):
            return self.go(label, w._replace(pc="run", then=""), **world)
        acked, let_go = self.world.acked | made(w.along), self.removed(w.along)
        self.go(label, w._replace(pc="unlock", along=()), acked=acked, let_go=let_go, **world)

    def removed(self, recs):
        """What is not there any more; an id may have been given again meanwhile."""
        world = self.world
        return world.let_go | {r[1:3] for r in recs if r[0] == "D" and not alive(world.cloud, *r[1:3])}

    def unlocked(self):
        return None if self.world.lock == self.i else self.world.lock

    def at_unlock(self):
        self.go("unlocks", self.gone("ended"), lock=self.unlocked())


def made(recs):
    return frozenset((r[1], r[3]) for r in recs if r[0] == "O")


# --------------------------------------------------------------------------------------------------------- another tool
def tool_moves(cfg, world, i):
    """It reads and writes K in one step, without a condition, and the digest in another. What it overwrites between its
    reading and its writing is what cannot be promised."""
    t, out = world.procs[i], []

    def go(label, pc, **changes):
        proc = Tool(pc) if pc else Ended("ended")
        out.append(("tool " + label, world._replace(procs=world.procs[:i] + (proc,) + world.procs[i + 1:], **changes)))

    if t.pc == "digest":
        go("sets the digest", None, digest=world.kept.etag, lock=None if world.lock == i else world.lock)
        return out
    busy = any(isinstance(p, Writer) and p.pc != "lock" for p in world.procs)
    if busy and not cfg.live or world.digest not in (0, world.kept.etag) or not world.kept.etag:
        return out
    if cfg.tool == "rm" and not (world.segs and world.segs[-1].kind == "check"):
        return out
    k, cloud, let_go = world.kept, world.cloud, world.let_go
    ids = [u if alive(cloud, r, u) else NONE for r, u in enumerate(k.ids)]
    for r in sorted(cfg.all):
        if cfg.tool == "apply" and ids[r] == NONE and not (cfg.kinds[r] == "N" and any(o[1] for o in cloud[r])):
            cloud = cloud[:r] + (cloud[r] + ((None, True, False),),) + cloud[r + 1:]
            ids[r] = len(cloud[r]) - 1
    last = max(cfg.all)
    if cfg.tool in ("rm", "destroy") and ids[last] != NONE:
        let_go |= {(last, ids[last])}
        if cfg.tool == "destroy":
            t, _, tagged = cloud[last][ids[last]]
            cloud = swap(cloud, last, ids[last], (t, False, tagged))
        ids[last] = NONE
    dep = frozenset(d for d in k.dep if alive(cloud, *d))
    # It knows nothing of unfinished objects, and drops that key too.
    kept = Kept(k.etag + 1, tuple(ids), dep, frozenset(), None)
    acked = world.acked | {(r, u) for r, u in enumerate(ids) if u != NONE}
    go("writes state %d %s" % (kept.etag, ids), "digest", kept=kept, cloud=cloud, let_go=let_go, acked=acked,
       lock=world.lock if cfg.live else i)
    return out


# ----------------------------------------------------------------------------------------------------------- properties
def judge(cfg, world):
    if not world.acked:
        return
    book = replay(cfg, world.kept, world.segs).book
    known = set(enumerate(book.ids)) | book.dep | {c[:2] for c in book.claims}
    for r, u in world.acked - known - world.let_go:
        if alive(world.cloud, r, u):
            tokens = [o[2] for o in book.open if o[:2] == ("c", r)] + [d[1] for d in book.doubts if d[0] == r]
            if not any(u in proven(cfg, world.cloud, r, t) for t in tokens):
                raise Violation("lost: r%d=%d was durable, and neither state nor journal knows it" % (r, u))


def alone(cfg, world, i):
    """One run, undisturbed."""
    last = []
    for _ in range(120):
        if isinstance(world.procs[i], Ended):
            if world.procs[i].how != "ended" or any("stops" in label for label in last):
                raise Violation("recovery: the run after the end is stopped: %s" % last[-2:])
            return world
        label, world = Turn(cfg, world, i, faults=False).moves()[0]
        last.append(label)
    raise Violation("recovery: the run after the end does not end: %s" % last[-4:])


def recover(cfg, world):
    dead = tuple(Ended("dead") for _ in world.procs)
    i, goal = len(dead), cfg.goals[-1]
    end = alone(cfg, world._replace(procs=dead + (fresh(goal),), lock=None, budget=(0, 0, 0)), i)
    kept, cloud = end.kept, end.cloud
    for r in cfg.all:
        if cfg.stranger and cfg.kinds[r] in "MS":
            continue
        here = {u for u in range(len(cloud[r])) if alive(cloud, r, u) and (r, u) not in end.let_go}
        stated = {kept.ids[r]} - {NONE} | {u for q, u in kept.dep if q == r}
        if cfg.kinds[r] != "L" and here - stated:
            raise Violation("recovery: nobody knows r%d=%s" % (r, sorted(here - stated)))
        if any(not alive(cloud, r, u) for u in stated):
            raise Violation("recovery: state names r%d=%s, which is gone" % (r, sorted(stated)))
        if len(stated) != (r in goal):
            raise Violation("recovery: r%d exists %d times" % (r, len(stated)))
        if cfg.kinds[r] != "L" and not cfg.tool and any(cloud[r][u][2] for u in stated):
            raise Violation("recovery: r%d keeps its tag" % r)
    if kept.raw or end.digest not in (0, kept.etag) or not replay(cfg, kept, end.segs).clean:
        raise Violation("recovery: the run after the end leaves something undone")
    if end.segs and end.segs[-1].doubts:
        end = end._replace(segs=end.segs[:-1] + (end.segs[-1]._replace(doubts=frozenset()),))
    again = alone(cfg, end._replace(procs=dead + (Ended("dead"), fresh(goal))), i + 1)
    if cfg.stranger and "S" in cfg.kinds:  # the next run tries again, and says so in the journal
        return
    if (again.kept, again.segs, again.cloud, again.digest) != (end.kept, end.segs, end.cloud, end.digest):
        raise Violation("recovery: the second run writes something")


def begin(cfg):
    n = len(cfg.kinds)
    kept, segs = Kept(0 if cfg.new else 1, (NONE,) * n, frozenset(), frozenset(), None), ()
    cloud = ((),) * n
    if cfg.made:  # everything exists, and the run before has closed
        cloud = (((99, True, False),),) * n
        kept = kept._replace(etag=2, ids=(0,) * n, mark=(1, 2, 99))
        segs = (Seg(3, 1, 99, "check", base=2, through=2, close=True),)
    if cfg.stranger:
        cloud = tuple(((None, True, False),) if k in "MS" else () for k in cfg.kinds)
    procs = tuple(fresh(g) for g in cfg.goals) + ((Tool(),) if cfg.tool else ())
    acked = frozenset((r, u) for r, u in enumerate(kept.ids) if u != NONE)
    return World(cloud, kept, kept.etag, segs, None, procs, cfg.budget, acked, frozenset())


def explore(cfg, limit):
    """(states, violation or None, shortest way there)"""
    start = begin(cfg)
    came, todo = {start: None}, deque([start])
    recovered = {(start.cloud, start.kept, start.digest, start.segs, start.let_go)}
    while todo:
        world = todo.popleft()
        try:
            judge(cfg, world)
            stored = (world.cloud, world.kept, world.digest, world.segs, world.let_go)
            # A tool that dies between state and digest stops everybody: not promised.
            if stored not in recovered and not any(isinstance(p, Tool) and p.pc == "digest" for p in world.procs):
                recovered.add(stored)
                recover(cfg, world)
            for i, p in enumerate(world.procs):
                for label, after in tool_moves(cfg, world, i) if isinstance(p, Tool) else Turn(cfg, world, i).moves():
                    if after not in came:
                        came[after] = (world, label)
                        todo.append(after)
        except Violation as v:
            way = []
            while came[world]:
                world, label = came[world]
                way.append(label)
            return len(came), str(v), way[::-1]
        if len(came) > limit:
            return len(came), "more than %d states" % limit, []
    return len(came), None, []


# ------------------------------------------------------------------------------------------------------- configurations
TWICE, ONCE = (None, None), (None,)


def exact(full):
    """Nothing may be found. Goals are what each run in turn wants to exist (None: everything)."""
    yield Cfg("smallest", "T", crash=1)
    yield Cfg("T, displaced at any request", "T", crash=1, steal=1, stale=True)
    yield Cfg("G, displaced, answers lost", "G", lost=1, steal=1)
    yield Cfg("N, two crashes", "N", crash=2)
    yield Cfg("chain T G, answers lost", "TG", crash=1, lost=1)
    yield Cfg("chain L T, displaced", "LT", steal=1)
    yield Cfg("chain L M, displaced", "LM", steal=1)
    yield Cfg("M, and a stranger's", "M", crash=1, stranger=True)
    yield Cfg("S, displaced, answers lost", "S", lost=1, steal=1)
    yield Cfg("S, and a stranger's", "S", crash=2, stranger=True)
    yield Cfg("S: apply, apply, destroy", "S", goals=(None, None, ()), crash=1)
    yield Cfg("new state", "T", new=True, crash=1, lost=1)
    yield Cfg("chain G T: apply, destroy", "GT", goals=(None, ()), made=True, crash=1)
    yield Cfg("chain G T: destroy against apply", "GT", goals=((), None), made=True, steal=1)
    yield Cfg("N: apply, apply, destroy", "N", goals=(None, None, ()), crash=1)
    yield Cfg("G is replaced", "G", made=True, replace=(0,), crash=2)
    yield Cfg("chain L G, fold in the middle", "LG", folds=1, crash=1)
    yield Cfg("another tool applies", "G", tool="apply", crash=1, steal=1)
    yield Cfg("another tool, in the middle of a run", "LG", ONCE, tool="apply", live=True, folds=1, crash=1)
    yield Cfg("another tool destroys", "TG", goals=ONCE, made=True, tool="destroy", crash=1)
    yield Cfg("another tool lets go", "G", tool="rm", crash=2)
    yield Cfg("lock lost, and noticed", "LG", notice=True, steal=1)
    yield Cfg("G in a store that is probed", "G", probe=True, steal=1)
    yield Cfg("fold without an answer", "L", giveup=True, crash=1, lost=1, steal=1)
    if full:
        yield Cfg("chain T G, displaced", "TG", crash=1, steal=1)
        yield Cfg("chain G N, displaced, answers lost", "GN", lost=1, steal=1)
        yield Cfg("G is replaced, displaced", "G", made=True, replace=(0,), crash=1, steal=1)
        yield Cfg("new state, displaced", "T", new=True, crash=1, lost=1, steal=1, stale=True)
        yield Cfg("chain L G, fold in the middle, displaced", "LG", folds=1, steal=1)
        yield Cfg("another tool, in the middle of two runs", "LG", tool="apply", live=True, folds=1, crash=1)


def variants():
    """One rule broken in each: something must be found."""
    def v(rule, kinds, goals=ONCE, crash=0, steal=0, **more):
        return Cfg(rule, kinds, goals=goals, crash=crash, steal=steal, broken=rule, **more)
    yield v("intent not awaited", "T")
    yield v("outcome behind the dependent's intent", "LT")
    yield v("tag off before the outcome is durable", "G")
    yield v("open not proven", "G", TWICE, steal=1)
    yield v("any 412 is ours", "G", TWICE, steal=1, lost=1)
    yield v("state listed before it is read", "T", (None,) * 3, crash=1, steal=1)
    yield v("segments deleted before the mark", "T")
    yield v("digest after the checkpoint", "T")
    yield v("last fold forgets when it fails", "L", tool="touch", live=True)
    yield v("fold overwrites a changed state", "TG", tool="apply", live=True, folds=1)
    yield v("fences deleted", "G", TWICE, steal=1)
    yield v("absent creates forgotten", "T", TWICE, crash=1)
    yield v("doubts without ids", "G", TWICE, crash=2, tool="rm")
    yield v("records applied to a foreign state", "G", TWICE, crash=1, tool="apply")
    yield v("create repeated without looking", "G", lost=1)
    yield v("name not looked at", "M", stranger=True)
    yield v("name not looked at", "S", stranger=True)
    yield v("create does not wait for the look", "S", stranger=True)
    yield v("recovery leaves an equal state unwritten", "L", TWICE, steal=1)
    yield v("a mark beyond the checkpoint is clean", "T", TWICE, crash=1)
    yield v("digest repaired for the newest epoch alone", "T", TWICE, crash=1)
    yield v("deleted ids stay accounted for", "N", (None, None, ()), crash=1)
    yield v("late creates take the address", "G", TWICE, crash=1, tool="apply")


def main():
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__)
        return 0
    names, full = [a for a in sys.argv[1:] if not a.startswith("-")], "--full" in sys.argv
    gc.disable()  # tuples have no cycles
    as_expected, total, begun = True, 0, time.process_time()
    for cfg in list(exact(full)) + list(variants()):
        if names and not any(n in cfg.name for n in names):
            continue
        t = time.process_time()
        states, found, way = explore(cfg, 10_000_000)
        good = (found is None) == (cfg.broken is None)
        as_expected &= good
        total += 0 if cfg.broken else states
        print("%s %-46s %8d states %6.1f s  %s" % (
            "-" if cfg.broken else "=", cfg.name, states, time.process_time() - t, found or "nothing found"),
            flush=True)
        for label in way if not good or "--ways" in sys.argv else ():
            print("      " + label)
    print("%d states of the protocol, %.0f s: %s" % (
        total, time.process_time() - begun, "as expected" if as_expected else "NOT AS EXPECTED"))
    return 0 if as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
