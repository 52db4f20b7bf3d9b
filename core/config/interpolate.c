/*
 * interpolate.c - %(key)s and ${NAME} in ini values; see interpolate.h. Called by config.c while it loads.
 */
#include "config/interpolate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Against files that refer to themselves in ways that end, but only after the memory has: depth of references,
 * references in one value, bytes of one value. */
enum { DEPTH_LIMIT = 20, STEP_LIMIT = 10000, LENGTH_LIMIT = 1024 * 1024 };

/* The entries that are being expanded, innermost first; on the stack. */
struct chain {
  const struct ini_entry *entry;
  const struct chain *outer;
  int depth;
};

struct expansion {
  struct interpolation *in;
  bool is_url;
  int steps;
  bool *missing_variable;
  struct strbuf *out;
  struct error *err;
};

static bool expand(struct expansion *x, const char *text, const char *end, const struct chain *chain);

static bool fail(const struct expansion *x, const struct chain *chain, const char *fmt, ...) PRINTF_LIKE(3, 4);

static bool fail(const struct expansion *x, const struct chain *chain, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  error_set_v(x->err, ERROR_USAGE, fmt, args);
  va_end(args);
  error_prefix(x->err, "value of '%s': ", chain->entry->key);
  return error_where(x->err, "%s:%d", x->in->ini->name, chain->entry->line);
}

static bool is_within(const struct chain *chain, const struct ini_entry *entry) {
  for (; chain; chain = chain->outer)
    if (chain->entry == entry)
      return true;
  return false;
}

static bool expand_key(struct expansion *x, const char *name, const struct chain *chain) {
  const struct ini_entry *entry = ini_find(x->in->ini, x->in->section, name);
  if (!entry && strcmp(name, "here") == 0) {
    strbuf_add_str(x->out, x->in->here);
    return true;
  }
  if (!entry) {
    fail(x, chain, "there is no key '%s' in [%s] or [DEFAULT]", name, x->in->section);
    return error_hint(x->err, "add the key; if %%(%s)s is meant literally, write %%%%(%s)s", name, name);
  }
  if (is_within(chain, entry))
    return fail(x, chain, "'%%(%s)s' refers back to itself", name);
  if (vec_find(&x->in->used, entry) == x->in->used.len)
    vec_push(&x->in->used, (void *)entry);
  struct chain link = {entry, chain, chain->depth + 1};
  return expand(x, entry->value.buf, entry->value.buf + entry->value.len, &link);
}

/* At "%(": the key up to ")s". Returns what follows, or NULL with the error set. */
static const char *take_key(struct expansion *x, const char *text, const char *end, const struct chain *chain) {
  const char *name = text + 2;
  const char *close = memchr(name, ')', (size_t)(end - name));
  if (!close || close == name || close + 1 == end || close[1] != 's') {
    fail(x, chain, "'%%(' without a name and ')s'");
    error_hint(x->err, "write %%(key)s to insert another key, and %%%% for a percent sign");
    return NULL;
  }
  char *copy = xstrndup(name, (size_t)(close - name));
  for (char *p = copy; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  bool ok = expand_key(x, copy, chain);
  free(copy);
  return ok ? close + 2 : NULL;
}

/* At "%". */
static const char *take_percent(struct expansion *x, const char *text, const char *end, const struct chain *chain) {
  if (end - text >= 2 && text[1] == '%') {
    strbuf_add_char(x->out, '%');
    return text + 2;
  }
  if (end - text >= 2 && text[1] == '(')
    return take_key(x, text, end, chain);
  bool is_encoded = end - text >= 3 && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]);
  if (x->is_url && is_encoded) {
    strbuf_add_char(x->out, '%');
    return text + 1;
  }
  fail(x, chain, "a '%%' is followed by neither '%%' nor '('");
  error_hint(x->err, "write %%%% for a percent sign");
  return NULL;
}

/* The '}' that closes the "${" before `text`, or NULL: inner ones are passed over. */
static const char *find_close(const char *text, const char *end) {
  int open = 1;
  for (; text < end; text++) {
    if (text[0] == '$' && end - text >= 2 && text[1] == '{')
      open++;
    else if (text[0] == '}' && --open == 0)
      return text;
  }
  return NULL;
}

static bool expand_variable(struct expansion *x, const char *name, const char *fallback, const char *fallback_end,
                            const struct chain *chain) {
  const char *value = getenv(name);
  /* As in the shell, ":-" stands in for an empty value too. */
  if (fallback && (!value || !*value)) {
    struct chain link = {chain->entry, chain, chain->depth + 1};
    return expand(x, fallback, fallback_end, &link);
  }
  if (value) {
    strbuf_add_str(x->out, value);
    return true;
  }
  fail(x, chain, "the environment variable '%s' is not set", name);
  *x->missing_variable = true;
  return error_hint(x->err, "set %s, put it into .env, or write ${%s:-default}", name, name);
}

/* At "${". */
static const char *take_variable(struct expansion *x, const char *text, const char *end, const struct chain *chain) {
  const char *name = text + 2;
  const char *name_end = name;
  while (name_end < end && (isalnum((unsigned char)*name_end) || *name_end == '_'))
    name_end++;
  const char *close = find_close(name, end);
  bool has_fallback = close && close - name_end >= 2 && name_end[0] == ':' && name_end[1] == '-';
  bool is_name = name_end > name && !isdigit((unsigned char)*name);
  if (!close || !is_name || (!has_fallback && name_end != close)) {
    fail(x, chain, "'${' is not followed by NAME} or NAME:-default}");
    error_hint(x->err, "write $${ for these two characters themselves");
    return NULL;
  }
  char *copy = xstrndup(name, (size_t)(name_end - name));
  bool ok = expand_variable(x, copy, has_fallback ? name_end + 2 : NULL, close, chain);
  free(copy);
  return ok ? close + 1 : NULL;
}

static const char *take_one(struct expansion *x, const char *text, const char *end, const struct chain *chain) {
  size_t left = (size_t)(end - text);
  if (left >= 3 && memcmp(text, "$${", 3) == 0) {
    strbuf_add_str(x->out, "${");
    return text + 3;
  }
  if (left >= 2 && memcmp(text, "${", 2) == 0)
    return take_variable(x, text, end, chain);
  if (*text == '%')
    return take_percent(x, text, end, chain);
  strbuf_add_char(x->out, *text);
  return text + 1;
}

static bool expand(struct expansion *x, const char *text, const char *end, const struct chain *chain) {
  if (chain->depth > DEPTH_LIMIT)
    return fail(x, chain, "references are nested more than %d deep", DEPTH_LIMIT);
  if (++x->steps > STEP_LIMIT)
    return fail(x, chain, "more than %d references in one value", STEP_LIMIT);
  while (text && text < end) {
    if (x->out->len > LENGTH_LIMIT)
      return fail(x, chain, "the value is longer than %d MiB", LENGTH_LIMIT / (1024 * 1024));
    text = take_one(x, text, end, chain);
  }
  return text != NULL;
}

bool interpolate(struct interpolation *in, const struct ini_entry *entry, bool is_url, struct strbuf *out,
                 bool *missing_variable, struct error *err) {
  bool ignored = false;
  struct expansion x = {.in = in,
                        .is_url = is_url,
                        .missing_variable = missing_variable ? missing_variable : &ignored,
                        .out = out,
                        .err = err};
  struct chain chain = {.entry = entry};
  return expand(&x, entry->value.buf, entry->value.buf + entry->value.len, &chain);
}
