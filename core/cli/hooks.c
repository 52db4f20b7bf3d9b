/*
 * hooks.c - see hooks.h.
 */
#include "cli/hooks.h"

#include "cli/process.h"

#include <stdlib.h>
#include <string.h>

#define SECTION     "post_write_hooks"
#define PLACEHOLDER "REVISION_SCRIPT_FILENAME"

static const char *hook_key(const struct config *config, const char *name, const char *key) {
  char *full = xasprintf("%s.%s", name, key);
  const char *value = config_other(config, SECTION, full);
  free(full);
  return value;
}

/* The word with every placeholder replaced; *replaced is set where there was one. */
static char *fill_in(const char *word, const char *path, bool *replaced) {
  struct strbuf text = STRBUF_INIT;
  for (const char *found; (found = strstr(word, PLACEHOLDER)) != NULL; word = found + strlen(PLACEHOLDER)) {
    strbuf_add(&text, word, (size_t)(found - word));
    strbuf_add_str(&text, path);
    *replaced = true;
  }
  strbuf_add_str(&text, word);
  return strbuf_detach(&text);
}

/* executable, the path unless an option holds it, options. */
static bool hook_words(const char *executable, const char *options, const char *path, struct vec *words,
                       struct error *err) {
  bool replaced = false;
  struct vec rest = VEC_INIT;
  bool ok = process_split(options ? options : "", &rest, err);
  for (size_t i = 0; i < rest.len; i++) {
    char *filled = fill_in(rest.items[i], path, &replaced);
    free(rest.items[i]);
    rest.items[i] = filled;
  }
  strvec_push(words, executable);
  if (!replaced)
    strvec_push(words, path);
  for (size_t i = 0; i < rest.len; i++)
    strvec_push(words, rest.items[i]);
  strvec_release(&rest);
  return ok;
}

static bool hook_run(const struct config *config, const char *name, const char *path, struct error *err) {
  const char *type = hook_key(config, name, "type");
  const char *executable = hook_key(config, name, "executable");
  if (!type)
    return error_set(err, ERROR_USAGE, "Key '%s.type' is required for post write hook '%s'", name, name);
  if (strcmp(type, "exec") != 0) {
    error_set(err, ERROR_USAGE, "No formatter with name '%s' registered", type);
    return error_hint(err, "the type of a post write hook is 'exec'; '%s.executable' names the program", name);
  }
  if (!executable)
    return error_set(err, ERROR_USAGE, "Key '%s.executable' is required for post write hook '%s'", name, name);
  struct vec words = VEC_INIT;
  bool ok = hook_words(executable, hook_key(config, name, "options"), path, &words, err) &&
            process_run(&words, hook_key(config, name, "cwd"), err);
  strvec_release(&words);
  return ok;
}

bool hooks_run(const struct config *config, struct output *out, const char *path, struct error *err) {
  const char *at = config_other(config, SECTION, "hooks");
  bool ok = true;
  while (ok && at && *(at += strspn(at, " ,\t\r\n"))) {
    char *name = xstrndup(at, strcspn(at, " ,\t\r\n"));
    at += strlen(name);
    output_note(out, "Running post write hook '%s' ...\n", name);
    ok = hook_run(config, name, path, err);
    if (ok) {
      output_note(out, "  done\n");
    } else {
      error_prefix(err, "post write hook '%s': ", name);
      error_hint(err, "%s%sthe revision file is written: %s", err->hint ? err->hint : "", err->hint ? "; " : "", path);
    }
    free(name);
  }
  return ok;
}
