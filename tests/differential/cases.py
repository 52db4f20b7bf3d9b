"""Random revision graphs and random commands. Called by parts.py; knows neither tool."""

LABELS = ["feat", "netw", "shop", "core_x", "abc", "blue", "expand", "contract"]
MESSAGES = ["create people", "add email", "split the names", "drop old table", "widen a column"]


class Revision:
    """One revision as both tools get it. `depends_on` holds ids or labels, as written."""

    def __init__(self, id, down=(), depends_on=(), labels=(), message="", file_name=""):
        self.id, self.down, self.depends_on, self.labels = id, list(down), list(depends_on), list(labels)
        self.message, self.file_name = message, file_name

    def to_list(self):
        return [self.id, self.down, self.depends_on, self.labels, self.message, self.file_name]


def revisions_from_lists(lists):
    return [Revision(*fields) for fields in lists]


def _new_id(random, taken):
    while True:
        if taken and random.random() < 0.25:  # begins as another does
            other = random.choice(sorted(taken))
            id = other[: random.randint(1, len(other))] + random.choice("0123456789abcdef")
        else:
            id = "".join(random.choice("0123456789abcdef") for _ in range(random.choice([3, 5, 6, 12])))
        if id not in taken and id not in LABELS:
            return id


def _choose_parents(random, shape, made, tips):
    """`tips` are those that nothing follows yet."""
    if not made or random.random() < shape["base"]:
        return []
    if len(tips) > 1 and random.random() < shape["merge"]:
        return random.sample(sorted(tips), random.choice([2, 2, 2, min(3, len(tips))]))
    if len(made) > 2 and random.random() < shape["odd_merge"]:
        return random.sample(made, 2)
    return [random.choice(made) if random.random() < shape["branch"] else random.choice(sorted(tips))]


def random_graph(random):
    """Revisions in the order of loading, which is not the order in which they follow each other."""
    shape = {
        "base": random.choice([0, 0.05, 0.15]),
        "merge": random.choice([0, 0.15, 0.35]),
        "odd_merge": random.choice([0, 0, 0.08]),
        "branch": random.choice([0, 0.15, 0.4]),
        "depends": random.choice([0, 0, 0.1, 0.3]),
        "label": random.choice([0, 0.1, 0.25]),
    }
    revisions, tips, declared = [], set(), []
    labels = random.sample(LABELS, len(LABELS))
    for _ in range(random.choice([1, 3, 5, 8, 8, 12, 12, 16, 24])):
        made = [r.id for r in revisions]
        down = _choose_parents(random, shape, made, tips)
        r = Revision(_new_id(random, set(made)), down)
        others = [name for name in made + declared if name not in down]
        if others and random.random() < shape["depends"]:
            r.depends_on = random.sample(others, min(len(others), random.choice([1, 1, 2, 3])))
        if labels and random.random() < (shape["label"] if down else shape["label"] * 3):
            r.labels = [labels.pop() for _ in range(min(len(labels), random.choice([1, 1, 1, 2])))]
            declared += r.labels
        r.message = random.choice(MESSAGES) + random.choice(["", "", "\n\nA second paragraph\nof two lines."])
        tips = tips - set(down) | {r.id}
        revisions.append(r)
    in_order = random.random() < 0.4
    for number, r in enumerate(revisions):
        r.file_name = "%02d_%s" % (number if in_order else random.randrange(100), r.id)
    return sorted(revisions, key=lambda r: r.file_name)


WORDS = ["head", "heads", "base", "heads", "head"]
WRONG = ["zzzz", "f", "current", "", "Ä", "a b", "+", "-", "+1x", "head+"]
WRONG += ["@", "@head", "nope@head", "feat@", "heads@head", "feat@@head"]


class Identifiers:
    """Random identifiers of the whole grammar over one graph."""

    def __init__(self, random, revisions):
        self.random = random
        self.ids = [r.id for r in revisions]
        self.labels = [label for r in revisions for label in r.labels]

    def name(self):
        roll = self.random.random()
        if roll < 0.12:
            id = self.random.choice(self.ids + self.labels)
            return id[: self.random.randint(1, len(id))]
        if roll < 0.3 and self.labels:
            return self.random.choice(self.labels)
        return self.random.choice(self.ids)

    def symbol(self):
        return self.random.choice(WORDS) if self.random.random() < 0.35 else self.name()

    def branch(self):
        if self.labels and self.random.random() < 0.7:
            return self.random.choice(self.labels)
        return self.name()

    def offset(self, signs):
        return self.random.choice(signs) + str(self.random.choice([1, 1, 1, 1, 2, 2, 3, 4, 0, 9, 99]))

    def absolute(self):
        roll = self.random.random()
        if roll < 0.06:
            return self.random.choice(WRONG)
        return self.symbol() if roll < 0.6 else self.branch() + "@" + self.symbol()

    def any(self, signs):
        """`signs`: the usual signs of an offset for this command; the other one comes rarely."""
        if self.random.random() < 0.1:
            signs = "+-"
        roll = self.random.random()
        if roll < 0.5:
            return self.absolute()
        if roll < 0.65:
            return self.offset(signs)
        if roll < 0.78:
            return self.branch() + "@" + self.offset(signs)
        if roll < 0.9:
            return self.symbol() + self.offset("+-")
        if roll < 0.985:
            return self.branch() + "@" + self.symbol() + self.offset("+-")
        range = self.absolute() + ":" + self.absolute()
        return range if not range.startswith("-") else ":" + range  # else an option of the command line

    def range(self):
        sides = []
        for signs in "-", "+-":
            roll = self.random.random()
            sides.append("" if roll < 0.3 else "current" if roll < 0.38 else self.any(signs))
        return ":".join(sides)


def random_run(random, identifiers):
    """A command that changes the database, as words."""
    roll = random.random()
    if roll < 0.42:
        return ["upgrade", identifiers.any("+")]
    if roll < 0.52:
        return ["upgrade", "heads"]
    if roll < 0.86:
        return ["downgrade", identifiers.any("-")]
    if roll < 0.97:
        return ["stamp"] + [identifiers.absolute() for _ in range(random.choice([1, 1, 1, 2, 3]))]
    return ["stamp", "--purge", identifiers.absolute()]


def random_look(random, identifiers):
    """A command that prints."""
    roll = random.random()
    if roll < 0.4:
        words = ["history", "-r" + identifiers.range()]
    elif roll < 0.5:
        words = ["history"]
    elif roll < 0.75:
        return ["show", identifiers.any("-")]
    elif roll < 0.85:
        return ["current"] + random.choice([[], ["-v"]])
    elif roll < 0.92:
        return ["heads"] + random.choice([[], ["-v"], ["--resolve-dependencies"]])
    else:
        return ["branches"] + random.choice([[], ["-v"]])
    return words + random.choice([[], [], ["-v"], ["-i"]])
