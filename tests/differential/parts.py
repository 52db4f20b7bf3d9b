"""The parts of the test; each is a function that yields cases. Called by `differential`."""

import dataclasses
import itertools
import json
import os
import re
import shutil
import tempfile
import typing
from random import Random

import cases
import databases
import environments
from alembic_side import Alembic
from cases import Revision, revisions_from_lists
from known import find_known
from moonbird_side import Crash, Moonbird
from oracle import Lines
from outcome import Outcome


@dataclasses.dataclass
class Case:
    """One command, given to both. `seed` and `number` name it; the rest is what Alembic needs to be asked again."""

    seed: str
    number: int
    graph: list
    rows: typing.List[str]  # before
    words: typing.List[str]
    alembic: Outcome
    moonbird: Outcome

    fault: str = ""  # of Moonbird, as the graph alone shows it

    @property
    def differs(self):
        return not same(self.alembic, self.moonbird)

    @property
    def first(self):
        """The first word behind the command."""
        return self.words[1] if len(self.words) > 1 else ""

    def describe(self):
        graph = "; ".join(
            "".join((id, str(labels or ""), " < " * bool(down), ",".join(down), " & " * bool(needs), ",".join(needs)))
            for id, down, needs, labels, *_ in self.graph
        )
        lines = ["%s #%d: %s, from rows %s" % (self.seed, self.number, " ".join(self.words), self.rows or "()")]
        lines += ["  graph " + graph] if self.number == 0 or self.differs or self.fault else []
        lines += ["  fault " + self.fault] if self.fault else []
        for name, outcome in ("Alembic ", self.alembic), ("Moonbird", self.moonbird):
            if not outcome.ok:
                lines.append("  %s %s: %s" % (name, outcome.kind, outcome.message))
            elif outcome.output or not outcome.steps:
                lines.append("  %s rows %s %r" % (name, outcome.rows, outcome.output))
            else:
                steps = " ".join(id or "base" for _, id in outcome.steps)
                lines.append("  %s rows %s after %s" % (name, outcome.rows, steps))
        return "\n".join(lines)


# Where both fail in the same way, these words must be equal; Moonbird says more in the others.
SAME_WORDS = {"several heads", "no steps", "not above", "not below", "not in line"}
SAME_START = {
    "too far": "Walked too far",
    "ambiguous walk": "Ambiguous walk",
    "several starts": "Ambiguous upgrade from multiple current revisions",
}


def words_of(message):
    """Alembic prints +0 as 0 in one of the two directions, and @head as head in some commands."""
    return re.sub("'@head", "'head", re.sub("[+-]0 didn't", "0 didn't", message.replace("@@", "@")))


def comparable(outcome):
    """Rows that go are one step in Moonbird, and one each in Alembic."""
    key = outcome.key()
    key[2] = [step for step in outcome.steps if step != ["stamp", ""]]
    return key


def same(a, b):
    if comparable(a) != comparable(b):
        return False
    if a.kind in SAME_WORDS and words_of(a.message) != words_of(b.message):
        return False
    if a.kind in SAME_START and not b.message.startswith(SAME_START[a.kind]):
        return False
    return True


def plain(outcome, words):
    """Folders and endings of files differ, and so does the URL; what is current has no order in Alembic."""
    text = re.sub(r"^Path: .*/([^/]*)\.(py|lua)$", r"Path: \1", outcome.output, flags=re.M)
    text = re.sub(r"^Current revision\(s\) for .*:$", "Current:", text, flags=re.M)
    if words[0] == "current" or words == ["show", "current"]:
        entry = "Rev: " if "Rev: " in text else "\n"
        text = entry.join(sorted(text.split(entry)))
    outcome.output = text
    return outcome


def scratch():
    """In memory where that is possible: most of the time would be spent waiting for a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Pair:
    """The same graph in both tools."""

    def __init__(self, program, revisions):
        self.folder = tempfile.mkdtemp(prefix="moonbird-differential.", dir=scratch())
        self.graph, self.lines = [r.to_list() for r in revisions], Lines(revisions)
        environments.write_alembic(os.path.join(self.folder, "alembic"), revisions)
        environments.write_moonbird(os.path.join(self.folder, "moonbird"), revisions)
        self.alembic = Alembic(os.path.join(self.folder, "alembic"))
        self.moonbird = Moonbird(program, os.path.join(self.folder, "moonbird"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.alembic.close()
        self.moonbird.close()
        shutil.rmtree(self.folder)

    def set_rows(self, rows):
        self.alembic.set_rows(rows)
        self.moonbird.set_rows(rows)

    def run(self, words, seed, number):
        before = self.moonbird.rows()
        a, fault = plain(self.alembic.run(words), words), ""
        try:
            m = plain(self.moonbird.run(words), words)
        except Crash as crash:
            fault = str(crash)
            m = Outcome(ok=False, rows=self.moonbird.rows(), kind="other", message=fault)
        if a.rows != m.rows:
            self.alembic.set_rows(m.rows)
        if m.ok and words[0] in ("upgrade", "downgrade"):
            fault = self.lines.faults(before, words, m)
        return Case(seed, number, self.graph, before, words, a, m, fault)


RUNS, LOOKS = 26, 8


def random_part(program, seed):
    """One random graph, with random commands on the rows that the ones before have left."""
    random = Random(seed)
    revisions = cases.random_graph(random)
    identifiers = cases.Identifiers(random, revisions)
    with Pair(program, revisions) as pair:
        for number in range(RUNS + LOOKS):
            if random.random() < 0.08:
                pair.set_rows([])
            choose = cases.random_run if random.random() < RUNS / (RUNS + LOOKS) else cases.random_look
            yield pair.run(choose(random, identifiers), seed, number)


# --- a real project's graph ---


def _words(value):
    return [] if value is None else [value] if isinstance(value, str) else value


def read_project(path):
    with open(path, encoding="utf-8") as file:
        items = json.load(file)
    revisions = [
        Revision(
            item["revision"],
            _words(item["down_revision"]),
            _words(item["depends_on"]),
            _words(item["branch_labels"]),
            item["message"] or "no message",
            item["revision"] + "_step",
        )
        for item in items
    ]
    return sorted(revisions, key=lambda r: r.file_name)


def project_part(program, path, slice_number, slice_count):
    """Every revision as a target, up from empty, down from the heads, and stamped; and the listings. A slice of it."""
    revisions, name = read_project(path), os.path.basename(path)
    ids = [r.id for r in revisions][slice_number::slice_count]
    with Pair(program, revisions) as pair:
        numbers = itertools.count(1000 * slice_number)
        for words in ["history"], ["heads"], ["heads", "--resolve-dependencies"], ["branches"], ["history", "-v"]:
            yield pair.run(words, name, next(numbers))
        for id in ids:
            pair.set_rows([])
            yield pair.run(["upgrade", id], name, next(numbers))
            yield pair.run(["show", id], name, next(numbers))
        pair.set_rows([])
        yield pair.run(["upgrade", "heads"], name, next(numbers))
        heads = pair.moonbird.rows()
        yield pair.run(["current"], name, next(numbers))
        for id in ids:
            pair.set_rows(heads)
            yield pair.run(["downgrade", id], name, next(numbers))
            yield pair.run(["stamp", id], name, next(numbers))
        pair.set_rows(heads)
        yield pair.run(["downgrade", "base"], name, next(numbers))


# --- asking again ---


def ask_alembic(graph, rows, words):
    revisions = revisions_from_lists(graph)
    with tempfile.TemporaryDirectory(prefix="moonbird-differential.", dir=scratch()) as folder:
        environments.write_alembic(os.path.join(folder, "alembic"), revisions)
        alembic = Alembic(os.path.join(folder, "alembic"))
        alembic.set_rows(rows)
        outcome = plain(alembic.run(words), words)
        alembic.close()
    return dataclasses.asdict(outcome)


def agrees(case, answer):
    """`answer`: as ask_alembic gave it."""
    other = dataclasses.replace(case, alembic=Outcome(**answer))
    return not other.differs or find_known(other) is not None


# --- both on one database ---


def turns_part(program, seed, server_url):
    """Alembic and Moonbird in turn on one database, that the one or the other has begun. Yields faults, or ""."""
    for number in range(TURN_GRAPHS):
        yield from turns_of_graph(program, seed, number, databases.SqliteFile)
    if not server_url:
        return
    with databases.postgres_database(server_url) as database:
        for number in range(TURN_GRAPHS, TURN_GRAPHS + SERVER_GRAPHS):
            database.clear()
            yield from turns_of_graph(program, seed, number, lambda folder: database)


def turns_of_graph(program, seed, number, database_in):
    """`database_in` gives the database for Moonbird's folder."""
    random = Random("%s turns %d" % (seed, number))
    revisions = cases.random_graph(random)
    lines = Lines(revisions)
    with tempfile.TemporaryDirectory(prefix="moonbird-differential.", dir=scratch()) as folder:
        alembic_folder, moonbird_folder = os.path.join(folder, "alembic"), os.path.join(folder, "moonbird")
        database = database_in(moonbird_folder)
        environments.write_alembic(alembic_folder, revisions)
        environments.write_moonbird(moonbird_folder, revisions, database.moonbird_url)
        alembic = Alembic(alembic_folder, database.alembic_url)
        moonbird = Moonbird(program, moonbird_folder, database)
        tools = [alembic, moonbird]
        if number % 2:
            tools.reverse()
        for turn in range(TURNS):
            target = random.choice(["heads", "heads"] + [r.id for r in revisions])
            words = [random.choice(["upgrade", "upgrade", "downgrade"]), target]
            if words == ["downgrade", "heads"]:
                words = ["downgrade", "base"]
            yield one_turn(tools[turn % 2], words, lines, "turns %d #%d" % (number, turn))
            if lines.tips(moonbird.rows()) != moonbird.rows():  # Alembic 1.8.1 may leave that, and refuses it then
                repaired = moonbird.run(["stamp", "--purge"] + lines.tips(moonbird.rows()))
                yield "" if repaired.ok else repaired.message
        alembic.close()
        moonbird.close()


TURN_GRAPHS, SERVER_GRAPHS, TURNS = 7, 5, 10


def one_turn(tool, words, lines, name):
    """Whoever it is goes on from what the other has left. What is applied afterwards is said by the graph alone."""
    before = tool.rows()
    outcome = tool.run(words)
    # A row of the list: "merge of which one parent implies another".
    if isinstance(tool, Alembic) and outcome.message.startswith("KeyError"):
        tool.set_rows(before)
        return ""
    wanted, applied = lines.applied(before), lines.applied(outcome.rows)
    if words[0] == "upgrade":
        wanted |= lines.below(words[1]) if words[1] in lines.parents else set(lines.parents)
    elif words[1] == "base":
        wanted = set()
    elif outcome.ok:
        wanted -= {id for id in wanted if any(child in lines.below(id) for child in lines.children(words[1]))}
    is_refused = words[0] == "downgrade" and outcome.kind == "not below"
    if applied == wanted and (outcome.ok or is_refused):
        return ""
    return "%s: %s %s from rows %s gave rows %s %s" % (
        name,
        type(tool).__name__,
        " ".join(words),
        before,
        outcome.rows,
        outcome.message,
    )
