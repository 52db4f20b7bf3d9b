/*
 * checks_errors.c - what errors say: SQLSTATE, position, names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

static bool syntax_error_at(struct run *run, const char *sql, uint32_t flags, int64_t position) {
  moonbird_result *result = NULL;
  int32_t status = client_execute(run, run->conn, sql, flags, MOONBIRD_BIND_ROW, NULL, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_ERROR, "%s: works", sql);
  STEP(check_error_form(run));
  EXPECT(run, strcmp(run->error.sqlstate, "42601") == 0, "%s: SQLSTATE %s", sql, run->error.sqlstate);
  EXPECT(run, run->error.position == position, "%s: position %lld in place of %lld", sql,
         (long long)run->error.position, (long long)position);
  return true;
}

static bool syntax_error_has_position(struct run *run) {
  STEP(syntax_error_at(run, "SELECT 1 FORM x", 0, 14));
  STEP(syntax_error_at(run, "  /* one */ SELECT 1 FORM x", 0, 26));
  STEP(syntax_error_at(run, "SELECT '\303\251' FORM x", 0, 17)); /* bytes, not characters */
  return client_still_works(run);
}

static bool syntax_error_in_script(struct run *run) {
  STEP(syntax_error_at(run, "SELECT 1;\nSELECT '\303\251';\nSELECT 1 FORM x;\nSELECT 3", MOONBIRD_SCRIPT, 37));
  return client_still_works(run);
}

static bool unknown_things(struct run *run) {
  STEP(client_run(run, "CREATE TEMP TABLE e (i INTEGER)"));
  STEP(client_expect_error(run, "SELECT * FROM mbc_no_such_table", "42P01"));
  EXPECT(run, strstr(run->error.message, "mbc_no_such_table") != NULL, "the message does not name the table: %s",
         run->error.message);
  STEP(client_expect_error(run, "SELECT mbc_no_such_column FROM e", "42703"));
  EXPECT(run, strstr(run->error.message, "mbc_no_such_column") != NULL, "the message does not name the column: %s",
         run->error.message);
  STEP(client_expect_error(run, "CREATE TEMP TABLE e (i INTEGER)", "42P07"));
  STEP(client_expect_error(run, "ALTER TABLE e ADD COLUMN i INTEGER", "42701"));
  return client_still_works(run);
}

static bool constraint_violations(struct run *run) {
  STEP(client_run(run, "CREATE TEMP TABLE e (i INTEGER PRIMARY KEY, u INTEGER UNIQUE, n INTEGER NOT NULL, "
                       "c INTEGER CONSTRAINT c_is_small CHECK (c < 10))"));
  STEP(client_run(run, "INSERT INTO e VALUES (1, 1, 1, 1)"));
  STEP(client_expect_error(run, "INSERT INTO e VALUES (1, 2, 2, 2)", "23505"));
  STEP(client_expect_error(run, "INSERT INTO e VALUES (2, 1, 2, 2)", "23505"));
  EXPECT(run, run->error.table[0] != '\0' || run->error.constraint[0] != '\0' || run->error.column[0] != '\0',
         "a unique violation names neither table nor constraint");
  STEP(client_expect_error(run, "INSERT INTO e VALUES (3, 3, NULL, 3)", "23502"));
  EXPECT(run, strcmp(run->error.column, "n") == 0, "the column of a NOT NULL violation is \"%s\"", run->error.column);
  EXPECT(run, strcmp(run->error.table, "e") == 0, "the table of a NOT NULL violation is \"%s\"", run->error.table);
  STEP(client_expect_error(run, "INSERT INTO e VALUES (4, 4, 4, 44)", "23514"));
  EXPECT(run, strcmp(run->error.constraint, "c_is_small") == 0, "the violated constraint is \"%s\"",
         run->error.constraint);
  EXPECT(run, run->error.retry == MOONBIRD_RETRY_NEVER, "a violated constraint has the retry advice %u",
         run->error.retry);
  return client_still_works(run);
}

static bool is_utf8(const char *text) {
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
    size_t len = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
    if (len == 0) {
      return false;
    }
    for (size_t i = 1; i < len; i++) {
      if ((at[i] & 0xc0) != 0x80) {
        return false;
      }
    }
    at += len;
  }
  return true;
}

/* A name longer than the message's field, of two-byte characters, from an odd byte on. */
static bool long_messages_are_cut(struct run *run) {
  char sql[4096] = "SELECT * FROM \"x";
  size_t used = strlen(sql);
  for (int i = 0; i < 1500; i++) {
    memcpy(sql + used, "\303\251", 2);
    used += 2;
  }
  memcpy(sql + used, "\"", 2);
  STEP(client_expect_error(run, sql, "42P01"));
  EXPECT(run, is_utf8(run->error.message), "the message is not UTF-8");
  EXPECT(run, is_utf8(run->error.table) && is_utf8(run->error.detail), "the table's name is not UTF-8");
  return client_still_works(run);
}

static bool notices_arrive(struct run *run) {
  if (run->texts->raise_notice == NULL) {
    return true;
  }
  STEP(client_run(run, run->texts->raise_notice));
  EXPECT(run, run->notice_count == 1, "%u notices arrived", run->notice_count);
  return true;
}

const struct check checks_errors[] = {
    {"errors: a syntax error has its position in bytes", syntax_error_has_position},
    {"errors: a script's position counts in the whole text", syntax_error_in_script},
    {"errors: unknown and existing tables and columns", unknown_things},
    {"errors: violated constraints", constraint_violations},
    {"errors: long messages are cut between characters", long_messages_are_cut},
    {"errors: notices arrive", notices_arrive},
    {NULL, NULL},
};
