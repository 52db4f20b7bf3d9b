/*
 * whoami.c - see whoami.h.
 */
#include "base/whoami.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static struct {
  bool is_known;
  char user[256];
  char host[256];
} self;

static void ask(void) {
  if (self.is_known)
    return;
  const struct passwd *entry = getpwuid(geteuid());
  snprintf(self.user, sizeof(self.user), "%s", entry ? entry->pw_name : "");
  if (gethostname(self.host, sizeof(self.host) - 1) != 0)
    self.host[0] = '\0';
  self.is_known = true;
}

const char *whoami_user(void) {
  ask();
  return self.user;
}

const char *whoami_host(void) {
  ask();
  return self.host;
}
