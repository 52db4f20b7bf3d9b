/*
 * lag.c - see lag.h. Called by the throttle.
 */
#include "throttle/lag.h"

static void thin_out(struct lag_history *history) {
  size_t kept = 0;
  for (size_t i = 0; i < history->len; i += 2)
    history->notes[kept++] = history->notes[i];
  history->len = kept;
}

void lag_note(struct lag_history *history, double at_s, int64_t position) {
  const struct lag_note *last = history->len ? &history->notes[history->len - 1] : NULL;
  if (last && last->position == position)
    return; /* the moment at which it came there stays */
  if (last && last->position > position)
    history->len = 0; /* another server writes now */
  if (history->len == LAG_NOTES)
    thin_out(history);
  history->notes[history->len++] = (struct lag_note){.at_s = at_s, .position = position};
}

double lag_seconds(const struct lag_history *history, double now_s, int64_t position, double told_s) {
  size_t i = history->len;
  if (!i || position >= history->notes[i - 1].position)
    return 0;
  while (i > 0 && history->notes[i - 1].position > position)
    i--;
  /* notes[i] is the first one beyond the replica: it had been passed by then, at the latest. */
  double known_s = now_s - history->notes[i].at_s;
  if (i > 0)
    return known_s;
  return known_s > 1 && told_s > known_s ? told_s : known_s;
}

int64_t lag_bytes(const struct lag_history *history, int64_t position) {
  if (!history->len || position >= history->notes[history->len - 1].position)
    return 0;
  return history->notes[history->len - 1].position - position;
}
