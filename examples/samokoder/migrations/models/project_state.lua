-- Where the generation stands: the states of a branch are a chain.
local common = require("models.common")

return {
  table("project_states", {
    column("id", types.uuid(), { primary_key = true }),
    common.belongs_to("branch_id", types.uuid(), "branches.id", "CASCADE"),
    column("prev_state_id", types.uuid(), {
      unique = true,
      references = { "project_states.id", ondelete = "SET NULL" },
    }),
    common.belongs_to("specification_id", types.integer(), "specifications.id", "RESTRICT"),
    column("step_index", types.integer(), { nullable = false, server_default = 1 }),
    column("epics", types.json(), { nullable = false, server_default = "[]" }),
    column("tasks", types.json(), { nullable = false, server_default = "[]" }),
    common.created_at(),
    unique({ "branch_id", "step_index" }),
    check("step_index > 0", { name = "step_index" }),
  }),
}
