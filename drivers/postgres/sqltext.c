/*
 * sqltext.c - looks at SQL and parameter texts without parsing them. Called by statement.c, params.c and error.c.
 * Must not grow into a parser: the server knows its own syntax, this file only decides what is cheaper to send.
 */
#include "sqltext.h"

#include <stdio.h>
#include <string.h>

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* PostgreSQL's block comments nest. */
static size_t skip_block_comment(const char *sql, size_t len, size_t at) {
  unsigned depth = 0;
  while (at + 1 < len) {
    if (sql[at] == '/' && sql[at + 1] == '*') {
      depth++;
      at += 2;
    } else if (sql[at] == '*' && sql[at + 1] == '/') {
      at += 2;
      if (--depth == 0) {
        return at;
      }
    } else {
      at++;
    }
  }
  return len;
}

static size_t skip_to_word(const char *sql, size_t len) {
  size_t at = 0;
  while (at < len) {
    if (is_space(sql[at]) || sql[at] == '(') {
      at++;
    } else if (at + 1 < len && sql[at] == '-' && sql[at + 1] == '-') {
      const char *end = memchr(sql + at, '\n', len - at);
      at = end == NULL ? len : (size_t)(end - sql);
    } else if (at + 1 < len && sql[at] == '/' && sql[at + 1] == '*') {
      at = skip_block_comment(sql, len, at);
    } else {
      break;
    }
  }
  return at;
}

void sql_first_word(const char *sql, size_t len, char *word, size_t word_size) {
  size_t used = 0;
  for (size_t at = skip_to_word(sql, len); at < len && is_letter(sql[at]) && used + 1 < word_size; at++) {
    char c = sql[at];
    word[used++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  word[used] = '\0';
}

bool sql_is_query(const char *sql, size_t len) {
  char word[16];
  sql_first_word(sql, len, word, sizeof word);
  return strcmp(word, "SELECT") == 0 || strcmp(word, "VALUES") == 0 || strcmp(word, "TABLE") == 0;
}

bool sql_mentions_param(const char *sql, size_t len, int number) {
  char wanted[16];
  size_t wanted_len = (size_t)snprintf(wanted, sizeof wanted, "$%d", number);
  const char *end = sql + len;
  const char *found = sql;
  while ((found = memmem(found, (size_t)(end - found), wanted, wanted_len)) != NULL) {
    found += wanted_len;
    if (found == end || *found < '0' || *found > '9') {
      return true;
    }
  }
  return false;
}

size_t sql_offset_of_char(const char *sql, size_t len, size_t position) {
  size_t at = 0;
  for (size_t passed = 1; passed < position && at < len; passed++) {
    at++;
    while (at < len && ((unsigned char)sql[at] & 0xC0u) == 0x80u) {
      at++;
    }
  }
  return at;
}

/* Length of the well-formed sequence at `s`, 0 if there is none. Table 3-7 of the Unicode Standard. */
static size_t utf8_sequence(const unsigned char *s, size_t left) {
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  size_t len = 0;
  if (s[0] < 0x80) {
    return s[0] != 0;
  }
  if (s[0] >= 0xC2 && s[0] <= 0xDF) {
    len = 2;
  } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
    len = 3;
    low = s[0] == 0xE0 ? 0xA0 : 0x80;
    high = s[0] == 0xED ? 0x9F : 0xBF;
  } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
    len = 4;
    low = s[0] == 0xF0 ? 0x90 : 0x80;
    high = s[0] == 0xF4 ? 0x8F : 0xBF;
  }
  if (len == 0 || len > left || s[1] < low || s[1] > high) {
    return 0;
  }
  for (size_t i = 2; i < len; i++) {
    if (s[i] < 0x80 || s[i] > 0xBF) {
      return 0;
    }
  }
  return len;
}

bool text_is_utf8(const char *text, size_t len) {
  const unsigned char *s = (const unsigned char *)text;
  for (size_t at = 0; at < len;) {
    size_t step = utf8_sequence(s + at, len - at);
    if (step == 0) {
      return false;
    }
    at += step;
  }
  return true;
}

bool text_is_plain(const char *text, size_t len) {
  return (len == 0 || memchr(text, '\\', len) == NULL) && text_is_utf8(text, len);
}

uint64_t fnv64(uint64_t hash, const void *bytes, size_t len) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ p[i]) * UINT64_C(1099511628211);
  }
  return hash;
}
