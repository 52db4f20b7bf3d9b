/*
 * ini.c - reads ini files with libinih; see ini.h.
 *
 * libinih cuts lines, keys and section names that are longer than its buffers, takes " ;" in a value for a comment and
 * any indented line for a continuation, each depending on how it was built. So the reader that feeds it line by line
 * keeps the values for itself: libinih gets the section headers and the keys, every other line as a blank one, and
 * decides what belongs to which section. Its line numbers stay those of the file.
 */
#include "config/ini.h"

#include "config/textfile.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

/* libinih's own buffer for a section name holds 50 bytes with the NUL. */
enum { SECTION_NAME_LIMIT = 49 };

struct source {
  struct ini *ini;
  const char *next; /* what is not read yet */
  const char *end;
  int line;                /* of the line that was read last */
  size_t indent;           /* of the last header or key: a line further in continues it */
  struct ini_entry *entry; /* whose value may go on, or NULL */
  size_t blank_lines;      /* seen since the entry's last line: part of the value only if it goes on */
  const char *value;       /* of the line that was read last */
  size_t value_len;
  struct error *err; /* set: reading ends */
};

/* A part of the text, without blanks around it. */
struct span {
  const char *text;
  size_t len;
};

static struct span trim(const char *text, size_t len) {
  while (len && (text[0] == ' ' || text[0] == '\t' || text[0] == '\f' || text[0] == '\v'))
    text++, len--;
  while (len && strchr(" \t\f\v", text[len - 1]))
    len--;
  return (struct span){text, len};
}

static bool fail(struct source *source, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(struct source *source, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  error_set_v(source->err, ERROR_USAGE, fmt, args);
  va_end(args);
  return error_where(source->err, "%s:%d", source->ini->name, source->line);
}

static void free_entry(void *value) {
  struct ini_entry *entry = value;
  free(entry->key);
  strbuf_release(&entry->value);
  free(entry);
}

static void free_section(void *value) {
  struct ini_section *section = value;
  free(section->name);
  map_release_with(&section->entries, free_entry);
  free(section);
}

void ini_release(struct ini *ini) {
  free(ini->name);
  map_release_with(&ini->sections, free_section);
  *ini = (struct ini)INI_INIT;
}

/* Only [DEFAULT] may come twice, as with ConfigParser. */
static bool begin_section(struct source *source, const char *name) {
  const struct ini_section *known = map_get(&source->ini->sections, name);
  if (known && strcmp(name, "DEFAULT") == 0)
    return true;
  if (known)
    return fail(source, "section [%s] is there twice: lines %d and %d", name, known->line, source->line);
  struct ini_section *section = xcalloc(1, sizeof(*section));
  section->name = xstrdup(name);
  section->line = source->line;
  map_put(&source->ini->sections, name, section);
  return true;
}

/* "[name]", with nothing but a comment behind it. `header` gets the line for libinih. */
static bool read_header(struct source *source, struct span line, struct strbuf *header) {
  const char *close = memchr(line.text, ']', line.len);
  if (!close)
    return fail(source, "a section header has no ']'");
  struct span name = trim(line.text + 1, (size_t)(close - line.text - 1));
  struct span rest = trim(close + 1, (size_t)(line.text + line.len - close - 1));
  if (name.len == 0)
    return fail(source, "a section header has no name");
  if (name.len > SECTION_NAME_LIMIT)
    return fail(source, "a section's name is longer than %d bytes", SECTION_NAME_LIMIT);
  if (rest.len && rest.text[0] != '#' && rest.text[0] != ';')
    return fail(source, "there is text behind the section header [%.*s]", (int)name.len, name.text);
  char *copy = xstrndup(name.text, name.len);
  bool ok = begin_section(source, copy);
  strbuf_addf(header, "[%s]", copy);
  free(copy);
  return ok;
}

/* "key = value" or "key: value". `head` gets "key =" for libinih, which must fit into its buffer. */
static bool read_entry(struct source *source, struct span line, size_t room, struct strbuf *head) {
  size_t key_len = 0;
  while (key_len < line.len && line.text[key_len] != '=' && line.text[key_len] != ':')
    key_len++;
  if (key_len == line.len) {
    fail(source, "a line is neither 'key = value' nor '[section]' nor a comment");
    return error_hint(source->err, "a value that goes on in the next line must be indented there");
  }
  struct span key = trim(line.text, key_len);
  if (key.len + sizeof("=\n") > room)
    return fail(source, "a key is too long: %zu bytes", key.len);
  struct span value = trim(line.text + key_len + 1, line.len - key_len - 1);
  source->value = value.text;
  source->value_len = value.len;
  strbuf_add(head, key.text, key.len);
  strbuf_add_char(head, '=');
  return true;
}

static void continue_value(struct source *source, struct span line) {
  struct strbuf *value = &source->entry->value;
  strbuf_add_repeated(value, '\n', source->blank_lines + 1);
  strbuf_add(value, line.text, line.len);
  source->blank_lines = 0;
}

/* Reads one line of the file and appends to `out` what libinih is to see of it. */
static bool read_line(struct source *source, size_t room, struct strbuf *out) {
  const char *start = source->next;
  const char *newline = memchr(start, '\n', (size_t)(source->end - start));
  const char *stop = newline ? newline : source->end;
  source->next = newline ? newline + 1 : stop;
  source->line++;

  struct span line = trim(start, (size_t)(stop - start));
  size_t indent = (size_t)(line.text - start);
  if (line.len == 0) {
    source->blank_lines++;
    return true;
  }
  if (line.text[0] == '#' || line.text[0] == ';')
    return true;
  if (source->entry && indent > source->indent) {
    continue_value(source, line);
    return true;
  }
  source->indent = indent;
  source->entry = NULL;
  source->blank_lines = 0;
  return line.text[0] == '[' ? read_header(source, line, out) : read_entry(source, line, room, out);
}

/* The reader for ini_parse_stream: like fgets. */
static char *feed(char *buffer, int size, void *stream) {
  struct source *source = stream;
  if (source->next == source->end || error_is_set(source->err))
    return NULL;
  struct strbuf line = STRBUF_INIT;
  bool ok = read_line(source, (size_t)size, &line);
  if (ok && line.len + sizeof("\n") > (size_t)size)
    ok = fail(source, "a section's name is too long");
  if (ok) {
    memcpy(buffer, line.buf, line.len);
    memcpy(buffer + line.len, "\n", sizeof("\n"));
  }
  strbuf_release(&line);
  return ok ? buffer : NULL;
}

static char *lower_case(const char *text) {
  char *copy = xstrdup(text);
  for (char *p = copy; *p; p++)
    if (*p >= 'A' && *p <= 'Z')
      *p = (char)(*p - 'A' + 'a');
  return copy;
}

static bool add_entry(struct source *source, struct ini_section *section, const char *name) {
  char *key = lower_case(name);
  const struct ini_entry *known = map_get(&section->entries, key);
  if (known) {
    fail(source, "key '%s' is set twice in [%s]: lines %d and %d", key, section->name, known->line, source->line);
    free(key);
    return false;
  }
  struct ini_entry *entry = xcalloc(1, sizeof(*entry));
  entry->key = key;
  entry->line = source->line;
  strbuf_init(&entry->value);
  strbuf_add(&entry->value, source->value, source->value_len);
  map_put(&section->entries, key, entry);
  source->entry = entry;
  return true;
}

/* The handler: libinih has found a key. Its own idea of the value is not used. */
#if INI_HANDLER_LINENO
static int take(void *user, const char *section_name, const char *name, const char *value, int lineno) {
  (void)lineno;
#else
static int take(void *user, const char *section_name, const char *name, const char *value) {
#endif
  struct source *source = user;
  (void)value;
  if (error_is_set(source->err))
    return 0;
  if (!*name)
    return fail(source, "a line has a value but no key");
  struct ini_section *section = map_get(&source->ini->sections, section_name);
  if (!section) {
    fail(source, "key '%s' stands before any section", name);
    return error_hint(source->err, "begin the file with a line [moonbird]");
  }
  return add_entry(source, section, name);
}

bool ini_read_text(struct ini *ini, struct strbuf *text, const char *name, struct error *err) {
  if (!textfile_clean(text, name, err))
    return false;
  *ini = (struct ini)INI_INIT;
  ini->name = xstrdup(name);
  struct source source = {.ini = ini, .next = text->buf, .end = text->buf + text->len, .err = err};
  int failed_line = ini_parse_stream(feed, &source, take, &source);
  if (failed_line != 0 && !error_is_set(err)) {
    error_set(err, ERROR_USAGE, "a line is neither 'key = value' nor '[section]' nor a comment");
    error_where(err, "%s:%d", name, failed_line);
  }
  if (!error_is_set(err))
    return true;
  ini_release(ini);
  return false;
}

bool ini_read(struct ini *ini, const char *path, const char *name, struct error *err) {
  struct strbuf text = STRBUF_INIT;
  bool ok = textfile_read(path, name, &text, err) && ini_read_text(ini, &text, name, err);
  strbuf_release(&text);
  return ok;
}

const struct ini_section *ini_section_find(const struct ini *ini, const char *name) {
  return map_get(&ini->sections, name);
}

const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *key) {
  const char *const places[] = {section, "DEFAULT"};
  for (size_t i = 0; i < ARRAY_LEN(places); i++) {
    const struct ini_section *found = map_get(&ini->sections, places[i]);
    const struct ini_entry *entry = found ? map_get(&found->entries, key) : NULL;
    if (entry)
      return entry;
  }
  return NULL;
}
