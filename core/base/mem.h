/*
 * mem.h - allocation that cannot fail, and the two ways to stop the program.
 *
 * Ownership: what these return is freed with free(). Running out of memory ends the program with a message; driver
 * calls and code called from Lua must not use them for sizes that come from a user's data.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK             __attribute__((warn_unused_result))
#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* xstrdup that passes NULL through. */
char *xstrdup_or_null(const char *s);

/* Grows `p` (items of `item_size` bytes, room for *cap) until `need` items fit; returns the block, changes *cap. */
void *xgrow(void *p, size_t *cap, size_t need, size_t item_size);

/* A broken invariant of the program itself: prints the place and aborts. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void bug_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
