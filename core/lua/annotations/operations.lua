---@meta
-- The operations on the schema, for editors (LuaCATS); see library.lua. Implemented in op.lua and op/*.lua.

-- --- tables ---

---@class moonbird.SchemaOption
---@field schema? string

---What a table has beside its items, also in models.
---@class moonbird.TableOptions: moonbird.SchemaOption
---@field comment? string PostgreSQL; passed over on SQLite
---@field prefixes? string[] words between CREATE and TABLE: { "TEMPORARY" }
---@field info? any passed over, as in Alembic
---@field postgresql_partition_by? moonbird.Expression
---@field postgresql_inherits? string|string[]
---@field postgresql_with? table<string, string|number|boolean>
---@field postgresql_on_commit? string
---@field postgresql_tablespace? string
---@field sqlite_autoincrement? boolean AUTOINCREMENT: no number is given twice
---@field sqlite_with_rowid? boolean false: WITHOUT ROWID
---@field sqlite_strict? boolean

---@class moonbird.CreateTableOptions: moonbird.TableOptions
---@field if_not_exists? boolean also for the table's indexes and enum types

---Creates a table, its indexes and, on PostgreSQL, its enum types and comments.
---@param name string
---@param items moonbird.Item[]
---@param options? moonbird.CreateTableOptions
---@return string name for op.bulk_insert
function op.create_table(name, items, options) end

---@class moonbird.DropOptions: moonbird.SchemaOption
---@field if_exists? boolean

---@param name string
---@param options? moonbird.DropOptions
function op.drop_table(name, options) end

---@param old_name string
---@param new_name string
---@param options? moonbird.SchemaOption
function op.rename_table(old_name, new_name, options) end

---@class moonbird.TableCommentOptions: moonbird.SchemaOption
---@field existing_comment? string|moonbird.Null

---Passed over on SQLite, which has no comments.
---@param table_name string
---@param comment string
---@param options? moonbird.TableCommentOptions
function op.create_table_comment(table_name, comment, options) end

---@param table_name string
---@param options? moonbird.TableCommentOptions
function op.drop_table_comment(table_name, options) end

-- --- columns ---

---@class moonbird.AddColumnOptions: moonbird.SchemaOption
---@field if_not_exists? boolean on SQLite by a look at the table
---@field inline_references? boolean happens in any case
---@field inline_primary_key? boolean happens in any case

---Adds a column. References, UNIQUE and CHECK stand at the column, so that it is added with all of them or not at all.
---SQLite makes the table anew for a column that its ALTER TABLE cannot add.
---@param table_name string
---@param new_column moonbird.Column
---@param options? moonbird.AddColumnOptions
function op.add_column(table_name, new_column, options) end

---Drops a column. SQLite makes the table anew where it is indexed, UNIQUE or used by something.
---@param table_name string
---@param column_name string
---@param options? moonbird.DropOptions
function op.drop_column(table_name, column_name, options) end

---What alter_column changes; what is not given stays, `null` takes it away. The existing_ options say what is there now.
---@class moonbird.AlterColumnOptions: moonbird.SchemaOption
---@field type_? moonbird.Type
---@field using? moonbird.Expression how old values become new ones: "CAST(age AS integer)"
---@field postgresql_using? moonbird.Expression
---@field sqlite_using? moonbird.Expression
---@field nullable? boolean
---@field server_default? string|number|boolean|moonbird.Sql|moonbird.Null
---@field comment? string|moonbird.Null
---@field new_column_name? string
---@field identity? boolean|moonbird.ChangedIdentity|moonbird.Null PostgreSQL
---@field computed? moonbird.Null|moonbird.Expression|moonbird.Computed null: not computed any more; other: SQLite alone
---@field autoincrement? boolean|"auto"
---@field sqlite_on_conflict_not_null? moonbird.Conflict with nullable = false
---@field existing_type? moonbird.Type
---@field existing_nullable? boolean
---@field existing_server_default? string|number|boolean|moonbird.Sql|moonbird.Null
---@field existing_comment? string|moonbird.Null
---@field existing_identity? boolean|moonbird.ChangedIdentity|moonbird.Null then identity changes the one that is there
---@field existing_computed? moonbird.Expression|moonbird.Null
---@field existing_autoincrement? boolean|"auto"

---Changes a column: type, NULL, default, identity, comment, name, in this order.
---@param table_name string
---@param column_name string
---@param options moonbird.AlterColumnOptions
function op.alter_column(table_name, column_name, options) end

-- --- indexes ---

---@class moonbird.CreateIndexOptions: moonbird.IndexDetails
---@field schema? string schema of the table
---@field if_not_exists? boolean
---@field concurrently? boolean PostgreSQL: outside of a transaction; passed over on SQLite
---@field postgresql_concurrently? boolean

---Creates an index on columns and expressions (`sql "lower(email)"`, `sql "created_at DESC"`). Without a name (nil) it
---is called ix_TABLE_COLUMN_...
---@param name string|moonbird.FinalName|nil
---@param table_name string
---@param columns (string|moonbird.Sql)[]
---@param options? moonbird.CreateIndexOptions
function op.create_index(name, table_name, columns, options) end

---@class moonbird.DropIndexOptions: moonbird.DropOptions
---@field concurrently? boolean PostgreSQL
---@field postgresql_concurrently? boolean

---@param name string|moonbird.FinalName
---@param table_name? string for the reader, and for databases whose indexes belong to tables
---@param options? moonbird.DropIndexOptions
---@overload fun(name: string, options: moonbird.DropIndexOptions)
function op.drop_index(name, table_name, options) end

---@class moonbird.ItemCommentOptions: moonbird.SchemaOption
---@field existing_comment? string|moonbird.Null

---Sets the comment of an index that is there. Passed over on SQLite, which has no comments.
---@param name string|moonbird.FinalName
---@param table_name string
---@param comment string
---@param options? moonbird.ItemCommentOptions
function op.create_index_comment(name, table_name, comment, options) end

---@param name string|moonbird.FinalName
---@param table_name string
---@param options? moonbird.ItemCommentOptions
function op.drop_index_comment(name, table_name, options) end

-- --- constraints ---

---@class moonbird.TimingOptions: moonbird.SchemaOption
---@field deferrable? boolean
---@field initially? "DEFERRED"|"IMMEDIATE"
---@field comment? string PostgreSQL; passed over on SQLite

---@class moonbird.CreatePrimaryKeyOptions: moonbird.TimingOptions
---@field sqlite_on_conflict? moonbird.Conflict
---@field postgresql_include? string[]
---@field postgresql_using_index? string a unique index that is there becomes the constraint

---@class moonbird.CreateUniqueOptions: moonbird.CreatePrimaryKeyOptions
---@field postgresql_nulls_not_distinct? boolean

---@param name string|moonbird.FinalName|nil
---@param table_name string
---@param columns string[]
---@param options? moonbird.CreateUniqueOptions
function op.create_unique_constraint(name, table_name, columns, options) end

---@param name string|moonbird.FinalName|nil
---@param table_name string
---@param columns string[]
---@param options? moonbird.CreatePrimaryKeyOptions
function op.create_primary_key(name, table_name, columns, options) end

---@class moonbird.CreateForeignKeyOptions: moonbird.TimingOptions
---@field source_schema? string the same as schema
---@field referent_schema? string
---@field ondelete? moonbird.Action
---@field onupdate? moonbird.Action
---@field match? "FULL"|"SIMPLE"|"PARTIAL"
---@field postgresql_not_valid? boolean the rows that are there are not looked at, until op.validate_constraint

---@param name string|moonbird.FinalName|nil
---@param source_table string
---@param referent_table string
---@param local_columns string[]
---@param remote_columns string[]
---@param options? moonbird.CreateForeignKeyOptions
function op.create_foreign_key(name, source_table, referent_table, local_columns, remote_columns, options) end

---@class moonbird.CreateCheckOptions: moonbird.SchemaOption
---@field postgresql_not_valid? boolean the rows that are there are not looked at, until op.validate_constraint
---@field postgresql_no_inherit? boolean
---@field sqlite_on_conflict? moonbird.Conflict
---@field comment? string PostgreSQL; passed over on SQLite

---@param name string|moonbird.FinalName|nil
---@param table_name string
---@param condition moonbird.Expression
---@param options? moonbird.CreateCheckOptions
function op.create_check_constraint(name, table_name, condition, options) end

---@class moonbird.CreateExcludeOptions: moonbird.TimingOptions
---@field using? string default "gist"
---@field where? moonbird.Expression
---@field postgresql_ops? table<string, string> operator class by column

---PostgreSQL. The elements follow each other, as in Alembic, or are one list.
---@param name string|moonbird.FinalName|nil
---@param table_name string
---@param ... moonbird.Exclusion|moonbird.Exclusion[]|moonbird.CreateExcludeOptions
function op.create_exclude_constraint(name, table_name, ...) end

---@alias moonbird.ConstraintType "unique"|"foreignkey"|"primary"|"check"|"exclude"

---@class moonbird.DropConstraintOptions: moonbird.DropOptions
---@field type_? moonbird.ConstraintType
---@field postgresql_cascade? boolean also what depends on it
---@field columns? string[] SQLite: of a constraint without a name
---@field condition? moonbird.Expression SQLite: of a CHECK without a name

---Drops a constraint by its name. SQLite has constraints without one: then type_ and what the constraint says.
---@param name string|moonbird.FinalName|nil
---@param table_name string
---@param type_? moonbird.ConstraintType
---@param options? moonbird.DropConstraintOptions
---@overload fun(name: string|moonbird.FinalName|nil, table_name: string, options: moonbird.DropConstraintOptions)
function op.drop_constraint(name, table_name, type_, options) end

---Checks the rows that a constraint with postgresql_not_valid passed over. It locks nobody out.
---@param name string|moonbird.FinalName
---@param table_name string
---@param options? moonbird.SchemaOption
function op.validate_constraint(name, table_name, options) end

---@class moonbird.ConstraintCommentOptions: moonbird.ItemCommentOptions
---@field type_? moonbird.ConstraintType for a naming convention that makes the name of it

---Sets the comment of a constraint that is there. Passed over on SQLite, which has no comments.
---@param name string|moonbird.FinalName
---@param table_name string
---@param comment string
---@param options? moonbird.ConstraintCommentOptions
function op.create_constraint_comment(name, table_name, comment, options) end

---@param name string|moonbird.FinalName
---@param table_name string
---@param options? moonbird.ConstraintCommentOptions
function op.drop_constraint_comment(name, table_name, options) end

-- --- batch ---

---Where a column goes in a table that is rebuilt.
---@class moonbird.BatchColumnOptions
---@field insert_before? string
---@field insert_after? string

---What the function of op.batch_alter_table gets: operations without the table's name.
---@class moonbird.BatchOperations
---@field add_column fun(new_column: moonbird.Column, options?: moonbird.AddColumnOptions|moonbird.BatchColumnOptions)
---@field alter_column fun(name: string, options: moonbird.AlterColumnOptions|moonbird.BatchColumnOptions)
---@field drop_column fun(name: string, options?: moonbird.DropOptions)
---@field create_index fun(name: string|moonbird.FinalName|nil, columns: (string|moonbird.Sql)[], options?: moonbird.CreateIndexOptions)
---@field drop_index fun(name: string|moonbird.FinalName, options?: moonbird.DropIndexOptions)
---@field create_unique_constraint fun(name: string|moonbird.FinalName|nil, columns: string[], options?: moonbird.CreateUniqueOptions)
---@field create_primary_key fun(name: string|moonbird.FinalName|nil, columns: string[], options?: moonbird.CreatePrimaryKeyOptions)
---@field create_foreign_key fun(name: string|moonbird.FinalName|nil, referent: string, columns: string[], remote: string[], options?: moonbird.CreateForeignKeyOptions)
---@field create_check_constraint fun(name: string|moonbird.FinalName|nil, condition: moonbird.Expression, options?: moonbird.CreateCheckOptions)
---@field create_exclude_constraint fun(name: string|moonbird.FinalName|nil, ...)
---@field drop_constraint fun(name: string|moonbird.FinalName|nil, type_?: moonbird.ConstraintType, options?: moonbird.DropConstraintOptions)
---@field create_table_comment fun(comment: string)
---@field drop_table_comment fun()
---@field create_constraint_comment fun(name: string|moonbird.FinalName, comment: string, options?: moonbird.ConstraintCommentOptions)
---@field drop_constraint_comment fun(name: string|moonbird.FinalName, options?: moonbird.ConstraintCommentOptions)
---@field create_index_comment fun(name: string|moonbird.FinalName, comment: string, options?: moonbird.ItemCommentOptions)
---@field drop_index_comment fun(name: string|moonbird.FinalName, options?: moonbird.ItemCommentOptions)
---@field execute fun(text: moonbird.Expression, params?: table)
---@field f fun(name: string): moonbird.FinalName
---@field inline_literal fun(value: moonbird.Value): moonbird.Sql

---All but schema and naming_convention matter only where the table is rebuilt.
---@class moonbird.BatchOptions: moonbird.SchemaOption
---@field recreate? "auto"|"always"|"never"
---@field copy_from? moonbird.Item[] the table as it is, for a script (--sql) that did not make it
---@field table_args? moonbird.Item[] constraints that the new table has besides
---@field table_kwargs? table options of the new table: sqlite_strict, sqlite_with_rowid, sqlite_autoincrement
---@field reflect_args? moonbird.Item[] passed over: the table is read from its own text
---@field reflect_kwargs? table passed over
---@field naming_convention? table<string, string|function>
---@field partial_reordering? string[][] orders of columns

---Several changes of one table, made together: a database that must rebuild the table for them does it once.
---@param table_name string
---@param change fun(batch: moonbird.BatchOperations)
---@param options? moonbird.BatchOptions
function op.batch_alter_table(table_name, change, options) end

-- --- data ---

---Runs SQL. Without parameters the text is passed on unread and may hold several statements; with parameters it is one
---statement whose placeholders are `?` (params is a list) or `:name` (params is a table of named values).
---@param text moonbird.Expression
---@param params? moonbird.Value[]|table<string, moonbird.Value>
---@return integer affected rows of the last statement
function op.execute(text, params) end

---@class moonbird.BulkInsertOptions: moonbird.SchemaOption
---@field multiinsert? boolean false: one INSERT for each row

---Inserts rows, many in one statement, in their order. Rows may name different columns: each run of rows with the same
---columns is an INSERT of its own, so a column that a row does not name gets its default; `null` is NULL. No rows:
---nothing happens.
---@param table_name string
---@param rows moonbird.Row[]
---@param options? moonbird.BulkInsertOptions
---@return integer count rows inserted
function op.bulk_insert(table_name, rows, options) end

-- --- control ---

---Runs f outside of the revision's transaction: what came before is committed, each statement in f commits by itself,
---and the revision goes on in a new transaction. For CREATE INDEX CONCURRENTLY, VACUUM and the like.
---@param f fun()
function op.autocommit_block(f) end

---Performs an operation that is given as data: { kind = "drop_table", table = "a" }.
---@param operation table
function op.invoke(operation) end

---A name that is final: no naming convention is applied to it.
---@param name string
---@return moonbird.FinalName
function op.f(name) end

---A value as the database writes it, to be put together with other SQL.
---@param value moonbird.Value
---@return moonbird.Sql
function op.inline_literal(value) end

---The same as `context`.
---@return moonbird.Context
function op.get_context() end

---The same as `db`.
---@return moonbird.Connection
function op.get_bind() end
