"""What the version rows must be, from the graph alone: knows neither tool, and so judges where Alembic is wrong."""


class Lines:
    """Who stands below whom, dependencies included."""

    def __init__(self, revisions):
        names = {r.id: r.id for r in revisions}
        names.update((label, r.id) for r in revisions for label in r.labels)
        self.parents = {r.id: [names[name] for name in r.down + r.depends_on] for r in revisions}
        self.down = {r.id: r.down for r in revisions}
        self._below = {}

    def below(self, id):
        """The revision with all that it needs."""
        if id not in self._below:
            found, todo = set(), [id]
            while todo:
                at = todo.pop()
                if at not in found:
                    found.add(at)
                    todo += self.parents[at]
            self._below[id] = found
        return self._below[id]

    def children(self, id):
        """By down_revision."""
        return [other for other, down in self.down.items() if id in down]

    def above(self, id):
        """The revision with its descendants, by down_revision."""
        found, todo = set(), [id]
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                todo += self.children(at)
        return found

    def is_real_head(self, id):
        return not any(id in parents for parents in self.parents.values())

    def applied(self, rows):
        return set().union(*(self.below(row) for row in rows))

    def tips(self, ids):
        """Those that no other of them needs."""
        return sorted(id for id in ids if not any(id != other and id in self.below(other) for other in ids))

    def related(self, a, b):
        return a in self.below(b) or b in self.below(a)

    def faults(self, rows_before, words, outcome):
        """What is wrong with an upgrade or a downgrade that says it was done, or "". After each step the rows are the
        tips of what is applied, and no step comes before what it needs."""
        applied = self.applied(rows_before)
        if len(outcome.steps) != len(outcome.states):
            return "%d steps changed rows %d times" % (len(outcome.steps), len(outcome.states))
        for (direction, id), state in zip(outcome.steps, outcome.states):
            if direction == "upgrade":
                if id in applied or not set(self.parents[id]) <= applied:
                    return "%s %s cannot be done here" % (direction, id)
                applied.add(id)
            else:
                applied.discard(id)
                if any(id in self.parents[other] for other in applied):
                    return "%s %s leaves what needs it" % (direction, id)
            if state != self.tips(applied):
                return "rows %s after %s, should be %s" % (state, id, self.tips(applied))
        return ""
