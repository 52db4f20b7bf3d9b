-- What a user was asked, and what the answer was.
local common = require("models.common")

return {
  table("user_inputs", {
    column("id", types.integer(), { primary_key = true }),
    common.belongs_to("branch_id", types.uuid(), "branches.id", "CASCADE"),
    common.belongs_to("project_state_id", types.uuid(), "project_states.id", "SET NULL"),
    column("question", types.text(), { nullable = false }),
    column("answer", types.text()),
    column("cancelled", types.boolean(), { nullable = false, server_default = false }),
    common.created_at(),
  }),
}
