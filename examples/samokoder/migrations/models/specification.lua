-- What a project is to become, in words and as an architecture.
local common = require("models.common")

return {
  enum("complexity", { "simple", "moderate", "hard" }),

  table("specifications", {
    column("id", types.integer(), { primary_key = true }),
    column("description", types.text(), { nullable = false, server_default = "" }),
    column("architecture", types.json()),
    column("complexity", types.enum("complexity", { "simple", "moderate", "hard" }), {
      nullable = false,
      server_default = "hard",
    }),
    common.created_at(),
  }),
}
