-- What the environment computes before a command that needs a database. Everything here is optional.
-- The file returns one table; take away the dashes of what you need.

return {
  -- Comes before `url` in moonbird.ini.
  -- url = os.getenv("APP_DATABASE_URL"),

  -- The schema that you want: the file models.lua beside this one. `revision --autogenerate` and `check` compare it
  -- with the database.
  -- models = "models",

  -- Return false for what autogenerate must leave alone. kind: "table", "column", "index", "constraint", ...
  -- include_object = function(kind, name)
  --   return not (kind == "table" and name:match("^spatial_"))
  -- end,

  -- Hooks around a run and around each revision.
  -- before_run = function() end,
  -- after_run = function() end,
  -- before_each = function(revision) log.info("next: " .. revision.id) end,
  -- after_each = function(revision) end,
  -- on_error = function(message) log.error(message) end,
}
