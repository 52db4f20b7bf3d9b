/*
 * sqltext.h - the little that the driver must know about a text: its first word, which byte a character position
 * means, and whether bytes can travel as PostgreSQL text. Pure functions; nothing is owned.
 */
#ifndef MOONBIRD_POSTGRES_SQLTEXT_H
#define MOONBIRD_POSTGRES_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the first word of the statement in capitals, with white space, comments and opening parentheses passed over;
 * an empty string if there is none. */
void sql_first_word(const char *sql, size_t len, char *word, size_t word_size);

/* True for a query that a cursor can be declared for and that changes nothing by itself. */
bool sql_is_query(const char *sql, size_t len);

/* False if "$number" stands nowhere in the text, not even in a string or a comment. */
bool sql_mentions_param(const char *sql, size_t len, int number);

/* Byte offset of the character number `position` (from 1), clamped to `len`. */
size_t sql_offset_of_char(const char *sql, size_t len, size_t position);

/* Valid UTF-8 as the server checks it: no overlong forms, no surrogates, nothing above U+10FFFF, no NUL. */
bool text_is_utf8(const char *text, size_t len);

/* True if PostgreSQL reads the same bytes from this text whether the parameter is a text or a bytea: valid UTF-8
 * without a backslash. */
bool text_is_plain(const char *text, size_t len);

/* FNV-1a, 64 bits. Start with hash = FNV64_START. */
#define FNV64_START UINT64_C(14695981039346656037)
uint64_t fnv64(uint64_t hash, const void *bytes, size_t len);

#endif
