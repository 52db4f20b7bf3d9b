/*
 * dotenv.h - reads a .env file into the environment of this process.
 *
 * KEY=value lines; `export ` before, comments, single quotes (literal) and double quotes (\n \r \t \\ \" \$), both may
 * go over lines. Nothing is expanded. Changes the environment: only before threads are started.
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"

/* Sets what the environment does not have yet. No file, or a folder of this name, is fine. Errors (ERROR_USAGE, with
 * name:line): a malformed line; nothing is set then. The texts of values never stand in messages. */
bool dotenv_load(const char *path, const char *name, struct error *err) MUST_CHECK;

/* Only parses: key -> char * (owned by the map: map_release_with(&values, free)); the last of several lines of a key
 * counts. `text` is cleaned in place. */
bool dotenv_parse(struct strbuf *text, const char *name, struct map *values, struct error *err) MUST_CHECK;

#endif
