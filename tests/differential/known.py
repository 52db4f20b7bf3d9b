"""The differences that are meant: Alembic's faults that Moonbird does not copy. Each row is as narrow as it can be, and
stands in docs/alembic-faults.md too. Called by `differential`.

Where Alembic is wrong, what Moonbird does is still looked at: version rows of which one implies another, for one, are
never accepted (oracle.py)."""

import re
from typing import Callable, NamedTuple

from cases import revisions_from_lists
from oracle import Lines

KNOWN = []


class Known(NamedTuple):
    name: str
    matches: Callable


def known(name, *commands):
    """The rows of the list: functions of the outcomes a (Alembic) and m (Moonbird), the case, and its last word."""

    def add(function):
        def matches(case):
            if commands and case.words[0] not in commands:
                return False
            return bool(function(case.alembic, case.moonbird, case, case.words[-1]))

        KNOWN.append(Known(name, matches))
        return function

    return add


def find_known(case):
    return next((row for row in KNOWN if row.matches(case)), None)


def lines_of(case):
    return Lines(revisions_from_lists(case.graph))


def overlaps(case, rows):
    return lines_of(case).tips(rows) != sorted(rows)


def both_fail(a, m):
    return not a.ok and not m.ok and m.kind != "other"


# --- internal errors ---


@known("internal error")
def _(a, m, case, word):
    """A traceback where an error with words should be, or where there is nothing to do."""
    crashed = a.kind == "internal" and re.match("AssertionError|ValueError|AttributeError", a.message)
    does_nothing = m.ok and not m.steps and m.rows == case.rows
    looks = case.words[0] in ("history", "show")
    return crashed and a.rows == case.rows and (both_fail(a, m) or does_nothing or (looks and m.ok))


@known("merge of which one parent implies another", "upgrade")
def _(a, m, case, word):
    """Alembic looks for a row of each parent, and ends in the middle."""
    return a.kind == "internal" and a.message.startswith("KeyError: ") and m.ok and m.steps


# --- version rows ---


@known("rows that imply others", "downgrade")
def _(a, m, case, word):
    """Alembic 1.8.1 writes rows that another row implies; the steps are the same. (1.19.2 mostly does not.)"""
    tips = lines_of(case).tips
    return a.ok and m.ok and a.steps == m.steps and tips(a.rows) == m.rows and list(map(tips, a.states)) == m.states


@known("stamp of label@heads with a head that another needs", "stamp")
def _(a, m, case, word):
    heads = any(word.endswith("@heads") for word in case.words)
    return heads and a.ok and m.ok and overlaps(case, a.rows) and lines_of(case).tips(a.rows) == m.rows


@known("upgrade to label@heads with a head that another needs", "upgrade")
def _(a, m, case, word):
    return word.endswith("@heads") and a.kind == "overlap" and not overlaps(case, case.rows) and m.ok


@known("stamp takes rows of other branches", "stamp")
def _(a, m, case, word):
    """With several targets the rows of one are taken for another; with `label@REV` all that is related to the label."""
    several = len(case.words) > 2 or word.endswith("heads") or "@" in word
    return several and a.ok and m.ok and set(a.rows) < set(m.rows) and not overlaps(case, m.rows)


@known("stamp of what another target has reached", "stamp")
def _(a, m, case, word):
    """The same revision twice, or one whose row is taken for another target already."""
    crashed = len(case.words) > 2 and a.kind == "internal" and re.match("AssertionError|KeyError", a.message)
    return crashed and m.ok and not overlaps(case, m.rows)


@known("stamp of overlapping targets", "stamp")
def _(a, m, case, word):
    """Moonbird refuses a target together with its ancestor, or with base; Alembic writes both, or one of them."""
    named = re.match(r"Requested revision (\S+) overlaps with other requested revisions ([^,\s]+)", m.message)
    if m.kind != "overlap" or m.rows != case.rows or not named:
        return False
    return named[2] == "base" or lines_of(case).related(*named.groups())


@known("stamp of label@base and another target", "stamp")
def _(a, m, case, word):
    """Alembic forgets the label@base."""
    several = len(case.words) > 2 and any(w.endswith("@base") for w in case.words)
    return several and a.ok and m.ok and not overlaps(case, m.rows)


@known("stamp --purge that fails", "stamp")
def _(a, m, case, word):
    """The rows are gone before the target is looked at."""
    return case.first == "--purge" and both_fail(a, m) and a.rows == [] and m.rows == case.rows


# --- identifiers ---


@known("a finer error")
def _(a, m, case, word):
    """Alembic calls it unknown: a prefix with a branch, or a range where one revision is wanted."""
    finer = m.kind in ("wrong branch", "ambiguous") and "@" in word or m.kind == "range" and ":" in word
    return a.kind == "unknown" and both_fail(a, m) and (finer or case.words[0] == "stamp" and m.kind == "wrong branch")


@known("label@base where there is no such label", "upgrade", "stamp", "show")
def _(a, m, case, word):
    """Alembic does not look at the label, and does nothing for this target; a stamp may have others."""
    others = len(case.words) > 2 and case.words[0] == "stamp"
    is_base = any(w.endswith("@base") for w in case.words)
    is_range = m.kind == "range" and case.words[0] == "show"  # all that stands in front of the @ is a label
    refused = m.kind in ("unknown", "ambiguous") or is_range
    return is_base and a.ok and refused and not a.output and (others or not a.steps)


@known("the first of several errors", "stamp", "history", "show")
def _(a, m, case, word):
    """Several targets, both ends of a range, or the ways down from several heads are wrong."""
    several = len(case.words) > 2 if case.words[0] == "stamp" else re.search(r":|(^|@)-\d+$", case.first)
    return several and both_fail(a, m) and a.rows == m.rows == case.rows


@known("what stands behind an offset is not read", "upgrade", "downgrade", "history")
def _(a, m, case, word):
    return re.search(r"[+-]\d+[^\d:]", case.first) and m.kind == "unknown"


@known("below base come the heads", "upgrade", "downgrade", "history")
def _(a, m, case, word):
    return re.search(r"(^|[@: ]|-r)base-\d", " ".join(case.words)) and m.kind == "too far"


@known("downgrade drops the branch", "downgrade")
def _(a, m, case, word):
    """`label@head`, and an unknown or wrong branch: only the right side is read."""
    dropped = a.kind in ("several heads", "ambiguous") or m.kind in ("wrong branch", "unknown", "ambiguous")
    if re.search(r"@heads([+-]\d+)?$", word):  # the real heads of all branches: there, or above all that is applied
        dropped = dropped or not a.steps and (a.ok or a.kind == "not below") and m.kind in ("not below", "several heads")
    return "@" in word and dropped and m.kind != "other"


@known("the branch is not looked at", "upgrade", "history", "show", "stamp")
def _(a, m, case, word):
    """`nowhere@head`; and of `label@REV+N` only the steps are taken on the branch."""
    word = " ".join(case.words[1:])
    if "@" not in word:
        return False
    if a.kind == "no steps":
        return m.kind in ("unknown", "ambiguous")
    if re.search(r"@heads?\+\d", word) and a.ok and m.ok:
        return case.words[0] == "history"
    if a.kind == "several heads":
        looks = case.words[0] == "history" and m.ok
        return looks or m.kind in ("too far", "unknown", "ambiguous walk", "wrong branch", "ambiguous")
    if not re.search(r"@.+\+\d", word):
        return False
    if a.kind == "ambiguous" and (m.ok or m.kind in ("too far", "ambiguous walk")):  # names that are not on the branch
        return True
    goes_on = a.ok or a.kind == "ambiguous walk" or a.message.startswith("KeyError: ")  # in the middle of the upgrade
    return goes_on and m.kind in ("wrong branch", "unknown", "ambiguous")


@known("prefix behind a branch", "stamp")
def _(a, m, case, word):
    """Names that are not on the branch make it ambiguous."""
    return any("@" in word for word in case.words) and a.kind == "ambiguous" and m.ok and not overlaps(case, m.rows)


@known("prefix of an id and of its label")
def _(a, m, case, word):
    """Two names of one revision are ambiguous; in front of `@` such a prefix is unknown."""
    branch, _, symbol = word.rpartition("@")
    prefix = branch if a.kind == "unknown" else re.sub(r"[+-]\d+$", "", symbol)
    names = [[name for name in [fields[0]] + fields[3] if name.startswith(prefix)] for fields in case.graph]
    refused = a.kind == "ambiguous" or a.kind == "unknown" and branch
    return refused and any(len(found) > 1 for found in names) and m.kind != "other"


@known("downgrade to where the branch forks", "downgrade")
def _(a, m, case, word):
    """`label@REV` with several children of REV that all belong to the branch."""
    refused = a.message == "Not a valid downgrade target from current heads"
    return "@" in word and refused and m.kind in ("", "not below")


# --- listings ---


def _label(case):
    """The branch that is written first: of the start of a range, or of the revision to show."""
    found = re.match("(-r)?([^@:]+)@", case.first)
    return found and found[2]


def _is_label(case, name):
    return any(name in fields[3] for fields in case.graph)


def _real_heads(case, label):
    """For each head above the label's revision: does nothing need it?"""
    lines = lines_of(case)
    labelled = next(fields[0] for fields in case.graph if label in fields[3])
    return [lines.is_real_head(id) for id in lines.above(labelled) if not lines.children(id)]


@known("show id@-N", "show")
def _(a, m, case, word):
    """Counted from heads with such a label; an id in place of the label gives nothing."""
    name = _label(case)
    return name and not _is_label(case, name) and re.search(r"@-\d+$", word) and a.ok and a.output == ""


@known("show label@-N where another branch needs the head", "show")
def _(a, m, case, word):
    """Counted only from the heads that nothing needs: less is shown, or nothing."""
    found = re.match(r"([^@]+)@-\d+$", word)
    if not found or not _is_label(case, found[1]) or not a.ok:
        return False
    shows_more = set(a.output.split("Rev: ")) <= set(m.output.split("Rev: ")) if m.ok else m.kind == "too far"
    return shows_more and not all(_real_heads(case, found[1]))


@known("show -N repeats revisions", "show")
def _(a, m, case, word):
    entries = a.output.split("Rev: ")
    return re.search(r"(^|@)-\d+$", word) and a.ok and m.ok and m.output == "Rev: ".join(dict.fromkeys(entries))


@known("history from the branch of an id", "history")
def _(a, m, case, word):
    """`id@...:` lists only what has the labels of that id, and nothing where it is a prefix; `label@...:END` wants the
    label on the end, too: where it has none, nothing is listed, or an error comes."""
    name = _label(case)
    if not name or m.kind == "other":
        return False
    has_end = m.kind in ("", "not in line") and not case.first.endswith((":", ":heads"))
    return a.kind == "not in line" and m.ok or a.ok and (not _is_label(case, name) or has_end and not a.output)


@known("history of label@heads with a head that another needs", "history")
def _(a, m, case, word):
    return "@heads" in case.first and a.kind == "overlap" and m.ok and not overlaps(case, case.rows)


@known("history label@-N:", "history")
def _(a, m, case, word):
    """Lists nothing where N is all of the line or more; where other branches need the heads of the label's, nothing or
    everything."""
    name = _label(case)
    if not re.match(r"-r[^:@]+@-\d+:", case.first) or not a.ok or not m.ok:
        return False
    return not a.output or _is_label(case, name) and not any(_real_heads(case, name))


@known("history: current where nothing is applied", "history")
def _(a, m, case, word):
    lists_nothing = m.kind == "not in line" or m.ok and not m.output
    return "current" in " ".join(case.words) and case.rows == [] and a.ok and lists_nothing


@known("history current:current", "history")
def _(a, m, case, word):
    return "-rcurrent:current" in case.words and a.kind == "unknown" and m.ok


@known("history -N:", "history")
def _(a, m, case, word):
    """Cannot be counted where an end of a branch is nearer, with +N, and where the revisions overlap."""
    from_heads = re.search(r" -r([^ :]*@)?-\d+:", " ".join(case.words))
    return from_heads and not a.ok and a.kind not in ("internal", "other") and m.ok
