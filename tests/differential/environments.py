"""Writes one graph as an Alembic environment and as a Moonbird one, with the same file names. Called by parts.py."""

import os


def _python_value(words):
    return "None" if not words else repr(words[0]) if len(words) == 1 else repr(tuple(words))


def _lua_value(words):
    quoted = ['"%s"' % word for word in words]
    return "nil" if not quoted else quoted[0] if len(quoted) == 1 else "{ %s }" % ", ".join(quoted)


def _header(r, value):
    return "revision = %s\ndown_revision = %s\nbranch_labels = %s\ndepends_on = %s\n" % (
        value([r.id]),
        value(r.down),
        value(r.labels),
        value(r.depends_on),
    )


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_alembic(folder, revisions):
    os.makedirs(os.path.join(folder, "versions"))
    for r in revisions:
        text = '"""%s\n"""\n%s\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n' % (
            r.message,
            _header(r, _python_value),
        )
        _write(os.path.join(folder, "versions", r.file_name + ".py"), text)


def write_moonbird(folder, revisions, url="sqlite:///database.db"):
    """A relative path in the URL begins in the folder of the ini, where the program is run."""
    os.makedirs(os.path.join(folder, "migrations", "versions"))
    _write(
        os.path.join(folder, "moonbird.ini"),
        "[moonbird]\nscript_location = %(here)s/migrations\nversion_table = alembic_version\nurl = " + url + "\n",
    )
    for r in revisions:
        message = "\n".join(("-- " + line).rstrip() for line in r.message.split("\n"))
        text = "-%s\n\n%s\nfunction upgrade()\nend\n\nfunction downgrade()\nend\n" % (message, _header(r, _lua_value))
        _write(os.path.join(folder, "migrations", "versions", r.file_name + ".lua"), text)
