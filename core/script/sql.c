/*
 * sql.c - the header and the sections of .sql revisions; see sql.h.
 *
 * Called by environment.c (headers) and by whoever runs a revision (sections). A header is read line by line; what
 * begins a section is a comment, so that the same words in a string, in dollar quotes or in data begin none.
 */
#include "script/sql.h"
#include "script/message.h"

#include <string.h>

/* One line of the text without its line end. */
struct line {
  const char *start;
  size_t len;
  size_t number;
};

struct line_reader {
  const char *pos;
  const char *end;
  size_t number;
};

static struct line_reader lines_of(const char *text, size_t len) {
  bool bom = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
  return (struct line_reader){.pos = text + (bom ? 3 : 0), .end = text + len};
}

static bool next_line(struct line_reader *r, struct line *line) {
  if (r->pos == r->end)
    return false;
  const char *p = r->pos;
  while (p < r->end && *p != '\n' && *p != '\r')
    p++;
  *line = (struct line){.start = r->pos, .len = (size_t)(p - r->pos), .number = ++r->number};
  if (p < r->end)
    p += p + 1 < r->end && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
  r->pos = p;
  return true;
}

static void trim(const char **text, size_t *len) {
  while (*len && (**text == ' ' || **text == '\t')) {
    (*text)++;
    (*len)--;
  }
  while (*len && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
    (*len)--;
}

static bool starts_with(const char *text, size_t len, const char *start) {
  return len >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

/* The text behind `--`, trimmed; false: the line is no comment. */
static bool comment_of(const struct line *line, const char **text, size_t *len) {
  *text = line->start;
  *len = line->len;
  trim(text, len);
  if (!starts_with(*text, *len, "--"))
    return false;
  *text += 2;
  *len -= 2;
  return true;
}

/* At `-- migrate:WORD`: gives the word, with whatever stands behind it. */
static bool marker_of(const struct line *line, const char **word, size_t *len) {
  if (!comment_of(line, word, len))
    return false;
  trim(word, len);
  if (!starts_with(*word, *len, "migrate:"))
    return false;
  *word += strlen("migrate:");
  *len -= strlen("migrate:");
  trim(word, len);
  return true;
}

struct sql_reader {
  const char *file;
  struct arena *arena;
  struct header *header;
  struct error *err;
  struct message message;
  bool in_message;
  size_t unclean_line; /* of the message; matters only if this turns out to be a revision */
};

static bool is_word(const char *text, size_t len, const char *word) {
  return len == strlen(word) && memcmp(text, word, len) == 0;
}

static bool take_list(struct sql_reader *r, enum header_name name, const char *value, size_t len, size_t line) {
  while (len) {
    const char *comma = memchr(value, ',', len);
    const char *item = value;
    size_t item_len = comma ? (size_t)(comma - value) : len;
    size_t used = item_len + (comma != NULL);
    trim(&item, &item_len);
    if (!header_take(r->header, name, item, item_len, r->arena, r->file, line, r->err))
      return false;
    value += used;
    len -= used;
  }
  return true;
}

static bool take_value(struct sql_reader *r, enum header_name name, const char *value, size_t len, size_t line) {
  if (!header_note(r->header, name, r->file, line, r->err))
    return false;
  if (name == HEADER_TRANSACTION) {
    if (!is_word(value, len, "true") && !is_word(value, len, "false"))
      return header_fail(r->err, r->file, line, "transaction must be true or false");
    r->header->transaction = is_word(value, len, "true");
    return true;
  }
  if (name != HEADER_REVISION && (!len || is_word(value, len, "nil")))
    return true;
  if (header_is_list(name))
    return take_list(r, name, value, len, line);
  return header_take(r->header, name, value, len, r->arena, r->file, line, r->err);
}

/* A line that starts with `--`. */
static bool take_comment(struct sql_reader *r, const struct line *line, const char *text, size_t len) {
  const char *word = text;
  size_t word_len = len;
  trim(&word, &word_len);
  const char *colon = memchr(word, ':', word_len);
  enum header_name name = colon ? header_name_of(word, (size_t)(colon - word)) : HEADER_NAME_COUNT;
  if (name != HEADER_NAME_COUNT) {
    const char *value = colon + 1;
    size_t value_len = word_len - (size_t)(value - word);
    trim(&value, &value_len);
    r->in_message = false;
    return take_value(r, name, value, value_len, line->number);
  }
  if (!r->in_message)
    return true;
  if (text_is_clean(text, len))
    message_add_comment(&r->message, text, len);
  else if (!r->unclean_line)
    r->unclean_line = line->number;
  return true;
}

static const char *const section_words[] = {
    [SQL_SECTION_UP] = "up", [SQL_SECTION_DOWN] = "down", [SQL_SECTION_VERIFY] = "verify"};

/* The section of this name; ARRAY_LEN(section_words) where there is none. */
static size_t section_of(const char *word, size_t len) {
  size_t i = 0;
  while (i < ARRAY_LEN(section_words) && !is_word(word, len, section_words[i]))
    i++;
  return i;
}

static bool unknown_section(struct error *err, const char *word, size_t len) {
  error_set(err, ERROR_HISTORY, "unknown section \"-- migrate:%.*s\"", (int)(len < 60 ? len : 60), word);
  return error_hint(err, "Sections are `-- migrate:up`, `-- migrate:down` and `-- migrate:verify`; a revision that "
                         "runs outside of a transaction says `-- transaction: false` in its header.");
}

static bool check_marker(struct sql_reader *r, const struct line *line, const char *word, size_t len) {
  if (!r->header->lines[HEADER_REVISION] || section_of(word, len) < ARRAY_LEN(section_words))
    return true;
  unknown_section(r->err, word, len);
  return error_prefix(r->err, "%s:%zu: ", r->file, line->number);
}

/* Reads line by line; *over is set at the first line that ends the header. */
static bool read_lines(struct sql_reader *r, struct line_reader *lines, bool *over) {
  struct line line;
  bool started = false;
  while (!*over && next_line(lines, &line)) {
    const char *text;
    size_t len;
    if (marker_of(&line, &text, &len)) {
      *over = true;
      return check_marker(r, &line, text, len);
    }
    if (comment_of(&line, &text, &len)) {
      started = true;
      if (!take_comment(r, &line, text, len))
        return false;
      continue;
    }
    *over = len > 0;
    r->in_message = r->in_message && !started; /* a blank line ends the block */
  }
  return true;
}

enum header_status header_read_sql(const char *file, const char *text, size_t len, bool complete, struct arena *arena,
                                   struct header *header, struct error *err) {
  struct sql_reader r = {
      .file = file, .arena = arena, .header = header, .err = err, .message = MESSAGE_INIT, .in_message = true};
  struct line_reader lines = lines_of(text, len);
  bool over = false;
  bool ok = read_lines(&r, &lines, &over);
  message_finish(&r.message, arena, &header->comment, &header->message, &header->summary);
  message_release(&r.message);
  /* Where the part of the file ends, the last line may be half a line. */
  if (lines.pos == lines.end && !complete) {
    error_clear(err);
    return HEADER_TRUNCATED;
  }
  enum header_status status = ok ? header_judge(header, file, "-- down_revision:", err) : HEADER_BROKEN;
  if (status != HEADER_FOUND || !r.unclean_line)
    return status;
  header_fail(err, file, r.unclean_line, "the comment is not valid UTF-8 text");
  return HEADER_BROKEN;
}

/* --- sections --- */

static bool ends_section(const char *comment, size_t len) {
  const struct line line = {.start = comment, .len = len};
  const char *word;
  size_t word_len;
  return marker_of(&line, &word, &word_len);
}

/* Behind what is no SQL every line counts: its section is told of when it is read. Finds the next marker after `from`,
 * which is in line `number`. */
static bool next_marker_line(const char *from, const char *end, size_t number, struct line_reader *rest,
                             struct line *line) {
  const char *word;
  size_t word_len;
  *rest = (struct line_reader){.pos = from, .end = end, .number = number - 1};
  while (next_line(rest, line))
    if (marker_of(line, &word, &word_len))
      return true;
  return false;
}

/* Goes on to the next marker. `*rest` becomes what is behind its line. */
static bool next_marker(struct sql_splitter *s, const char *end, struct line_reader *rest, struct line *line) {
  struct sql_statement statement;
  struct error broken = ERROR_INIT;
  enum sql_split found;
  while ((found = sql_split_next(s, &statement, &broken)) == SQL_SPLIT_STATEMENT)
    ;
  error_release(&broken);
  if (found == SQL_SPLIT_BROKEN)
    return next_marker_line(statement.text, end, statement.line, rest, line);
  return next_marker_line(s->text + s->len, end, s->line, rest, line);
}

/* What follows is read up to the next marker. */
static void begin_section(struct sql_splitter *section, const struct sql_rules *rules, const struct line_reader *rest) {
  sql_split_init(section, rules, rest->pos, (size_t)(rest->end - rest->pos), rest->number + 1);
  section->ends_text = ends_section;
}

bool script_sql_section(const char *text, size_t len, const struct sql_rules *rules, enum sql_section which,
                        struct sql_splitter *section) {
  struct line_reader rest = lines_of(text, len);
  struct line line;
  bool is_found = false;
  for (;;) {
    begin_section(section, rules, &rest);
    if (is_found)
      return true;
    struct sql_splitter before = *section;
    const char *word;
    size_t word_len;
    if (!next_marker(&before, rest.end, &rest, &line) || !marker_of(&line, &word, &word_len))
      return false;
    is_found = section_of(word, word_len) == which;
  }
}

/* What stands in front of the first section is run by nobody. */
static bool check_head(struct sql_splitter head, size_t *line, struct error *err) {
  struct sql_statement statement;
  enum sql_split found;
  do
    found = sql_split_next(&head, &statement, err);
  while (found == SQL_SPLIT_STATEMENT && !statement.len);
  if (found == SQL_SPLIT_END)
    return true;
  *line = statement.line;
  if (found == SQL_SPLIT_STATEMENT)
    error_set(err, ERROR_HISTORY, "the statement stands in no section, so that it would never be run");
  return error_hint(err, "Statements stand behind a line `-- migrate:up`, `-- migrate:down` or `-- migrate:verify`.");
}

static bool check_section_line(size_t *seen, const struct line *at, size_t *line, struct error *err) {
  const char *word;
  size_t len;
  *line = at->number;
  if (!marker_of(at, &word, &len))
    return true;
  size_t which = section_of(word, len);
  if (which == ARRAY_LEN(section_words))
    return unknown_section(err, word, len);
  if (seen[which]) {
    error_set(err, ERROR_HISTORY, "the section `-- migrate:%s` is there twice, first in line %zu", section_words[which],
              seen[which]);
    return error_hint(err, "Put the statements of both into one section.");
  }
  seen[which] = at->number;
  return true;
}

bool script_sql_check(const char *text, size_t len, const struct sql_rules *rules, size_t *line, struct error *err) {
  struct line_reader rest = lines_of(text, len);
  size_t seen[ARRAY_LEN(section_words)] = {0};
  struct sql_splitter section;
  struct line at;
  begin_section(&section, rules, &rest);
  if (!check_head(section, line, err))
    return false;
  while (next_marker(&section, rest.end, &rest, &at)) {
    if (!check_section_line(seen, &at, line, err))
      return false;
    begin_section(&section, rules, &rest);
  }
  return true;
}
