-- What is generated: a project of a user.
local common = require("models.common")

return {
  table("projects", {
    column("id", types.uuid(), { primary_key = true }),
    common.belongs_to("user_id", types.integer(), "users.id", "CASCADE"),
    column("name", types.varchar(120), { nullable = false }),
    column("folder_name", types.varchar(255), { nullable = false }),
    common.created_at(),
    unique({ "user_id", "folder_name" }),
  }),
}
