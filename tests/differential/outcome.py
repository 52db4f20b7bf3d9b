"""What came of one command, in the words of neither tool. Made by alembic_side.py and moonbird_side.py."""

import dataclasses
import typing


@dataclasses.dataclass
class Outcome:
    ok: bool
    rows: typing.List[str]  # the version rows afterwards, sorted
    steps: typing.List[typing.List[str]] = dataclasses.field(default_factory=list)  # [direction, id]; "" is base
    states: typing.List[typing.List[str]] = dataclasses.field(default_factory=list)  # the rows after each step
    kind: str = ""  # of the error, see KINDS
    message: str = ""  # of the error
    output: str = ""  # of a command that prints

    def key(self):
        """Equal for equal answers; texts apart."""
        return [self.ok, self.rows, self.steps, self.states, self.kind, self.output]


# The kinds of errors, by the words that both tools use. Those that are Moonbird's own stand last.
KINDS = [
    ("several heads", "Multiple head revisions are present"),
    ("several heads", "Multiple heads are present"),
    ("wrong branch", "is not a member of branch"),
    ("ambiguous", "Multiple revisions start with"),
    ("unknown", "No such revision or branch"),
    ("unknown", "No such branch"),
    ("no steps", "Relative revision"),
    ("too far", "Walked too far"),
    ("ambiguous walk", "Ambiguous walk"),
    ("several starts", "Ambiguous upgrade from multiple current revisions"),
    ("not below", "Not a valid downgrade target from current heads"),
    ("not below", "is not a valid downgrade target from current head(s)"),
    ("not above", "is not a valid upgrade target from current head(s)"),
    ("not in line", "Requested range"),
    ("overlap", "overlaps with other requested revisions"),
    ("range", "Range revision not allowed"),
    ("range", "History range requires"),
    ("ambiguous", "is ambiguous: "),
    ("several starts", "Ambiguous downgrade from multiple current revisions"),
    ("unknown", "Can't locate revision identified by"),
]


def kind_of(message):
    for kind, words in KINDS:
        if words in message:
            return kind
    return "other"

