-- A git branch of a project.
local common = require("models.common")

return {
  table("branches", {
    column("id", types.uuid(), { primary_key = true }),
    common.belongs_to("project_id", types.uuid(), "projects.id", "CASCADE"),
    column("name", types.varchar(255), { nullable = false, server_default = "main" }),
    common.created_at(),
    unique({ "project_id", "name" }),
  }),
}
