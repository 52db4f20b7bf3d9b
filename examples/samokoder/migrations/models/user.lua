-- Who has projects.
local common = require("models.common")

return {
  table("users", {
    column("id", types.integer(), { primary_key = true }),
    column("email", types.varchar(255), { nullable = false, unique = true }),
    column("hashed_password", types.varchar(255), { nullable = false }),
    column("full_name", types.varchar(255)),
    column("is_active", types.boolean(), { nullable = false, server_default = true }),
    column("email_verified", types.boolean(), { nullable = false, server_default = false, index = true }),
    common.created_at(),
  }),
}
