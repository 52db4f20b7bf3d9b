/*
 * listener.h - calls of a template_listener whose functions may be missing. No state, no ownership.
 */
#ifndef SCRIPT_LISTENER_H
#define SCRIPT_LISTENER_H

#include "script/template.h"

static inline void listener_creating(const struct template_listener *listener, const char *what, const char *path) {
  if (listener && listener->creating)
    listener->creating(listener->data, what, path);
}

static inline void listener_created(const struct template_listener *listener, bool ok) {
  if (listener && listener->created)
    listener->created(listener->data, ok);
}

static inline void listener_skipped(const struct template_listener *listener, const char *path) {
  if (listener && listener->skipped)
    listener->skipped(listener->data, path);
}

#endif
