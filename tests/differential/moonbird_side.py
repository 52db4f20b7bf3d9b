"""Runs commands in Moonbird, as a program on a SQLite file or another database. Called by parts.py."""

import json
import os
import subprocess

import databases
import version_table
from outcome import Outcome, kind_of

TIME_LIMIT_S = 60
SANITIZER_EXIT = 99
PRINTING = {"history", "heads", "branches", "show", "current"}


class Crash(Exception):
    """A signal, a finding of a sanitizer, or a text that no program should give."""


def clean_environ():
    """What the user's shell has set must not decide a test."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MOONBIRD_") and k != "DATABASE_URL"}
    environ["LC_ALL"] = "C.UTF-8"
    return environ


def _event(words, line):
    try:
        return json.loads(line)
    except ValueError:
        raise Crash("moonbird %s: %r is no JSON" % (words, line))


class Moonbird:
    """One environment and its database."""

    def __init__(self, program, folder, database=None):
        """`database`: of databases.py, as it is; without it, a file in which the version table is, with triggers."""
        self.program, self.folder, self.environ = program, folder, clean_environ()
        self.db = (database or databases.SqliteFile(folder)).connect()
        if not database:
            self.db.executescript(version_table.SCHEMA)

    def close(self):
        self.db.close()

    def rows(self):
        return version_table.rows_of(self.db)

    def set_rows(self, rows):
        version_table.set_rows(self.db, rows)

    def call(self, words):
        try:
            done = subprocess.run(
                [self.program] + words,
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=TIME_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            raise Crash("moonbird %s: has not ended after %d s" % (words, TIME_LIMIT_S))
        if done.returncode < 0 or done.returncode == SANITIZER_EXIT:
            errors = done.stderr.decode(errors="replace")
            raise Crash("moonbird %s: exit code %d\n%s" % (words, done.returncode, errors))
        return done

    def run(self, words):
        before = self.rows()
        printing = words[0] in PRINTING
        done = self.call(words if printing else ["--json"] + words)
        out, err = done.stdout.decode(), done.stderr.decode()
        outcome = Outcome(ok=done.returncode == 0, rows=self.rows())
        if printing:
            outcome.output = out if outcome.ok else ""
        else:
            outcome.states = version_table.take_states(self.db, before, words[0])
            events = [_event(words, line) for line in out.splitlines()]
            outcome.steps = [[e["direction"], e["revision"] or ""] for e in events if e["event"] == "step_finished"]
        if not outcome.ok:
            outcome.message = err.split("\n", 1)[0].replace("error: ", "", 1)
            outcome.kind = kind_of(outcome.message)
        return outcome
