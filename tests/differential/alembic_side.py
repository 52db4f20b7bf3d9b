"""Runs commands in Alembic, inside this process, on a SQLite database in memory or on another. Called by parts.py.

The commands are Alembic's own (alembic.command); only the environment script is replaced, by the method `run_env`
below, so that files are read once for many commands.
"""

import io
import sys
import warnings

import sqlalchemy
from alembic import command, context, util
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script import revision as errors

import databases
import version_table
from outcome import Outcome, kind_of

sys.dont_write_bytecode = True
warnings.simplefilter("ignore")


_list_files = Script._list_py_dir.__func__


def _list_sorted(cls, *arguments):
    """Before 1.12 Alembic reads the files in the order of the directory, which is any; later by name."""
    return sorted(_list_files(cls, *arguments))


Script._list_py_dir = classmethod(_list_sorted)


_current_heads = MigrationContext.get_current_heads


def _sorted_heads(self):
    """`downgrade -1` with several rows takes the first that the database happens to give."""
    return tuple(sorted(_current_heads(self)))


MigrationContext.get_current_heads = _sorted_heads


class Directory(ScriptDirectory):
    """The files of an environment, with a database for its commands."""

    def run_env(self):
        context.configure(connection=self.connection, on_version_apply=self.note_step)
        with context.begin_transaction():
            context.run_migrations()

    def note_step(self, step, **_):
        if step.is_stamp:
            reached = step.destination_revision_ids
            self.steps.append(["stamp", reached[0] if reached else ""])
        else:
            self.steps.append(["upgrade" if step.is_upgrade else "downgrade", step.up_revision_id])


def _fix_order(directory):
    """Gives the sets that are printed an order: labels by name, children as loaded."""
    order = {id: place for place, id in enumerate(directory.revision_map._revision_map)}
    for r in directory.revision_map._revision_map.values():
        if r:
            r.branch_labels = sorted(r.branch_labels)
            r.nextrev = tuple(sorted(r.nextrev, key=order.__getitem__))


PRINTING = {
    "history": {"-v": "verbose", "-i": "indicate_current", "-r": "rev_range"},
    "heads": {"-v": "verbose", "--resolve-dependencies": "resolve_dependencies"},
    "branches": {"-v": "verbose"},
    "current": {"-v": "verbose"},
}


def _keywords(words):
    options, keywords = PRINTING[words[0]], {}
    for word in words[1:]:
        if word.startswith("-r"):
            keywords[options["-r"]] = word[2:]
        else:
            keywords[options[word]] = True
    return keywords


class Alembic:
    """One environment and its database."""

    def __init__(self, folder, url="sqlite://"):
        self.config = Config()
        self.config.set_main_option("script_location", folder)
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.StaticPool, isolation_level="AUTOCOMMIT")
        self.connection = engine.connect()
        self.db = databases.wrap(self.connection.connection)
        if url == "sqlite://":
            self.db.executescript(version_table.SCHEMA)
        self.folder = folder
        self.acting = self.load()
        self.printing = None

    def load(self):
        directory = Directory(self.folder)
        directory.connection, directory.steps = self.connection, []
        return directory

    def close(self):
        self.connection.close()

    def rows(self):
        return version_table.rows_of(self.db)

    def set_rows(self, rows):
        version_table.set_rows(self.db, rows)

    def perform(self, words):
        name = words[0]
        if name in ("upgrade", "downgrade"):
            getattr(command, name)(self.config, words[1])
        elif name == "stamp":
            purge = words[1] == "--purge"
            command.stamp(self.config, words[2:] if purge else words[1:], purge=purge)
        elif name == "show":
            command.show(self.config, words[1])
        else:
            getattr(command, name)(self.config, **_keywords(words))

    def run(self, words):
        before = self.rows()
        prints = words[0] in PRINTING or words[0] == "show"
        if prints and not self.printing:
            self.printing = self.load()
            _fix_order(self.printing)
        directory = self.printing if prints else self.acting
        directory.steps = []
        self.config.stdout = io.StringIO()
        from_config, ScriptDirectory.from_config = ScriptDirectory.from_config, lambda config: directory
        outcome = Outcome(ok=True, rows=[])
        try:
            self.perform(words)
        except Exception as error:  # any at all: an internal error is an answer too
            _note_error(outcome, error)
        finally:
            ScriptDirectory.from_config = from_config
            for r in directory.revision_map._revision_map.values():
                if r:
                    r._db_current_indicator = None
        outcome.rows, outcome.steps = self.rows(), directory.steps
        outcome.states = version_table.take_states(self.db, before, words[0])
        outcome.output = self.config.stdout.getvalue() if outcome.ok else ""
        return outcome


def _note_error(outcome, error):
    """Behind the text of the command line stands the real reason, if there is one."""
    outcome.ok, outcome.message = False, str(error)
    cause = error.__cause__
    if isinstance(cause, errors.ResolutionError):
        outcome.kind = kind_of(str(cause))
    elif isinstance(error, util.CommandError):
        outcome.kind = kind_of(outcome.message)
    else:
        outcome.kind = "internal"
        outcome.message = "%s: %s" % (type(error).__name__, error)
