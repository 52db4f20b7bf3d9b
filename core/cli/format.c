/*
 * format.c - see format.h.
 */
#include "cli/format.h"

#include "cli/output.h"
#include "script/environment.h"

#include <string.h>

#define COLOR_ID   "\033[33m"
#define COLOR_MARK "\033[36m"
#define COLOR_OFF  "\033[0m"

static void add_colored(struct strbuf *text, bool color, const char *code, const char *word) {
  if (color)
    strbuf_add_str(text, code);
  strbuf_add_str(text, word);
  if (color)
    strbuf_add_str(text, COLOR_OFF);
}

/* " (head)" and the like; the blank stays outside the colour. */
static void add_mark(struct strbuf *text, bool color, const char *mark) {
  strbuf_add_char(text, ' ');
  add_colored(text, color, COLOR_MARK, mark);
}

static void add_words(struct strbuf *text, const struct vec *words) {
  for (size_t i = 0; i < words->len; i++)
    strbuf_addf(text, "%s%s", i ? ", " : "", strvec_at(words, i));
}

static void add_ids(struct strbuf *text, const struct vec *revisions) {
  for (size_t i = 0; i < revisions->len; i++)
    strbuf_addf(text, "%s%s", i ? ", " : "", ((const struct revision *)revisions->items[i])->id);
}

static void add_parents(struct strbuf *text, const struct revision *r) {
  if (r->down.len == 0)
    strbuf_add_str(text, "<base>");
  else
    add_ids(text, &r->down);
}

static bool is_current(const struct revision *r, const struct vec *current) {
  return current && strvec_contains(current, r->id);
}

void format_line(struct strbuf *text, const struct revision *r, const struct format_options *options) {
  if (options->parents) {
    add_parents(text, r);
    if (r->depends_on_text.len) {
      strbuf_add_str(text, " (");
      add_words(text, &r->depends_on_text);
      strbuf_add_char(text, ')');
    }
    strbuf_add_str(text, " -> ");
  }
  add_colored(text, options->color, COLOR_ID, r->id);
  if (options->labels && r->branch_labels.len) {
    strbuf_add_str(text, " (");
    add_words(text, &r->branch_labels);
    strbuf_add_char(text, ')');
  }
  if (revision_is_real_head(r))
    add_mark(text, options->color, "(head)");
  else if (revision_is_head(r))
    add_mark(text, options->color, "(effective head)");
  if (is_current(r, options->current))
    add_mark(text, options->color, "(current)");
  if (options->points && revision_is_branch_point(r))
    add_mark(text, options->color, "(branchpoint)");
  if (options->points && revision_is_merge_point(r))
    add_mark(text, options->color, "(mergepoint)");
  if (options->summary && r->summary[0])
    strbuf_addf(text, ", %s", r->summary);
}

/* The comment block as its script has it; a revision without a script (a test's) has its summary only. */
static const char *comment_of(const struct revision *r) {
  return r->data && revision_script(r)->comment ? revision_script(r)->comment : r->summary;
}

/* The same without the lines of the header. */
static const char *message_of(const struct revision *r) {
  return r->data && revision_script(r)->message ? revision_script(r)->message : r->summary;
}

/* Each line behind four blanks, empty ones too; no line at all still gives its end. */
static void add_message(struct strbuf *text, const char *message) {
  size_t len = strlen(message);
  while (len && message[len - 1] == '\n')
    len--;
  for (size_t at = 0; at < len;) {
    const char *end = memchr(message + at, '\n', len - at);
    size_t line_len = end ? (size_t)(end - message) - at : len - at;
    strbuf_add_str(text, at ? "\n    " : "    ");
    strbuf_add(text, message + at, line_len);
    at += line_len + 1;
  }
  strbuf_add_char(text, '\n');
}

void format_entry(struct strbuf *text, const struct revision *r, const struct format_options *options) {
  strbuf_add_str(text, "Rev: ");
  add_colored(text, options->color, COLOR_ID, r->id);
  if (revision_is_head(r))
    add_mark(text, options->color, "(head)");
  if (revision_is_branch_point(r))
    add_mark(text, options->color, "(branchpoint)");
  if (revision_is_merge_point(r))
    add_mark(text, options->color, "(mergepoint)");
  if (is_current(r, options->current))
    add_mark(text, options->color, "(current)");
  strbuf_add_str(text, revision_is_merge_point(r) ? "\nMerges: " : "\nParent: ");
  add_parents(text, r);
  if (r->depends_on_text.len) {
    strbuf_add_str(text, "\nAlso depends on: ");
    add_words(text, &r->depends_on_text);
  }
  if (revision_is_branch_point(r)) {
    strbuf_add_str(text, "\nBranches into: ");
    add_ids(text, &r->next);
  }
  if (r->branch_labels.len) {
    strbuf_add_str(text, "\nBranch names: ");
    add_words(text, &r->branch_labels);
  }
  strbuf_addf(text, "\nPath: %s\n\n", r->path ? r->path : "");
  add_message(text, comment_of(r));
  strbuf_add_char(text, '\n');
}

void format_branch_point(struct strbuf *text, const struct revision *r, bool verbose, bool color) {
  struct format_options options = {.labels = true, .points = true, .color = color};
  if (verbose)
    format_entry(text, r, &options);
  else {
    format_line(text, r, &options);
    strbuf_add_char(text, '\n');
  }
  options.summary = verbose;
  for (size_t i = 0; i < r->next.len; i++) {
    strbuf_add_repeated(text, ' ', strlen(r->id));
    strbuf_add_str(text, " -> ");
    format_line(text, r->next.items[i], &options);
    strbuf_add_char(text, '\n');
  }
  strbuf_add_char(text, '\n');
}

static json_t *json_ids(const struct vec *revisions) {
  json_t *list = json_array();
  for (size_t i = 0; i < revisions->len; i++)
    json_array_append_new(list, output_json_text(((const struct revision *)revisions->items[i])->id));
  return list;
}

static json_t *json_words(const struct vec *words) {
  json_t *list = json_array();
  for (size_t i = 0; i < words->len; i++)
    json_array_append_new(list, output_json_text(strvec_at(words, i)));
  return list;
}

json_t *format_json(const struct revision *r, const struct vec *current) {
  json_t *object = json_object();
  json_object_set_new(object, "id", output_json_text(r->id));
  json_object_set_new(object, "parents", json_ids(&r->down));
  json_object_set_new(object, "children", json_ids(&r->next));
  json_object_set_new(object, "depends_on", json_words(&r->depends_on_text));
  json_object_set_new(object, "labels", json_words(&r->branch_labels));
  json_object_set_new(object, "head", json_boolean(revision_is_real_head(r)));
  json_object_set_new(object, "effective_head", json_boolean(revision_is_head(r) && !revision_is_real_head(r)));
  json_object_set_new(object, "branch_point", json_boolean(revision_is_branch_point(r)));
  json_object_set_new(object, "merge_point", json_boolean(revision_is_merge_point(r)));
  json_object_set_new(object, "summary", output_json_text(r->summary));
  json_object_set_new(object, "message", output_json_text(message_of(r)));
  json_object_set_new(object, "path", output_json_text(r->path));
  if (current)
    json_object_set_new(object, "current", json_boolean(is_current(r, current)));
  return object;
}
