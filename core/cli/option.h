/*
 * option.h - options as arrays of descriptors, read by getopt_long.
 *
 * An array ends with OPTION_END. Each row says where its value goes; texts point into argv. Help, completion and the
 * manual page are printed from the same rows. Words such as `-1`, `-3:` and `+2` are arguments, never options.
 *
 * Ownership: rows are static; a list option's vector is released by option_release.
 */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include "base/error.h"
#include "base/vec.h"

enum option_type {
  OPTION_FLAG,    /* bool: true when given */
  OPTION_TEXT,    /* const char *: the last one wins */
  OPTION_LIST,    /* struct vec of const char *: may be repeated */
  OPTION_SECONDS, /* double: "5", "1.5", "200ms", "2min", "1h" */
  OPTION_CHOICE,  /* const char *: one of the words of `argument`, which are parted by '|' */
};

struct option_spec {
  const char *name; /* long name without dashes */
  char letter;      /* 0: none */
  enum option_type type;
  const char *argument; /* name of the value for people; NULL for a flag */
  const char *help;     /* one line, no full stop */
  void *target;
  bool hidden; /* not in help and completion */
};

#define OPTION_END                                                                                                     \
  { .name = NULL }

struct option_parser {
  const char *command;              /* for messages; NULL before the command is known */
  const struct option_spec *locals; /* the command's rows, or NULL; they win over globals of the same name */
  const struct option_spec *globals;
  bool stop_at_argument; /* leave at the first argument instead of collecting all */
};

/* Reads argv[*next] and on; *next gets the index of the first word that was not read. Arguments are appended to
 * `arguments` as const char *. Errors are ERROR_USAGE. */
bool option_parse(const struct option_parser *parser, int argc, char **argv, int *next, struct vec *arguments,
                  struct error *err) MUST_CHECK;

/* Releases the vectors of list options. */
void option_release(const struct option_spec *specs);

#endif
