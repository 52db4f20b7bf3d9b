/*
 * checks_library.c - the library itself: symbols, table, opening and closing, options.
 */
#include <stdio.h>
#include <string.h>

#include "conformance.h"

static bool one_symbol_is_exported(struct run *run) {
  char names[1024];
  int count = symbols_list(run->file, names, sizeof names);
  EXPECT(run, count >= 0, "%s cannot be read as an ELF library", run->file);
  EXPECT(run, count == 1, "%d symbols are exported: %s", count, names);
  return true;
}

static bool table_is_complete(struct run *run) {
  const moonbird_driver *driver = run->driver;
  EXPECT(run, driver->size >= sizeof *driver, "size is %u, this ABI's table has %zu", driver->size, sizeof *driver);
  EXPECT(run, driver->abi_major == MOONBIRD_ABI_MAJOR, "abi_major is %u", driver->abi_major);
  EXPECT(run, driver->name != NULL && driver->name[0] != '\0', "there is no name");
  EXPECT(run, driver->version != NULL && driver->version[0] != '\0', "there is no version");
  EXPECT(run, driver->client_library != NULL && driver->client_library[0] != '\0', "there is no client_library");
  EXPECT(run, driver->schemes != NULL && driver->schemes[0] != '\0', "there are no schemes");
  EXPECT(run, driver->placeholder != NULL, "there is no placeholder");
  EXPECT(run, strcmp(driver->placeholder, "?") == 0 || strcmp(driver->placeholder, "$") == 0, "the placeholder is %s",
         driver->placeholder);
  EXPECT(run, driver->open != NULL && driver->close != NULL, "open or close is missing");
  EXPECT(run, driver->execute != NULL && driver->fetch != NULL && driver->result_free != NULL,
         "execute, fetch or result_free is missing");
  EXPECT(run, (driver->lock == NULL) == (driver->unlock == NULL), "one of lock and unlock is missing");
  return true;
}

/* Source is text; lua_dump's output may hold anything. */
static bool is_lua(const char *text, uint64_t len) {
  return strncmp(text, "\033Lua", 4) == 0 || memchr(text, '\0', len) == NULL;
}

static bool dialect_is_there(struct run *run) {
  const moonbird_driver *driver = run->driver;
  EXPECT(run, driver->dialect != NULL && driver->dialect_len > 0, "there is no dialect");
  EXPECT(run, is_lua(driver->dialect, driver->dialect_len), "dialect_len counts a NUL");
  for (uint64_t i = 0; driver->modules != NULL && i < driver->module_count; i++) {
    const moonbird_source *module = &driver->modules[i];
    EXPECT(run, module->name != NULL && module->name[0] != '\0', "module %d has no name", (int)i);
    EXPECT(run, module->text != NULL && module->len > 0, "module %s has no text", module->name);
    EXPECT(run, is_lua(module->text, module->len), "the length of module %s counts a NUL", module->name);
  }
  return true;
}

static bool entry_gives_the_same_table(struct run *run) {
  moonbird_host host = {.size = sizeof host, .abi_major = MOONBIRD_ABI_MAJOR, .abi_minor = MOONBIRD_ABI_MINOR};
  moonbird_error error = {.size = sizeof error};
  EXPECT(run, run->entry(&host, &error) == run->driver, "a second call gives another table");
  return true;
}

static bool entry_refuses_another_abi(struct run *run) {
  moonbird_host host = {.size = sizeof host, .abi_major = 4711};
  run->error = (moonbird_error){.size = sizeof run->error};
  EXPECT(run, run->entry(&host, &run->error) == NULL, "a host of ABI 4711 is accepted");
  STEP(check_error_form(run));
  EXPECT(run, strstr(run->error.message, "4711") != NULL, "the message does not name the host's ABI: %s",
         run->error.message);
  return true;
}

static bool null_is_closed(struct run *run) {
  run->driver->close(NULL);
  run->driver->result_free(NULL);
  return true;
}

static bool connections_close_in_any_order(struct run *run) {
  moonbird_conn *first = client_open(run);
  moonbird_conn *second = client_open(run);
  if (first == NULL || second == NULL) {
    run->driver->close(first);
    run->driver->close(second);
    return false;
  }
  run->driver->close(first);
  STEP(client_still_works(run));
  run->driver->close(second);
  return client_still_works(run);
}

static bool unknown_option_is_refused(struct run *run) {
  moonbird_option options[OPTIONS_MAX];
  memcpy(options, run->options, sizeof options);
  options[run->option_count] = (moonbird_option){.key = "moonbird_no_such_key", .value = "1"};
  moonbird_conn *conn = NULL;
  run->error = (moonbird_error){.size = sizeof run->error};
  int32_t status = run->driver->open(options, run->option_count + 1, run, &conn, &run->error);
  if (status == MOONBIRD_OK) {
    run->driver->close(conn);
    return check_fail(run, "the option moonbird_no_such_key is accepted");
  }
  EXPECT(run, conn == NULL, "a failed open gives a connection");
  STEP(check_error_form(run));
  EXPECT(run, strstr(run->error.message, "moonbird_no_such_key") != NULL, "the message does not name the key: %s",
         run->error.message);
  bool is_listed = strstr(run->error.message, "application_name") != NULL ||
                   strstr(run->error.detail, "application_name") != NULL ||
                   strstr(run->error.hint, "application_name") != NULL;
  EXPECT(run, is_listed, "the known options are not listed");
  return true;
}

static bool server_version_is_text(struct run *run) {
  if (run->driver->server_version == NULL) {
    return true;
  }
  const char *version = run->driver->server_version(run->conn);
  EXPECT(run, version == NULL || version[0] != '\0', "the version is an empty text");
  return true;
}

const struct check checks_library[] = {
    {"library: one symbol is exported", one_symbol_is_exported},
    {"library: the table is complete", table_is_complete},
    {"library: the dialect is there", dialect_is_there},
    {"library: the entry gives the same table again", entry_gives_the_same_table},
    {"library: the entry refuses another ABI", entry_refuses_another_abi},
    {"library: NULL is closed and freed", null_is_closed},
    {"library: connections close in any order", connections_close_in_any_order},
    {"library: an unknown option is refused with the known ones", unknown_option_is_refused},
    {"library: the server version is a text", server_version_is_text},
    {NULL, NULL},
};
