/*
 * fuzz_header.c - the header readers on any bytes: no crash, no leak, and what is read from the beginning of a file is
 * never contradicted by the rest of it.
 *
 * The first byte chooses the kind of file and where the beginning ends.
 */
#include "script/header.h"
#include "script/sql.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The outcome in short: status, id and error. The caller frees. */
static char *read_header(const char *text, size_t len, bool is_sql, bool complete) {
  struct arena arena = ARENA_INIT;
  struct header header = HEADER_INIT;
  struct error err = ERROR_INIT;
  char *exact = xmalloc(len + 1);
  memcpy(exact, text, len);
  exact = xrealloc(exact, len ? len : 1);
  enum header_status status = is_sql ? header_read_sql("x.sql", exact, len, complete, &arena, &header, &err)
                                     : header_read_lua("x.lua", exact, len, complete, &arena, &header, &err);
  if ((status == HEADER_BROKEN) != error_is_set(&err))
    abort();
  char *outcome = NULL;
  if (status == HEADER_FOUND)
    outcome = xasprintf("found %s %zu %zu %s", header.id, header.down.len, header.labels.len, header.message);
  else if (status != HEADER_TRUNCATED)
    outcome = xasprintf("%d %s", (int)status, err.message ? err.message : "");
  else if (complete)
    abort();
  free(exact);
  header_release(&header);
  arena_release(&arena);
  error_release(&err);
  return outcome;
}

static void cut_sections(const char *text, size_t len) {
  static const struct sql_rules rules = {.dollar_quotes = true, .nested_comments = true, .copy_data = true};
  for (int which = SQL_SECTION_UP; which <= SQL_SECTION_VERIFY; which++) {
    struct sql_splitter section;
    if (!script_sql_section(text, len, &rules, (enum sql_section)which, &section))
      continue;
    if (section.text < text || section.text + section.len > text + len || section.line < 2)
      abort();
  }
  struct error err = ERROR_INIT;
  size_t line = 0;
  if (!script_sql_check(text, len, &rules, &line, &err) && !line)
    abort();
  error_release(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return 0;
  const char *text = (const char *)data + 1;
  size_t len = size - 1;
  bool is_sql = data[0] & 1;
  char *whole = read_header(text, len, is_sql, true);
  char *part = read_header(text, len * (data[0] >> 1) / 127, is_sql, false);
  if (part && strcmp(part, whole) != 0) {
    fprintf(stderr, "beginning: %s\nwhole: %s\n", part, whole);
    abort();
  }
  if (is_sql)
    cut_sections(text, len);
  free(part);
  free(whole);
  return 0;
}
