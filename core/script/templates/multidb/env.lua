-- What the environment computes before a command that needs a database, for all sections of moonbird.ini. Everything
-- here is optional. The file returns one table; take away the dashes of what you need.

return {
  -- Comes before `url` in every section: only for databases whose address is the same but for its environment.
  -- url = os.getenv("APP_DATABASE_URL"),

  -- Hooks around a run, and around each revision in its transaction. context has dialect, url (without the password), x
  -- and offline, around a revision also direction, revision and summary; db has exec, query, rows, one and scalar.
  -- before_run = function(context, db) end,
  -- after_run = function(context, db) end,
  -- before_each = function(context, db) log.info("next: " .. context.revision) end,
  -- after_each = function(context, db) end,
  -- on_error = function(context, message) log.error(message) end,
}
