/*
 * placeholder.h - from Moonbird's placeholders (`?`, or `:name`) to those of a driver.
 *
 * A placeholder is seen only outside of strings, quoted identifiers and comments. `??` is a plain question mark, `::` a
 * cast. SQL without parameters never comes here, so it is never scanned. Ownership: the struct owns its texts.
 */
#ifndef SQL_PLACEHOLDER_H
#define SQL_PLACEHOLDER_H

#include "base/strbuf.h"
#include "base/vec.h"
#include "sql/rules.h"

enum placeholder_kind {
  PLACEHOLDER_POSITION, /* ? only; colons stay as they are */
  PLACEHOLDER_NAME,     /* :name only; question marks stay as they are */
};

struct placeholders {
  struct strbuf sql; /* in the driver's syntax */
  size_t count;      /* parameters that the driver expects */
  struct vec names;  /* PLACEHOLDER_NAME: owned strings, parameter i is called names[i] */
  struct vec marks;  /* where each placeholder stands in `sql`, in their order: offsets as uintptr_t */
};

#define PLACEHOLDERS_INIT                                                                                              \
  { .sql = STRBUF_INIT, .count = 0, .names = VEC_INIT, .marks = VEC_INIT }

/* `style` is the driver's: "?" or "$". A name that comes twice is one parameter where the style has numbers, else two.
 */
void placeholders_translate(struct placeholders *p, const struct sql_rules *rules, const char *sql, size_t len,
                            enum placeholder_kind kind, const char *style);
void placeholders_release(struct placeholders *p);

#endif
