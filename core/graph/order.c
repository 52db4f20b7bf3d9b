/*
 * order.c - the order in which steps are taken and history is printed: newest first, one branch at a time.
 *
 * The rule is Alembic's, so that the same files give the same order. A list of heads, at first those of the set in the
 * order of loading; the first is current. Unless another head is still above it, the current head is put out and its
 * parents take its place: the first in its place, others at the end of the list, none that is in the list already. With
 * no parent left its place closes and the place before becomes current. If another head is above it, the first such
 * head in the list becomes current instead.
 *
 * Alembic asks "is another head above it" with sets of all ancestors. Here it is a count of children not yet put out,
 * and the search for the first such head remembers what it has found (search_place), and for revisions that are asked
 * about again and again what is above them (struct view), so that the whole stays near to linear. Called through
 * traversal.h. Must not know identifiers or rows.
 */
#include "graph/traversal.h"

#include <stdint.h>
#include <stdlib.h>

static const size_t NO_PLACE = SIZE_MAX;

enum { VIEW_COUNT = 8, VIEW_COST = 2 /* steps for each revision of the graph */ };

/* One place in the list of heads. New ones come at the end, so numbers of places rise along the list. */
struct place {
  struct revision *head; /* NULL when closed */
  size_t before;         /* NO_PLACE at the ends */
  size_t after;
};

/* All that is above a revision, for the few that cost most to ask about. */
struct view {
  const struct revision *of; /* NULL where not in use */
  struct revset above;
  size_t first; /* no place before this one has a head above it */
};

/* A child together with a number that the lowest place above it is not below. */
struct child {
  size_t at_least;
  struct revision *revision;
};

/* What is known about one revision of the set. */
struct node {
  size_t waits_for; /* children in the set that are not put out */
  size_t place;     /* NO_PLACE where it is no head */
  size_t at_least;  /* the lowest place of a head at or above it, as found last: it can only rise */
  size_t asked;     /* number of the question for which at_least is exact */
  size_t heap;      /* its children in `children`: a binary heap by at_least */
  size_t heap_len;
  size_t cost; /* steps spent on questions about it */
  bool is_out;
};

struct order {
  const struct graph *graph;
  const struct revset *set;
  struct node *nodes;
  struct place *places;
  size_t place_count;
  size_t place_cap;
  size_t first;
  size_t last;
  struct child *children; /* NULL before the first question */
  size_t question;
  struct vec path;
  struct view views[VIEW_COUNT];
  size_t next_view;
};

static struct node *node_of(const struct order *o, const struct revision *r) {
  return &o->nodes[r->index];
}

static void add_place(struct order *o, struct revision *head) {
  o->places = xgrow(o->places, &o->place_cap, o->place_count + 1, sizeof(*o->places));
  size_t place = o->place_count++;
  o->places[place] = (struct place){.head = head, .before = o->last, .after = NO_PLACE};
  if (o->last == NO_PLACE)
    o->first = place;
  else
    o->places[o->last].after = place;
  o->last = place;
  node_of(o, head)->place = place;
}

/* Returns the place that is current now: the one before, or else the first. */
static size_t close_place(struct order *o, size_t place) {
  struct place *p = &o->places[place];
  p->head = NULL;
  if (p->before == NO_PLACE)
    o->first = p->after;
  else
    o->places[p->before].after = p->after;
  if (p->after == NO_PLACE)
    o->last = p->before;
  else
    o->places[p->after].before = p->before;
  return p->before == NO_PLACE ? o->first : p->before;
}

static void order_init(struct order *o, const struct graph *graph, const struct revset *set) {
  *o = (struct order){.graph = graph, .set = set, .first = NO_PLACE, .last = NO_PLACE};
  o->nodes = xcalloc(graph->count, sizeof(*o->nodes));
  for (size_t i = 0; i < graph->count; i++) {
    o->nodes[i].place = NO_PLACE;
    const struct vec *children = &graph->revisions[i].next_all;
    for (size_t k = 0; k < children->len; k++)
      o->nodes[i].waits_for += revset_has(set, revision_in(children, k));
  }
  for (size_t i = 0; i < graph->count; i++)
    if (set->has[i] && o->nodes[i].waits_for == 0)
      add_place(o, &graph->revisions[i]);
}

static void order_release(struct order *o) {
  free(o->nodes);
  free(o->places);
  free(o->children);
  vec_release(&o->path);
  for (size_t i = 0; i < VIEW_COUNT; i++)
    revset_release(&o->views[i].above);
}

/* All bounds are 0 at first, so any order is a heap. */
static void make_heaps(struct order *o) {
  size_t total = 0;
  for (size_t i = 0; i < o->graph->count; i++)
    total += o->set->has[i] ? o->nodes[i].waits_for : 0;
  o->children = xcalloc(total, sizeof(*o->children));
  total = 0;
  for (size_t i = 0; i < o->graph->count; i++) {
    struct node *node = &o->nodes[i];
    node->heap = total;
    const struct vec *children = &o->graph->revisions[i].next_all;
    for (size_t k = 0; o->set->has[i] && k < children->len; k++) {
      struct revision *child = revision_in(children, k);
      if (revset_has(o->set, child) && !node_of(o, child)->is_out)
        o->children[total++].revision = child;
    }
    node->heap_len = total - node->heap;
  }
}

/* Lets the top of the heap sink to its place. */
static void sink(struct child *heap, size_t len) {
  size_t at = 0;
  for (;;) {
    size_t least = at;
    for (size_t below = 2 * at + 1; below <= 2 * at + 2 && below < len; below++)
      if (heap[below].at_least < heap[least].at_least)
        least = below;
    if (least == at)
      return;
    struct child moved = heap[at];
    heap[at] = heap[least];
    heap[least] = moved;
    at = least;
  }
}

/* Looks at the best child of a revision. True: `*found` is the lowest place at or above the revision (its own place is
 * `own`). False: first the child on top must be asked, and is put on the path. */
static bool settle(struct order *o, struct node *node, size_t own, size_t *found) {
  struct child *heap = o->children + node->heap;
  while (node->heap_len) {
    struct node *best = node_of(o, heap[0].revision);
    if (best->is_out) {
      heap[0] = heap[--node->heap_len];
    } else if (heap[0].at_least < best->at_least) {
      heap[0].at_least = best->at_least;
    } else if (heap[0].at_least >= own) {
      break;
    } else if (best->asked == o->question) {
      *found = heap[0].at_least;
      return true;
    } else {
      vec_push(&o->path, heap[0].revision);
      return false;
    }
    sink(heap, node->heap_len);
  }
  *found = own;
  return true;
}

/* Places above a revision only ever close or move down past it, so what was found before is a lower bound, and only the
 * best child has to be asked again. */
static size_t search_place(struct order *o, struct revision *blocked) {
  if (!o->children)
    make_heaps(o);
  o->question++;
  vec_push(&o->path, blocked);
  for (;;) {
    struct node *node = node_of(o, revision_in(&o->path, o->path.len - 1));
    bool is_asked_for = o->path.len == 1;
    size_t found = NO_PLACE;
    node_of(o, blocked)->cost++;
    if (!settle(o, node, is_asked_for ? NO_PLACE : node->place, &found))
      continue;
    vec_pop(&o->path);
    if (is_asked_for)
      return found;
    node->at_least = found;
    node->asked = o->question;
  }
}

/* Takes the oldest view, once the questions have cost as much as a view can. */
static void add_view(struct order *o, const struct revision *r, size_t first) {
  struct node *node = node_of(o, r);
  if (node->cost < VIEW_COST * o->graph->count)
    return;
  node->cost = 0;
  struct view *view = &o->views[o->next_view];
  o->next_view = (o->next_view + 1) % VIEW_COUNT;
  revset_release(&view->above);
  revset_init(&view->above, o->graph);
  revset_add_descendants(&view->above, r, EDGES_ALL);
  view->of = r;
  view->first = first;
}

/* The first place in the list with a head that is above `blocked`. */
static size_t lowest_place(struct order *o, struct revision *blocked) {
  struct view *view = o->views;
  while (view < o->views + VIEW_COUNT && view->of != blocked)
    view++;
  if (view == o->views + VIEW_COUNT) {
    size_t found = search_place(o, blocked);
    add_view(o, blocked, found);
    return found;
  }
  for (;; view->first++) {
    const struct revision *head = o->places[view->first].head;
    if (head && head != blocked && revset_has(&view->above, head))
      return view->first;
  }
}

/* A parent becomes a head unless it is one; the first in the place of its child. */
static void add_head(struct order *o, struct revision *r, size_t place, bool *is_place_taken) {
  if (!revset_has(o->set, r) || node_of(o, r)->place != NO_PLACE)
    return;
  if (*is_place_taken) {
    add_place(o, r);
    return;
  }
  o->places[place].head = r;
  node_of(o, r)->place = place;
  *is_place_taken = true;
}

/* Puts out the head of the place; returns the place that is current now. */
static size_t put_out(struct order *o, size_t place, struct vec *ordered) {
  struct revision *r = o->places[place].head;
  vec_push(ordered, r);
  node_of(o, r)->is_out = true;
  bool is_place_taken = false;
  for (size_t i = 0; i < r->parents.len; i++)
    add_head(o, revision_in(&r->parents, i), place, &is_place_taken);
  /* In a set with gaps, a dependency that `parents` leaves out may have nothing else above it. */
  for (size_t i = 0; i < r->down_all.len; i++) {
    struct revision *parent = revision_in(&r->down_all, i);
    if (--node_of(o, parent)->waits_for == 0)
      add_head(o, parent, place, &is_place_taken);
  }
  return is_place_taken ? place : close_place(o, place);
}

void order_newest_first(const struct graph *graph, const struct revset *set, struct vec *ordered) {
  struct order o;
  order_init(&o, graph, set);
  size_t place = o.first;
  while (o.first != NO_PLACE) {
    struct revision *head = o.places[place].head;
    if (node_of(&o, head)->waits_for > 0)
      place = lowest_place(&o, head);
    else
      place = put_out(&o, place, ordered);
  }
  order_release(&o);
}
