"""The database that both tools work on in turn: a file of SQLite, or a database on a server of PostgreSQL.

Each has the URL for either tool and `connect()`: a connection as of sqlite3, which execute()s statements with `?`. Used
by parts.py.
"""

import contextlib
import os
import sqlite3
from urllib.parse import urlsplit, urlunsplit


class SqliteFile:
    def __init__(self, folder):
        self.path = os.path.join(folder, "database.db")
        self.alembic_url, self.moonbird_url = "sqlite:///" + self.path, "sqlite:///database.db"

    def connect(self):
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute("PRAGMA synchronous = off")
        return db


class PostgresConnection:
    """A connection of psycopg2 that is asked as one of sqlite3."""

    has_table = "SELECT 1 FROM pg_tables WHERE tablename = ?"

    def __init__(self, db):
        self.db = db

    def execute(self, statement, values=()):
        cursor = self.db.cursor()
        cursor.execute(statement.replace("?", "%s"), values)
        return cursor

    def executemany(self, statement, rows):
        self.db.cursor().executemany(statement.replace("?", "%s"), rows)

    def close(self):
        self.db.close()


def connect_postgres(url):
    import psycopg2

    db = psycopg2.connect(url)
    db.autocommit = True
    return PostgresConnection(db)


class PostgresDatabase:
    """Emptied for each graph: that is quicker than a new one."""

    def __init__(self, url):
        self.alembic_url = self.moonbird_url = url

    def connect(self):
        return connect_postgres(self.alembic_url)

    def clear(self):
        db = self.connect()
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
        db.close()


@contextlib.contextmanager
def postgres_database(server_url):
    """A database of its own, dropped afterwards."""
    name = "differential_%d" % os.getpid()
    server = connect_postgres(server_url)
    server.execute("CREATE DATABASE " + name)
    try:
        yield PostgresDatabase(urlunsplit(urlsplit(server_url)._replace(path="/" + name)))
    finally:
        server.execute("DROP DATABASE %s WITH (FORCE)" % name)
        server.close()


def wrap(db):
    """What SQLAlchemy gives as its driver's connection, asked as one of sqlite3."""
    return PostgresConnection(db) if "psycopg2" in type(db.driver_connection).__module__ else db
