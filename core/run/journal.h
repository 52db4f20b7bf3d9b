/*
 * journal.h - which statements of an interrupted revision are committed, and what to do with each when it comes again.
 *
 * Every mutating call of a script is a statement with a number, counted from 1 in the order of execution, and a
 * fingerprint (kind and text). At a commit point inside a revision (a backfill) the statements since the last one are
 * written to moonbird_journal in the same transaction that commits their effects. A run that takes the revision up
 * again passes over what the journal holds.
 *
 * However many statements a revision has, only some are in memory: those since the last commit point, of which a long
 * row goes into the table before it, in the same transaction; and of an earlier run's a page.
 *
 * Ownership: the caller owns the struct (journal_load, journal_release), the struct owns its entries. An entry lives
 * until journal_next is called for another one, or longer where it has begun and not ended.
 */
#ifndef RUN_JOURNAL_H
#define RUN_JOURNAL_H

#include "run/session.h"

#include <stdint.h>

enum entry_state {
  ENTRY_STARTED, /* a backfill that has begun; it goes on from its own checkpoint */
  ENTRY_DONE,
  ENTRY_FAILED, /* it failed, and the script caught the error */
};

struct journal_entry {
  int64_t number;
  char *kind;
  char *fingerprint;
  char *statement; /* for people */
  enum entry_state state;
  int64_t result;        /* rows affected */
  char *error;           /* ENTRY_FAILED */
  bool written;          /* stands in the table, committed */
  bool changed;          /* what stands there is out of date */
  char *new_fingerprint; /* of a backfill that has begun under another definition: what it is now; else NULL */
  char *new_statement;
};

/* The first entry of every journal, number 0: time and seed of the revision, so that os.time(), os.date() and
 * math.random() give a run that takes it up again what they gave the first one. */
struct journal_clock {
  int64_t time_s; /* since 1970 */
  int64_t seed;
};

struct journal {
  struct journal_clock clock;
  const char *revision;  /* borrowed */
  const char *direction; /* borrowed: "upgrade", "downgrade" */
  struct vec entries;    /* struct journal_entry *: new ones that are not committed, and those that have begun */
  struct vec page;       /* struct journal_entry *: of an earlier run's, some from number `page_start` on */
  int64_t page_start;
  size_t found;     /* entries that an earlier run left */
  size_t ended;     /* of them, those that have not only begun */
  size_t passed;    /* of them, how many this run has come by */
  int64_t next;     /* number of the next new entry */
  size_t unwritten; /* of `entries` */
  bool spilled;     /* the table holds entries that are not committed */
  bool used;        /* the table holds committed entries of this revision */
};

/* Reads what an earlier run left. */
bool journal_load(struct journal *journal, struct session *session, const char *revision, const char *direction,
                  struct error *err) MUST_CHECK;
void journal_release(struct journal *journal);

/*
 * The next statement: `entry` gets its entry, `known` whether an earlier run left it (its state then says whether it is
 * to be passed over). ERROR_PARTIAL when the earlier run had another statement at this number; the error shows both.
 */
bool journal_next(struct journal *journal, struct session *session, const char *kind, const char *fingerprint,
                  const char *statement, struct journal_entry **entry, bool *known, struct error *err) MUST_CHECK;

/* The first entry of an earlier run that this one has not come by; NULL where there is none. */
bool journal_left_over(struct journal *journal, struct session *session, const struct journal_entry **entry,
                       struct error *err) MUST_CHECK;

/* The first entry that has begun and not ended: a backfill whose error the script has caught. NULL where there is none.
 */
const struct journal_entry *journal_first_begun(const struct journal *journal);

/* A backfill that has begun under another definition comes back with a new_fingerprint: accepted, it goes on under that
 * one; refused, it is ERROR_PARTIAL with both. */
void journal_accept(struct journal_entry *entry);
bool journal_refuse(const struct journal *journal, const struct journal_entry *entry, struct error *err);

/* Writes entries into the table, in the open transaction, where there are many of them: they take no memory then. For
 * between two statements. */
bool journal_spill(struct journal *journal, struct session *session, struct error *err) MUST_CHECK;

/* A new state for an entry; the next journal_write puts it into the table. */
void journal_set_done(struct journal_entry *entry, int64_t result);
void journal_set_failed(struct journal_entry *entry, const char *error);

/* Writes what is not in the table yet; in the transaction that commits the effects. journal_committed must be told when
 * that transaction has committed: until then everything counts as not written. */
bool journal_write(struct journal *journal, struct session *session, struct error *err) MUST_CHECK;
void journal_committed(struct journal *journal);

/* Writes the state of one entry that is in the table; in a transaction after which the journal is not asked again
 * unless it commits. */
bool journal_update(struct journal *journal, struct session *session, const struct journal_entry *entry,
                    struct error *err) MUST_CHECK;

/* Takes the revision's entries out of the table; in the transaction that completes the revision. */
bool journal_close(struct journal *journal, struct session *session, struct error *err) MUST_CHECK;

/* The revision that was interrupted, if any (the first by id): owned texts, or NULL. */
bool journal_find_open(struct session *session, char **revision, char **direction, struct error *err) MUST_CHECK;

/* Forgets all entries (stamp). */
bool journal_purge(struct session *session, struct error *err) MUST_CHECK;

#endif
