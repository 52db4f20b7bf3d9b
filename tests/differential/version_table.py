"""The version table, with triggers of SQLite that record each change. Used by both sides."""

SCHEMA = """
CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE changes (kind TEXT NOT NULL, old TEXT, new TEXT);
CREATE TRIGGER inserted AFTER INSERT ON alembic_version
  BEGIN INSERT INTO changes VALUES ('insert', NULL, new.version_num); END;
CREATE TRIGGER updated AFTER UPDATE ON alembic_version
  BEGIN INSERT INTO changes VALUES ('update', old.version_num, new.version_num); END;
CREATE TRIGGER deleted AFTER DELETE ON alembic_version
  BEGIN INSERT INTO changes VALUES ('delete', old.version_num, NULL); END;
"""


def has_table(db, name):
    query = getattr(db, "has_table", "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?")
    return db.execute(query, (name,)).fetchone() is not None


def rows_of(db):
    if not has_table(db, "alembic_version"):
        return []
    return sorted(row[0] for row in db.execute("SELECT version_num FROM alembic_version").fetchall())


def set_rows(db, rows):
    db.execute("DELETE FROM alembic_version")
    db.executemany("INSERT INTO alembic_version VALUES (?)", [(row,) for row in rows])
    if has_table(db, "changes"):
        db.execute("DELETE FROM changes")


# What ends a step: a merge deletes rows and then updates one, the way back inserts rows and then updates one.
LAST_CHANGES = {"upgrade": ("insert", "update"), "downgrade": ("delete", "update")}


def take_states(db, rows_before, command):
    """The rows after each step of an upgrade or a downgrade."""
    if not has_table(db, "changes"):
        return []
    changes = db.execute("SELECT kind, old, new FROM changes ORDER BY rowid").fetchall()
    db.execute("DELETE FROM changes")
    rows, states = set(rows_before), []
    for kind, old, new in changes:
        rows = (rows - {old}) | ({new} if new else set())
        if kind in LAST_CHANGES.get(command, ()):
            states.append(sorted(rows))
    return states
