return {
  naming_convention = require("naming"),
}
