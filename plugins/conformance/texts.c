/*
 * texts.c - the SQL that differs between databases.
 *
 * Found by the driver's name. A new driver adds one entry here; everything else is standard SQL inside the checks.
 */
#include <string.h>

#include "conformance.h"

static const struct texts all_texts[] = {
    {
        .driver = "sqlite",
        .create_types = "CREATE TEMP TABLE v (b BOOLEAN, i INTEGER, f REAL, t TEXT, y BLOB)",
        .long_query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000) "
                      "SELECT count(*) FROM n",
        .create_any = "CREATE TEMP TABLE a (i INTEGER, x)",
        .state_after_error = MOONBIRD_TX_ACTIVE,
    },
    {
        .driver = "postgres",
        .create_types = "CREATE TEMP TABLE v (b boolean, i bigint, f double precision, t text, y bytea)",
        .long_query = "SELECT count(*) FROM (SELECT pg_sleep(60)) AS s",
        .insert_arrays = "INSERT INTO v (i, t, f, b, y) SELECT * FROM unnest(CAST(? AS bigint[]), CAST(? AS text[]), "
                         "CAST(? AS double precision[]), CAST(? AS boolean[]), CAST(? AS bytea[]))",
        .raise_notice = "DO $$ BEGIN RAISE NOTICE 'a notice'; END $$",
        .state_after_error = MOONBIRD_TX_FAILED,
    },
};

const struct texts *texts_find(const char *driver) {
  for (size_t i = 0; i < sizeof all_texts / sizeof all_texts[0]; i++) {
    if (strcmp(all_texts[i].driver, driver) == 0) {
      return &all_texts[i];
    }
  }
  return NULL;
}
