---@meta
-- The operations on what a schema has besides tables, for editors (LuaCATS); see library.lua. Implemented in
-- op/objects.lua. Enums, sequences, functions, extensions and schemas exist on PostgreSQL alone.

---@class moonbird.DropCascadeOptions: moonbird.DropOptions
---@field cascade? boolean also what depends on it

-- --- schemas and extensions ---

---@class moonbird.CreateSchemaOptions
---@field if_not_exists? boolean
---@field authorization? string its owner

---@param name string
---@param options? moonbird.CreateSchemaOptions
function op.create_schema(name, options) end

---@class moonbird.DropAnywhereOptions
---@field if_exists? boolean
---@field cascade? boolean also what depends on it

---@param name string
---@param options? moonbird.DropAnywhereOptions
function op.drop_schema(name, options) end

---@class moonbird.CreateExtensionOptions
---@field schema? string
---@field if_not_exists? boolean
---@field version? string
---@field cascade? boolean also the extensions that it needs

---@param name string
---@param options? moonbird.CreateExtensionOptions
function op.create_extension(name, options) end

---@param name string
---@param options? moonbird.DropAnywhereOptions
function op.drop_extension(name, options) end

-- --- enums ---

---@class moonbird.CreateEnumOptions: moonbird.SchemaOption
---@field if_not_exists? boolean
---@field comment? string

---@param name string
---@param values string[]
---@param options? moonbird.CreateEnumOptions
function op.create_enum(name, values, options) end

---@param name string
---@param options? moonbird.DropCascadeOptions
function op.drop_enum(name, options) end

---@param name string
---@param new_name string
---@param options? moonbird.SchemaOption
function op.rename_enum(name, new_name, options) end

---@class moonbird.AddEnumValueOptions: moonbird.SchemaOption
---@field before? string
---@field after? string
---@field if_not_exists? boolean

---Adds a value. It can be used only after the commit: put the call into op.autocommit_block where the revision goes on
---to use it.
---@param name string
---@param value string
---@param options? moonbird.AddEnumValueOptions
function op.add_enum_value(name, value, options) end

---@param name string
---@param value string
---@param new_value string
---@param options? moonbird.SchemaOption
function op.rename_enum_value(name, value, new_value, options) end

---@param name string
---@param comment string
---@param options? moonbird.SchemaOption
function op.create_enum_comment(name, comment, options) end

---@param name string
---@param options? moonbird.SchemaOption
function op.drop_enum_comment(name, options) end

---@class moonbird.AlterEnumOptions: moonbird.SchemaOption
---@field rename? table<string, string> what old values are called now
---@field comment? string

---Gives an enum other values: a new type takes its name, and every column of the old type gets it. A row whose value is
---not among the new ones is an error, and so is what cannot change its type: a view, a computed column, a trigger, a
---policy, a function, a partition key. The message names each.
---@param name string
---@param values string[]
---@param options? moonbird.AlterEnumOptions
function op.alter_enum(name, values, options) end

-- --- sequences ---

---A column, where a name has a dot.
---@class moonbird.ColumnPlace
---@field table string
---@field column string
---@field schema? string

---@class moonbird.SequenceOptions: moonbird.SchemaOption
---@field type_? moonbird.Type
---@field start? integer
---@field increment? integer
---@field minvalue? integer|moonbird.Null null: NO MINVALUE
---@field maxvalue? integer|moonbird.Null null: NO MAXVALUE
---@field cycle? boolean
---@field cache? integer
---@field owned_by? string|moonbird.ColumnPlace|moonbird.Null "table.column"

---@class moonbird.CreateSequenceOptions: moonbird.SequenceOptions
---@field if_not_exists? boolean
---@field temporary? boolean
---@field comment? string

---@class moonbird.AlterSequenceOptions: moonbird.SequenceOptions
---@field if_exists? boolean
---@field restart? integer|true true: from its start
---@field comment? string|moonbird.Null

---@param name string
---@param options? moonbird.CreateSequenceOptions
function op.create_sequence(name, options) end

---@param name string
---@param options moonbird.AlterSequenceOptions
function op.alter_sequence(name, options) end

---@param name string
---@param new_name string
---@param options? moonbird.SchemaOption
function op.rename_sequence(name, new_name, options) end

---@param name string
---@param options? moonbird.DropCascadeOptions
function op.drop_sequence(name, options) end

-- --- views ---

---@class moonbird.CreateViewOptions: moonbird.SchemaOption
---@field replace? boolean
---@field if_not_exists? boolean SQLite, and materialized views
---@field temporary? boolean
---@field columns? string[] their names
---@field postgresql_materialized? boolean
---@field postgresql_with_data? boolean materialized views: false leaves them empty until they are refreshed
---@field postgresql_check_option? "LOCAL"|"CASCADED"
---@field postgresql_using? string access method of a materialized view
---@field postgresql_with? table<string, string|number|boolean>
---@field postgresql_tablespace? string
---@field comment? string PostgreSQL; passed over on SQLite

---@param name string
---@param definition moonbird.Expression "SELECT ..."
---@param options? moonbird.CreateViewOptions
function op.create_view(name, definition, options) end

---@class moonbird.DropViewOptions: moonbird.DropCascadeOptions
---@field postgresql_materialized? boolean

---@param name string
---@param options? moonbird.DropViewOptions
function op.drop_view(name, options) end

---@class moonbird.ViewCommentOptions: moonbird.SchemaOption
---@field materialized? boolean
---@field existing_comment? string|moonbird.Null

---Sets the comment of a view that is there. Passed over on SQLite, which has no comments.
---@param name string
---@param comment string
---@param options? moonbird.ViewCommentOptions
function op.create_view_comment(name, comment, options) end

---@param name string
---@param options? moonbird.ViewCommentOptions
function op.drop_view_comment(name, options) end

---@class moonbird.RefreshOptions: moonbird.SchemaOption
---@field concurrently? boolean readers are not locked out; the view needs a unique index
---@field with_data? boolean false empties it

---@param name string
---@param options? moonbird.RefreshOptions
function op.refresh_materialized_view(name, options) end

-- --- functions and triggers ---

---@class moonbird.CreateFunctionOptions: moonbird.SchemaOption
---@field arguments? string "a integer, b text DEFAULT ''"
---@field returns? string "integer", "trigger", "SETOF people"
---@field language? string default "plpgsql"
---@field replace? boolean
---@field procedure? boolean CREATE PROCEDURE
---@field volatility? "IMMUTABLE"|"STABLE"|"VOLATILE"
---@field strict? boolean
---@field security_definer? boolean
---@field leakproof? boolean
---@field parallel? "SAFE"|"RESTRICTED"|"UNSAFE"
---@field cost? integer
---@field rows? integer
---@field set? table<string, string|number|boolean> settings while it runs

---@param name string
---@param body moonbird.Expression
---@param options? moonbird.CreateFunctionOptions
function op.create_function(name, body, options) end

---@class moonbird.DropFunctionOptions: moonbird.DropCascadeOptions
---@field arguments? string their types, where functions share the name
---@field procedure? boolean

---@param name string
---@param options? moonbird.DropFunctionOptions
function op.drop_function(name, options) end

---@class moonbird.CreateTriggerOptions: moonbird.SchemaOption
---@field timing "BEFORE"|"AFTER"|"INSTEAD OF"
---@field events string|string[] "INSERT", "UPDATE", "UPDATE OF a, b", "DELETE", "TRUNCATE"; SQLite: one of them
---@field for_each? "ROW"|"STATEMENT" default "ROW"
---@field when? moonbird.Expression
---@field postgresql_execute? moonbird.Expression "function()"
---@field sqlite_body? moonbird.Expression the statements
---@field replace? boolean
---@field if_not_exists? boolean SQLite
---@field constraint? boolean PostgreSQL: a constraint trigger
---@field deferrable? boolean of a constraint trigger
---@field initially? "DEFERRED"|"IMMEDIATE"
---@field referencing? string PostgreSQL: "OLD TABLE AS gone"

---@param name string
---@param table_name string
---@param options moonbird.CreateTriggerOptions
function op.create_trigger(name, table_name, options) end

---@param name string
---@param table_name string
---@param options? moonbird.DropCascadeOptions
function op.drop_trigger(name, table_name, options) end
