--- initial tables
--
-- Revision ID: 456def789ghi
-- Revises:
-- Create Date: 2025-09-01 12:00:00

revision = "456def789ghi"
down_revision = nil
branch_labels = nil
depends_on = nil

local complexity = types.enum("complexity", { "simple", "moderate", "hard" })

local function id(type)
  return column("id", type, { primary_key = true })
end

local function created_at()
  return column("created_at", types.timestamp({ timezone = true }), { nullable = false, server_default = sql("now()") })
end

-- A column that refers to another table; what happens to its row when that one goes.
local function belongs_to(name, type, target, ondelete)
  local reference = { target, ondelete = ondelete }
  return column(name, type, { nullable = ondelete == "SET NULL", references = reference, index = true })
end

function upgrade()
  op.create_table("users", {
    id(types.integer()),
    column("email", types.varchar(255), { nullable = false, unique = true }),
    column("hashed_password", types.varchar(255), { nullable = false }),
    column("first_name", types.varchar(100)),
    column("last_name", types.varchar(100)),
    column("is_active", types.boolean(), { nullable = false, server_default = true }),
    created_at(),
  })
  op.create_table("projects", {
    id(types.uuid()),
    belongs_to("user_id", types.integer(), "users.id", "CASCADE"),
    column("name", types.varchar(120), { nullable = false }),
    column("folder_name", types.varchar(255), { nullable = false }),
    created_at(),
    unique({ "user_id", "folder_name" }),
  })
  op.create_table("branches", {
    id(types.uuid()),
    belongs_to("project_id", types.uuid(), "projects.id", "CASCADE"),
    column("name", types.varchar(255), { nullable = false, server_default = "main" }),
    created_at(),
    unique({ "project_id", "name" }),
  })
  op.create_table("specifications", {
    id(types.integer()),
    column("description", types.text(), { nullable = false, server_default = "" }),
    column("architecture", types.json()),
    column("complexity", complexity, { nullable = false, server_default = "hard" }),
    created_at(),
  })
  op.create_table("project_states", {
    id(types.uuid()),
    belongs_to("branch_id", types.uuid(), "branches.id", "CASCADE"),
    column("prev_state_id", types.uuid(), {
      unique = true,
      references = { "project_states.id", ondelete = "SET NULL" },
    }),
    belongs_to("specification_id", types.integer(), "specifications.id", "RESTRICT"),
    column("step_index", types.integer(), { nullable = false, server_default = 1 }),
    column("epics", types.json(), { nullable = false, server_default = "[]" }),
    column("tasks", types.json(), { nullable = false, server_default = "[]" }),
    created_at(),
    unique({ "branch_id", "step_index" }),
    check("step_index > 0", { name = "step_index" }),
  })
  op.create_table("file_contents", {
    id(types.char(64)),
    column("content", types.text(), { nullable = false }),
  })
  op.create_table("files", {
    id(types.integer()),
    belongs_to("project_state_id", types.uuid(), "project_states.id", "CASCADE"),
    belongs_to("content_id", types.char(64), "file_contents.id", "RESTRICT"),
    column("path", types.varchar(1024), { nullable = false }),
    column("meta", types.json(), { nullable = false, server_default = "{}" }),
    unique({ "project_state_id", "path" }),
  })
  op.create_table("user_inputs", {
    id(types.integer()),
    belongs_to("branch_id", types.uuid(), "branches.id", "CASCADE"),
    belongs_to("project_state_id", types.uuid(), "project_states.id", "SET NULL"),
    column("question", types.text(), { nullable = false }),
    column("answer", types.text()),
    column("cancelled", types.boolean(), { nullable = false, server_default = false }),
    created_at(),
  })
  op.create_table("exec_logs", {
    id(types.integer()),
    belongs_to("branch_id", types.uuid(), "branches.id", "CASCADE"),
    belongs_to("project_state_id", types.uuid(), "project_states.id", "SET NULL"),
    column("command", types.text(), { nullable = false }),
    column("folder", types.varchar(1024), { nullable = false, server_default = "." }),
    column("timeout_s", types.double()),
    column("status_code", types.integer()),
    column("stdout", types.text(), { nullable = false, server_default = "" }),
    column("stderr", types.text(), { nullable = false, server_default = "" }),
    column("duration_s", types.double(), { nullable = false, server_default = 0 }),
    created_at(),
    check("duration_s >= 0", { name = "duration" }),
  })
end

function downgrade()
  op.drop_table("exec_logs")
  op.drop_table("user_inputs")
  op.drop_table("files")
  op.drop_table("file_contents")
  op.drop_table("project_states")
  op.drop_table("specifications")
  op.drop_table("branches")
  op.drop_table("projects")
  op.drop_table("users")
  if context.dialect == "postgresql" then
    op.drop_enum("complexity") -- made by the column, and a table takes no type with it
  end
end
