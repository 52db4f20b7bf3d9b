/*
 * message.c - errors that several files of this folder give; see message.h. Also finds names that come near to one that
 * does not exist.
 */
#include "graph/message.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_AT_MOST = 10, NEAR_AT_MOST = 5, NEAR_EDITS = 2, NEAR_LEN = 64 };

void message_add_ids(struct strbuf *text, const struct vec *revisions, const char *between) {
  for (size_t i = 0; i < revisions->len && i < NAMED_AT_MOST; i++)
    strbuf_addf(text, "%s%s", i ? between : "", revision_in(revisions, i)->id);
  if (revisions->len > NAMED_AT_MOST)
    strbuf_addf(text, "%s... (%zu in all)", between, revisions->len);
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Edits (insert, delete, replace a byte) between two short texts, row by row of the usual table. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len) {
  size_t row[NEAR_LEN + 1];
  for (size_t k = 0; k <= b_len; k++)
    row[k] = k;
  for (size_t i = 0; i < a_len; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t k = 0; k < b_len; k++) {
      size_t above = row[k + 1];
      size_t replaced = diagonal + (a[i] != b[k]);
      row[k + 1] = least(replaced, least(above, row[k]) + 1);
      diagonal = above;
    }
  }
  return row[b_len];
}

/* 0 is nearest; more than NEAR_EDITS is not near. */
static size_t distance(const char *name, size_t len, const struct map_entry *known) {
  if (known->key_len > len && strncmp(known->key, name, len) == 0)
    return 0;
  size_t apart = known->key_len > len ? known->key_len - len : len - known->key_len;
  if (apart > NEAR_EDITS || len > NEAR_LEN || known->key_len > NEAR_LEN || len <= NEAR_EDITS)
    return NEAR_EDITS + 1;
  return edit_distance(name, len, known->key, known->key_len);
}

/* Appends the names that are nearest; none is near to an empty name. */
static void add_near_names(struct strbuf *text, const struct graph *graph, const char *name) {
  size_t len = strlen(name);
  size_t best = NEAR_EDITS + 1;
  size_t found = 0;
  for (size_t i = 0; len && i < graph->names.len; i++) {
    const struct map_entry *known = &graph->names.entries[i];
    size_t d = distance(name, len, known);
    if (d < best) {
      best = d;
      found = 0;
      strbuf_clear(text);
    }
    if (d == best && d <= NEAR_EDITS && ++found <= NEAR_AT_MOST)
      strbuf_addf(text, "%s%s", found > 1 ? ", " : "", known->key);
  }
}

bool message_unknown(struct error *err, const struct graph *graph, const char *name) {
  if (!name)
    name = "";
  struct strbuf near = STRBUF_INIT;
  add_near_names(&near, graph, name);
  error_set(err, ERROR_USAGE, "Can't locate revision identified by '%s'", name);
  if (strcmp(name, "current") == 0)
    error_hint(err, "'current' is understood by show, edit and history -r only.");
  else if (near.len)
    error_hint(err, "Did you mean one of these: %s?", near.buf);
  else
    error_hint(err, "No revision or branch label has this name or begins with it. `moonbird history` lists the "
                    "revisions.");
  strbuf_release(&near);
  return false;
}

static void add_head(struct strbuf *text, const struct revision *head) {
  strbuf_add_str(text, head->id);
  for (size_t i = 0; i < head->branch_labels.len && i < NAMED_AT_MOST; i++)
    strbuf_addf(text, "%s%s", i ? ", " : " (", strvec_at(&head->branch_labels, i));
  if (head->branch_labels.len)
    strbuf_add_char(text, ')');
}

bool message_several_heads(struct error *err, const char *argument, const struct vec *heads) {
  struct strbuf names = STRBUF_INIT;
  for (size_t i = 0; i < heads->len && i < NAMED_AT_MOST; i++) {
    if (i)
      strbuf_add_str(&names, ", ");
    add_head(&names, revision_in(heads, i));
  }
  if (heads->len > NAMED_AT_MOST)
    strbuf_addf(&names, ", ... (%zu in all)", heads->len);
  error_set(err, ERROR_HISTORY,
            "Multiple head revisions are present for given argument '%s'; please specify a specific target revision, "
            "'<branchname>@%s' to narrow to a specific head, or 'heads' for all heads",
            argument, argument);
  char *words = graph_merge_words(heads);
  error_hint(err, "The heads are: %s. 'moonbird merge %s' joins them.", names.buf, words);
  free(words);
  strbuf_release(&names);
  return false;
}

bool message_overlap(struct error *err, enum error_class class, const char *upper, const struct vec *lower) {
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, lower, ", ");
  error_set(err, class, "Requested revision %s overlaps with other requested revisions %s", upper, ids.buf);
  strbuf_release(&ids);
  return false;
}

bool message_ambiguous_walk(struct error *err, const char *argument, const struct revision *from,
                            const struct vec *choices) {
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, choices, " or ");
  error_set(err, ERROR_USAGE, "Ambiguous walk: from %s, '%s' can go on to %s", from ? from->id : "base", argument,
            ids.buf);
  error_hint(err, "Name the revision itself, or a branch: '<branchname>@<revision>'.");
  strbuf_release(&ids);
  return false;
}
