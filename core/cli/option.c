/*
 * option.c - see option.h. The walk over the words is ours, so that `-1` stays an argument; each word that is an option
 * is given to getopt_long, which knows clusters, values and abbreviated long names.
 */
#include "cli/option.h"

#include "base/strbuf.h"
#include "cli/nearest.h"
#include "config/settings.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_MAX = 48, LONG_BASE = 256 };

/* Both arrays in getopt's form. `rows[val - LONG_BASE]` is the row of a long name. */
struct getopt_table {
  const struct option_spec *rows[OPTION_MAX];
  struct option longs[OPTION_MAX + 1];
  char letters[2 * OPTION_MAX + 3];
  size_t len;
  size_t letters_len;
};

static bool takes_value(const struct option_spec *spec) {
  return spec->type != OPTION_FLAG;
}

static const struct option_spec *find_name(const struct option_spec *specs, const char *name) {
  for (; specs && specs->name; specs++)
    if (strcmp(specs->name, name) == 0)
      return specs;
  return NULL;
}

static const struct option_spec *find_letter(const struct option_spec *specs, int letter) {
  for (; specs && specs->name; specs++)
    if (specs->letter && specs->letter == letter)
      return specs;
  return NULL;
}

/* A letter that both have is the command's, unless there it is a flag and the global wants a value: then the value
 * decides (see shared_flag). */
static const struct option_spec *row_of_letter(const struct option_parser *parser, int letter) {
  const struct option_spec *local = find_letter(parser->locals, letter);
  const struct option_spec *global = find_letter(parser->globals, letter);
  if (!local)
    return global;
  return global && takes_value(global) && !takes_value(local) ? global : local;
}

static void table_add_letter(struct getopt_table *t, const struct option_parser *parser, char letter) {
  if (!letter || memchr(t->letters + 2, letter, t->letters_len - 2))
    return;
  t->letters[t->letters_len++] = letter;
  if (takes_value(row_of_letter(parser, letter)))
    t->letters[t->letters_len++] = ':';
  t->letters[t->letters_len] = '\0';
}

static void table_add(struct getopt_table *t, const struct option_parser *parser, const struct option_spec *spec) {
  if (t->len == OPTION_MAX)
    BUG("more than %d options", (int)OPTION_MAX);
  t->longs[t->len] = (struct option){.name = spec->name,
                                     .has_arg = takes_value(spec) ? required_argument : no_argument,
                                     .val = LONG_BASE + (int)t->len};
  t->rows[t->len++] = spec;
  table_add_letter(t, parser, spec->letter);
}

static void table_build(struct getopt_table *t, const struct option_parser *parser) {
  *t = (struct getopt_table){.letters = "+:", .letters_len = 2};
  for (const struct option_spec *s = parser->locals; s && s->name; s++)
    table_add(t, parser, s);
  for (const struct option_spec *s = parser->globals; s && s->name; s++)
    if (!find_name(parser->locals, s->name))
      table_add(t, parser, s);
}

/* The longest start of the choices at `choices`; moves on past the '|'. */
static size_t choice_len(const char *choices) {
  return strcspn(choices, "|");
}

static bool is_choice(const char *choices, const char *text) {
  for (size_t len = strlen(text);;) {
    size_t n = choice_len(choices);
    if (n == len && strncmp(choices, text, n) == 0)
      return true;
    if (!choices[n])
      return false;
    choices += n + 1;
  }
}

static bool apply(const struct option_spec *spec, const char *value, struct error *err) {
  switch (spec->type) {
  case OPTION_FLAG:
    *(bool *)spec->target = true;
    return true;
  case OPTION_TEXT:
    *(const char **)spec->target = value;
    return true;
  case OPTION_LIST:
    vec_push(spec->target, (char *)value);
    return true;
  case OPTION_SECONDS:
    if (setting_parse_seconds(value, spec->target))
      return true;
    error_set(err, ERROR_USAGE, "option '--%s' wants a number of seconds, not '%s'", spec->name, value);
    return error_hint(err, "Examples: --%s 5, --%s 200ms, --%s 2min", spec->name, spec->name, spec->name);
  case OPTION_CHOICE:
    if (!is_choice(spec->argument, value))
      return error_set(err, ERROR_USAGE, "option '--%s' wants %s, not '%s'", spec->name, spec->argument, value);
    *(const char **)spec->target = value;
    return true;
  }
  BUG("option '%s' has no type", spec->name);
}

static void collect_names(const struct getopt_table *t, struct vec *names) {
  for (size_t i = 0; i < t->len; i++)
    if (!t->rows[i]->hidden)
      strvec_push(names, t->rows[i]->name);
}

static void keep_those_that_start_with(struct vec *names, const char *start) {
  for (size_t i = names->len; i-- > 0;)
    if (strncmp(names->items[i], start, strlen(start)) != 0)
      free(vec_remove(names, i));
}

static bool hint_help(const struct option_parser *parser, struct error *err) {
  if (parser->command)
    return error_hint(err, "'moonbird help %s' lists its options", parser->command);
  return error_hint(err, "'moonbird help' lists options and commands; a command's own options come after it");
}

static bool unknown_long(const struct option_parser *parser, const struct getopt_table *t, const char *word,
                         struct error *err) {
  char *name = xstrndup(word + 2, strcspn(word + 2, "="));
  struct vec starting = VEC_INIT;
  struct vec names = VEC_INIT;
  collect_names(t, &starting);
  collect_names(t, &names);
  keep_those_that_start_with(&starting, name);
  if (starting.len > 1) {
    char *list = strvec_join(&starting, ", --");
    error_set(err, ERROR_USAGE, "option '--%s' is ambiguous: --%s", name, list);
    free(list);
    goto out;
  }
  error_set(err, ERROR_USAGE, "unknown option '--%s'", name);
  const char *nearest = nearest_word(name, &names);
  if (nearest)
    error_hint(err, "did you mean '--%s'?", nearest);
  else
    hint_help(parser, err);
out:
  strvec_release(&names);
  strvec_release(&starting);
  free(name);
  return false;
}

static bool unknown_option(const struct option_parser *parser, const struct getopt_table *t, const char *word,
                           struct error *err) {
  /* getopt names the row in optopt where the name is known but a value came with a flag. */
  if (optopt >= LONG_BASE)
    return error_set(err, ERROR_USAGE, "option '--%s' takes no value", t->rows[optopt - LONG_BASE]->name);
  if (strncmp(word, "--", 2) == 0)
    return unknown_long(parser, t, word, err);
  error_set(err, ERROR_USAGE, "unknown option '-%c'", optopt);
  return hint_help(parser, err);
}

static bool missing_value(const struct option_parser *parser, const struct getopt_table *t, struct error *err) {
  bool is_long = optopt >= LONG_BASE;
  const struct option_spec *row = is_long ? t->rows[optopt - LONG_BASE] : row_of_letter(parser, optopt);
  if (is_long || !row->letter)
    return error_set(err, ERROR_USAGE, "option '--%s' needs a value: --%s %s", row->name, row->name, row->argument);
  return error_set(err, ERROR_USAGE, "option '-%c' needs a value: -%c %s", row->letter, row->letter, row->argument);
}

/* Alembic's `current -c` is a flag, the global `-c FILE` is not: where no value follows, the command's flag is meant.
 */
static const struct option_spec *shared_flag(const struct option_parser *parser, const char *word,
                                             const char *following) {
  if (strlen(word) != 2)
    return NULL;
  const struct option_spec *local = find_letter(parser->locals, word[1]);
  if (!local || takes_value(local) || row_of_letter(parser, word[1]) == local)
    return NULL;
  return !following || following[0] == '-' ? local : NULL;
}

/* Reads the option at argv[*next], and its value if that is a word of its own. */
static bool parse_word(const struct option_parser *parser, const struct getopt_table *t, int argc, char **argv,
                       int *next, struct error *err) {
  const struct option_spec *shared = shared_flag(parser, argv[*next], *next + 1 < argc ? argv[*next + 1] : NULL);
  if (shared) {
    ++*next;
    return apply(shared, NULL, err);
  }
  optind = 0; /* starts anew: getopt takes the word before for the program's name */
  opterr = 0;
  do {
    int c = getopt_long(argc - *next + 1, argv + *next - 1, t->letters, t->longs, NULL);
    if (c == '?')
      return unknown_option(parser, t, argv[*next], err);
    if (c == ':')
      return missing_value(parser, t, err);
    const struct option_spec *row = c >= LONG_BASE ? t->rows[c - LONG_BASE] : row_of_letter(parser, c);
    if (!apply(row, optarg, err))
      return false;
  } while (optind <= 1); /* the word holds more letters */
  *next += optind - 1;
  return true;
}

static bool is_option_word(const char *word) {
  return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]);
}

bool option_parse(const struct option_parser *parser, int argc, char **argv, int *next, struct vec *arguments,
                  struct error *err) {
  struct getopt_table table;
  table_build(&table, parser);
  bool only_arguments = false;
  while (*next < argc) {
    char *word = argv[*next];
    if (!only_arguments && strcmp(word, "--") == 0) {
      only_arguments = true;
      ++*next;
    } else if (!only_arguments && is_option_word(word)) {
      if (!parse_word(parser, &table, argc, argv, next, err))
        return false;
    } else {
      if (parser->stop_at_argument)
        return true;
      vec_push(arguments, word);
      ++*next;
    }
  }
  return true;
}

void option_release(const struct option_spec *specs) {
  for (; specs && specs->name; specs++)
    if (specs->type == OPTION_LIST)
      vec_release(specs->target);
}
