/*
 * options.c - checks what the URL says against what libpq knows (PQconndefaults), so that a misspelt "sslmod" is an
 * error and not a connection without TLS. Called by connection.c. Never puts a value into a message: it may be secret.
 */
#include "options.h"

#include "error.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpq's name of an option; NULL: not for libpq. */
static const char *keyword_of(const char *key) {
  if (strcmp(key, "scheme") == 0 || strcmp(key, "pooler") == 0) {
    return NULL;
  }
  return strcmp(key, "database") == 0 ? "dbname" : key;
}

/* "D" marks libpq's options for debugging and replication. The driver sets client_encoding itself. */
static bool is_offered(const PQconninfoOption *option) {
  return strcmp(option->dispchar, "D") != 0 && strcmp(option->keyword, "client_encoding") != 0;
}

static bool is_known(const PQconninfoOption *known, const char *keyword) {
  for (; known->keyword != NULL; known++) {
    if (strcmp(known->keyword, keyword) == 0) {
      return is_offered(known);
    }
  }
  return false;
}

static void set_unknown(moonbird_error *error, const PQconninfoOption *known, const char *key) {
  error_set(error, "08001", "the option \"%s\" is not known to the PostgreSQL driver", key);
  error->retry = MOONBIRD_RETRY_NEVER;
  size_t used = (size_t)snprintf(error->hint, sizeof error->hint, "known are: pooler ");
  for (; known->keyword != NULL; known++) {
    if (is_offered(known) && used + strlen(known->keyword) + 3 < sizeof error->hint) {
      used += (size_t)snprintf(error->hint + used, sizeof error->hint - used, "%s ", known->keyword);
    }
  }
  error->hint[used - 1] = '\0';
}

static bool parse_timeout(const char *text, int *seconds) {
  char *end = NULL;
  long number = strtol(text, &end, 10);
  if (end == text || *end != '\0' || number < 0 || number > 86400) {
    return false;
  }
  *seconds = (int)number;
  return true;
}

static bool parse_pooler(const char *text, enum pooler *pooler) {
  static const struct {
    const char *word;
    enum pooler pooler;
  } words[] = {
      {"auto", POOLER_DETECT}, {"none", POOLER_NONE}, {"session", POOLER_NONE}, {"transaction", POOLER_TRANSACTION}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(text, words[i].word) == 0) {
      *pooler = words[i].pooler;
      return true;
    }
  }
  return false;
}

static bool set_pooler(struct keywords *keywords, const moonbird_option *option, moonbird_error *error) {
  if (option->value == NULL || option->value[0] == '\0' || parse_pooler(option->value, &keywords->pooler)) {
    return true;
  }
  error_set(error, "08001", "pooler must be auto, none, session or transaction");
  error->retry = MOONBIRD_RETRY_NEVER;
  return false;
}

static bool check(struct keywords *keywords, const PQconninfoOption *known, const moonbird_option *option,
                  moonbird_error *error) {
  const char *keyword = keyword_of(option->key);
  if (!is_known(known, keyword)) {
    set_unknown(error, known, option->key);
    return false;
  }
  if (strcmp(keyword, "connect_timeout") == 0 && !parse_timeout(option->value, &keywords->connect_timeout)) {
    error_set(error, "08001", "connect_timeout must be a number of seconds, at most 86400");
    error->retry = MOONBIRD_RETRY_NEVER;
    return false;
  }
  return true;
}

static bool fill(struct keywords *keywords, const PQconninfoOption *known, const moonbird_option *options,
                 uint32_t count, moonbird_error *error) {
  size_t used = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (strcmp(options[i].key, "pooler") == 0 && !set_pooler(keywords, &options[i], error)) {
      return false;
    }
    /* An empty part of a URL ("postgresql:///db") means that it is left to libpq's defaults. */
    if (keyword_of(options[i].key) == NULL || options[i].value == NULL || options[i].value[0] == '\0') {
      continue;
    }
    if (!check(keywords, known, &options[i], error)) {
      return false;
    }
    keywords->keys[used] = keyword_of(options[i].key);
    keywords->values[used++] = options[i].value;
  }
  keywords->keys[used] = "client_encoding";
  keywords->values[used] = "UTF8";
  return true;
}

bool keywords_init(struct keywords *keywords, const moonbird_option *options, uint32_t count, moonbird_error *error) {
  *keywords = (struct keywords){0};
  PQconninfoOption *known = PQconndefaults();
  keywords->keys = calloc((size_t)count + 2, sizeof *keywords->keys);
  keywords->values = calloc((size_t)count + 2, sizeof *keywords->values);
  bool done = false;
  if (known == NULL || keywords->keys == NULL || keywords->values == NULL) {
    error_set_memory(error);
  } else {
    done = fill(keywords, known, options, count, error);
  }
  PQconninfoFree(known);
  if (!done) {
    keywords_release(keywords);
  }
  return done;
}

void keywords_release(struct keywords *keywords) {
  free(keywords->keys);
  free(keywords->values);
  *keywords = (struct keywords){0};
}
