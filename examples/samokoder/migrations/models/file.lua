-- A file of a project in one of its states.
local common = require("models.common")

return {
  table("files", {
    column("id", types.integer(), { primary_key = true }),
    common.belongs_to("project_state_id", types.uuid(), "project_states.id", "CASCADE"),
    common.belongs_to("content_id", types.char(64), "file_contents.id", "RESTRICT"),
    column("path", types.varchar(1024), { nullable = false }),
    column("meta", types.json(), { nullable = false, server_default = "{}" }),
    unique({ "project_state_id", "path" }),
  }),
}
