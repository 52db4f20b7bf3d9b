-- A command that was run for a project, and what came of it.
local common = require("models.common")

return {
  table("exec_logs", {
    column("id", types.integer(), { primary_key = true }),
    common.belongs_to("branch_id", types.uuid(), "branches.id", "CASCADE"),
    common.belongs_to("project_state_id", types.uuid(), "project_states.id", "SET NULL"),
    column("command", types.text(), { nullable = false }),
    column("folder", types.varchar(1024), { nullable = false, server_default = "." }),
    column("timeout_s", types.double()),
    column("status_code", types.integer()),
    column("stdout", types.text(), { nullable = false, server_default = "" }),
    column("stderr", types.text(), { nullable = false, server_default = "" }),
    column("duration_s", types.double(), { nullable = false, server_default = 0 }),
    common.created_at(),
    check("duration_s >= 0", { name = "duration" }),
  }),
}
