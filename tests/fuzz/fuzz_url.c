/*
 * fuzz_url.c - any text as a database URL. What is accepted must survive being shown and read again, and no text that
 * is shown may hold the password.
 */
#include "base/mem.h"
#include "config/url.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

/* Only the password may differ: it is hidden. */
static void check_shown(const struct url *url) {
  struct url again = URL_INIT;
  struct error err = ERROR_INIT;
  char *shown = url_redacted(url);
  if (!url_parse(shown, &again, &err))
    BUG("'%s' cannot be read again: %s", shown, err.message);
  if (!same(url->scheme, again.scheme) || !same(url->user, again.user) || !same(url->host, again.host) ||
      !same(url->port, again.port) || !same(url->database, again.database) || url->keys.len != again.keys.len)
    BUG("'%s' reads as another URL", shown);
  if (url->password && !same(again.password, "***"))
    BUG("'%s' shows a password", shown);
  free(shown);
  url_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = xstrndup((const char *)data, size);
  struct url url = URL_INIT;
  struct error err = ERROR_INIT;
  if (url_parse(text, &url, &err))
    check_shown(&url);
  free(url_redact_text(text));
  url_release(&url);
  error_release(&err);
  free(text);
  return 0;
}
