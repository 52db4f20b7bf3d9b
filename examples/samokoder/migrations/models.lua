-- The schema as it is to be: one file for each model.
return {
  naming_convention = require("naming"),

  require("models.user"),
  require("models.project"),
  require("models.branch"),
  require("models.specification"),
  require("models.project_state"),
  require("models.file_content"),
  require("models.file"),
  require("models.user_input"),
  require("models.exec_log"),
}
