/*
 * value.h - values between Lua and batches.
 *
 * Lua nil and `null` are SQL NULL, booleans BOOL, integers INT64, floats FLOAT64, strings TEXT, blob(s) BYTES. The
 * other way text and bytes are strings, and SQL NULL is nil.
 */
#ifndef LUA_VALUE_H
#define LUA_VALUE_H

#include "db/batch.h"

#include <lua.h>

/* The `null` of scripts: a light userdata with an address of its own. */
void value_push_null(lua_State *L);
bool value_is_null(lua_State *L, int index); /* nil or null */

bool value_is_blob(lua_State *L, int index); /* blob(s) */
bool value_is_sql(lua_State *L, int index);  /* sql "..." */

void value_push(lua_State *L, const struct value *value);

/* Pushes the text of a string or a number, which reads back as the same number; NULL for other types, which are pushed
 * too. The text lives as long as it is on the stack; `len` may be NULL. */
const char *value_push_text(lua_State *L, int index, size_t *len);

/* Appends the Lua value at `index` to a column. False: it is of a type that has no SQL form (nothing was added). */
bool value_add(lua_State *L, int index, struct batch_builder *builder, uint32_t column) MUST_CHECK;

/* Pushes a new table { column name = value } of one row; NULLs are absent. */
void value_push_row(lua_State *L, const moonbird_batch *batch, uint64_t row);

#endif
