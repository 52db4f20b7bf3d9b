---@meta
-- What a revision sees, for editors (LuaCATS). Never loaded. Implemented in op.lua, items.lua, types.lua, sql.lua and
-- revision.lua; db, log, context and json by the program. The operations on the schema are in operations.lua beside it.

-- --- values ---

---Raw SQL text: `sql "now()"`.
---@class moonbird.Sql
local Sql = {}

---Bytes, where a string would be taken for text.
---@class moonbird.Blob
local Blob = {}

---A name to which no naming convention is applied: op.f("name").
---@class moonbird.FinalName
local FinalName = {}

---SQL NULL where Lua's nil would just be a missing field.
---@class moonbird.Null
null = {}

---Raw SQL, put into the statement as it is. `sql "now()"` becomes CURRENT_TIMESTAMP on SQLite.
---@param text string
---@return moonbird.Sql
function sql(text) end

---A string of bytes, to be stored as binary data.
---@param bytes string
---@return moonbird.Blob
function blob(bytes) end

---@alias moonbird.Value string|number|boolean|moonbird.Sql|moonbird.Blob|moonbird.Null
---@alias moonbird.Expression string|moonbird.Sql
---@alias moonbird.Row table<string, moonbird.Value>

-- --- types ---

---A column type, as data.
---@class moonbird.Type
---@field kind string

---@class moonbird.TextOptions
---@field collation? string

---@class moonbird.TimeOptions
---@field timezone? boolean WITH TIME ZONE; SQLite keeps dates and times as text and passes it over
---@field precision? integer digits of a second

---@class moonbird.IntervalOptions
---@field fields? string "DAY TO SECOND"
---@field precision? integer

---@class moonbird.EnumOptions
---@field schema? string schema of the type
---@field create_type? boolean PostgreSQL: false if the type exists already
---@field create_constraint? boolean SQLite: true for a CHECK of the values

---@class moonbird.ArrayOptions
---@field dimensions? integer default 1

types = {}

---@return moonbird.Type
function types.smallint() end

---@return moonbird.Type
function types.integer() end

---@return moonbird.Type
function types.bigint() end

---@return moonbird.Type
function types.boolean() end

---@param options? moonbird.TextOptions
---@return moonbird.Type
function types.text(options) end

---@param length? integer
---@param options? moonbird.TextOptions
---@return moonbird.Type
function types.varchar(length, options) end

---@param length? integer
---@param options? moonbird.TextOptions
---@return moonbird.Type
function types.char(length, options) end

---@param precision? integer
---@return moonbird.Type
function types.float(precision) end

---@return moonbird.Type
function types.double() end

---@param precision? integer
---@param scale? integer
---@return moonbird.Type
function types.numeric(precision, scale) end

---@return moonbird.Type
function types.date() end

---@param options? moonbird.TimeOptions
---@return moonbird.Type
function types.time(options) end

---TIMESTAMP; DATETIME on SQLite.
---@param options? moonbird.TimeOptions
---@return moonbird.Type
function types.timestamp(options) end

---INTERVAL; TEXT on SQLite.
---@param options? moonbird.IntervalOptions
---@return moonbird.Type
function types.interval(options) end

---BYTEA; BLOB on SQLite.
---@param length? integer
---@return moonbird.Type
function types.blob(length) end

---@return moonbird.Type
function types.json() end

---JSONB; JSON on SQLite.
---@return moonbird.Type
function types.jsonb() end

---UUID; CHAR(36) on SQLite.
---@return moonbird.Type
function types.uuid() end

---An enum type; VARCHAR of the longest value on SQLite. On PostgreSQL op.create_table makes the type first;
---op.add_column uses the type that is there, or makes it. Without values: the enum that stands elsewhere in the models
---with its values, in a revision the type that is there (PostgreSQL).
---@param name string
---@param values? string[]
---@param options? moonbird.EnumOptions
---@return moonbird.Type
function types.enum(name, values, options) end

---@param element moonbird.Type
---@param options? moonbird.ArrayOptions
---@return moonbird.Type
function types.array(element, options) end

---A type written in SQL: `types.raw "tsvector"`. A column of SQLite may have no type: `types.raw ""`.
---@param text moonbird.Expression
---@param options? moonbird.TextOptions
---@return moonbird.Type
function types.raw(text, options) end

-- --- items of a table ---

---@class moonbird.Item
---@field kind string

---@class moonbird.Column: moonbird.Item
---@field name string
---@field type moonbird.Type

---@alias moonbird.Action "CASCADE"|"RESTRICT"|"NO ACTION"|"SET NULL"|"SET DEFAULT"

---What SQLite does with a row that does not fit; "abort" where nothing is said.
---@alias moonbird.Conflict "rollback"|"abort"|"fail"|"ignore"|"replace"

---@class moonbird.KeyOptions
---@field name? string|moonbird.FinalName
---@field ondelete? moonbird.Action
---@field onupdate? moonbird.Action
---@field deferrable? boolean
---@field initially? "DEFERRED"|"IMMEDIATE"
---@field match? "FULL"|"SIMPLE"|"PARTIAL"
---@field not_valid? boolean PostgreSQL: the rows that are there are not looked at, until op.validate_constraint
---@field postgresql_not_valid? boolean
---@field comment? string PostgreSQL; passed over on SQLite

---The referenced column first: `{ "people.id", ondelete = "CASCADE" }`; or table, column and schema by name.
---@class moonbird.Reference: moonbird.KeyOptions
---@field [1]? string
---@field table? string
---@field column? string
---@field schema? string

---@class moonbird.Identity
---@field always? boolean GENERATED ALWAYS instead of BY DEFAULT
---@field start? integer
---@field increment? integer
---@field minvalue? integer
---@field maxvalue? integer
---@field cache? integer
---@field cycle? boolean

---The identity of a column that exists; null takes a limit away.
---@class moonbird.ChangedIdentity
---@field always? boolean
---@field start? integer
---@field restart? integer|true the next number; true: from its start
---@field increment? integer
---@field minvalue? integer|moonbird.Null
---@field maxvalue? integer|moonbird.Null
---@field cache? integer
---@field cycle? boolean

---@class moonbird.Computed
---@field [1] moonbird.Expression
---@field persisted? boolean true: STORED, false: VIRTUAL; without it STORED on PostgreSQL, VIRTUAL on SQLite

---@class moonbird.ColumnOptions
---@field nullable? boolean default true, but false for the primary key
---@field server_default? string|number|boolean|moonbird.Sql|moonbird.Null a literal, or `sql "..."`
---@field primary_key? boolean an integer that is the whole key is numbered by the database (see autoincrement)
---@field autoincrement? boolean|"auto" false: the database does not number the key. PostgreSQL numbers by GENERATED BY
---DEFAULT AS IDENTITY, SQLite by the rowid
---@field unique? boolean
---@field index? boolean an index ix_TABLE_COLUMN; a unique one together with unique
---@field comment? string PostgreSQL; passed over on SQLite
---@field references? string|moonbird.Reference "table.column" or "schema.table.column"
---@field foreign_key? string|moonbird.Reference the same as references
---@field check? moonbird.Expression
---@field computed? moonbird.Expression|moonbird.Computed
---@field identity? boolean|moonbird.Identity
---@field sqlite_on_conflict_not_null? moonbird.Conflict
---@field sqlite_on_conflict_primary_key? moonbird.Conflict
---@field sqlite_on_conflict_unique? moonbird.Conflict

---A column: `column("id", types.integer(), { primary_key = true })`.
---@param name string
---@param type moonbird.Type
---@param options? moonbird.ColumnOptions
---@return moonbird.Column
function column(name, type, options) end

---@class moonbird.PrimaryKeySpec
---@field [integer] string
---@field columns? string[]
---@field name? string|moonbird.FinalName
---@field deferrable? boolean
---@field initially? "DEFERRED"|"IMMEDIATE"
---@field include? string[] PostgreSQL
---@field comment? string PostgreSQL; passed over on SQLite
---@field sqlite_on_conflict? moonbird.Conflict

---`primary_key { "a", "b", name = "t_pk" }`
---@param spec moonbird.PrimaryKeySpec
---@return moonbird.Item
---@overload fun(...: string|table): moonbird.Item
function primary_key(spec) end

---@class moonbird.UniqueSpec: moonbird.PrimaryKeySpec
---@field nulls_not_distinct? boolean PostgreSQL

---`unique { "a", "b", name = "t_ab" }`
---@param spec moonbird.UniqueSpec
---@return moonbird.Item
---@overload fun(...: string|table): moonbird.Item
function unique(spec) end

---For names that have a dot themselves.
---@class moonbird.ReferencedColumns
---@field table string
---@field column? string
---@field columns? string[]
---@field schema? string

---@class moonbird.ForeignKeySpec: moonbird.KeyOptions
---@field [integer] string
---@field columns? string[]
---@field references string|string[]|moonbird.ReferencedColumns "table.column", one for each column

---`foreign_key { "a", references = "o.id", ondelete = "CASCADE" }`, or `foreign_key({ "a" }, { "o.id" }, options)`.
---@param spec moonbird.ForeignKeySpec
---@return moonbird.Item
---@overload fun(columns: string[], references: string[]|moonbird.ReferencedColumns, options?: moonbird.KeyOptions): moonbird.Item
function foreign_key(spec) end

---@class moonbird.CheckOptions
---@field name? string|moonbird.FinalName
---@field not_valid? boolean PostgreSQL: the rows that are there are not looked at, until op.validate_constraint
---@field no_inherit? boolean PostgreSQL: not for the tables that inherit from this one
---@field postgresql_not_valid? boolean
---@field postgresql_no_inherit? boolean
---@field comment? string PostgreSQL; passed over on SQLite
---@field sqlite_on_conflict? moonbird.Conflict

---`check("a < b", { name = "a_below_b" })`
---@param condition moonbird.Expression
---@param options? moonbird.CheckOptions
---@return moonbird.Item
function check(condition, options) end

---What an index may have besides its columns. An option that only one database has is written with its name where the
---script serves several: postgresql_using, sqlite_where.
---@class moonbird.IndexDetails
---@field unique? boolean
---@field where? moonbird.Expression a partial index
---@field using? string PostgreSQL: "gin", "gist", "hash" ...
---@field include? string[] PostgreSQL
---@field ops? table<string, string> PostgreSQL: operator class by column
---@field with? table<string, string|number|boolean> PostgreSQL: storage parameters
---@field tablespace? string PostgreSQL
---@field nulls_not_distinct? boolean PostgreSQL
---@field postgresql_where? moonbird.Expression
---@field postgresql_using? string
---@field postgresql_include? string[]
---@field postgresql_ops? table<string, string>
---@field postgresql_with? table<string, string|number|boolean>
---@field postgresql_tablespace? string
---@field postgresql_nulls_not_distinct? boolean
---@field sqlite_where? moonbird.Expression
---@field comment? string PostgreSQL; passed over on SQLite

---@class moonbird.IndexSpec: moonbird.IndexDetails
---@field [integer] string|moonbird.Sql
---@field name? string|moonbird.FinalName default ix_TABLE_COLUMN_...

---An index in op.create_table: `index { "a", sql "lower(b)", name = "ix_ab", unique = true }`.
---@param spec moonbird.IndexSpec
---@return moonbird.Item
---@overload fun(...: string|moonbird.Sql|table): moonbird.Item
function index(spec) end

---An element of an EXCLUDE constraint and the operator by which two rows are compared: `{ "room", "=" }`.
---@class moonbird.Exclusion
---@field [1] string|moonbird.Sql
---@field [2] string

---@class moonbird.ExcludeSpec
---@field [integer] moonbird.Exclusion
---@field name? string|moonbird.FinalName
---@field using? string default "gist"
---@field where? moonbird.Expression
---@field ops? table<string, string> operator class by column
---@field deferrable? boolean
---@field initially? "DEFERRED"|"IMMEDIATE"
---@field comment? string

---PostgreSQL: `exclude { { "room", "=" }, { "during", "&&" }, using = "gist" }`
---@param spec moonbird.ExcludeSpec
---@return moonbird.Item
function exclude(spec) end

-- --- operations ---

---Options that begin with the name of another database (mysql_engine, mssql_clustered) are passed over.
op = {}

---How many rows a batch has.
---@class moonbird.BatchSize
---@field target_ms? integer duration that a batch aims at; default 500, on SQLite 100
---@field start? integer rows of the first batch, default 1000
---@field min? integer default 10
---@field max? integer default 50000

---What a row function gets besides the row.
---@class moonbird.RowBatch
---@field delete lightuserdata returned for a row that is to be deleted
---@field id string the same when the batch is done again: a key for what has effects outside of the database
local RowBatch = {}

---A copy of a row that may be kept; the row itself is filled anew for each call.
---@param row table<string, string|number|boolean>
---@return table<string, string|number|boolean>
function RowBatch:copy(row) end

---Writes a row into another table, in the transaction of the batch.
---@param table_name string
---@param row table<string, moonbird.Value>
---@param schema? string
function RowBatch:insert(table_name, row, schema) end

---Puts the present row aside: nothing is done with it, and `moonbird backfill bad` shows it with the reason.
---@param reason string
function RowBatch:quarantine(reason) end

---The keys of a batch, as a condition.
---@class moonbird.BatchRange
---@field predicate string SQL with `?` placeholders
---@field values moonbird.Value[]

---What a batch function gets.
---@class moonbird.Batch
---@field range moonbird.BatchRange
---@field rows table<string, string|number|boolean>[] read, and locked, when first asked for; ends the batch where they are too many
---@field count integer rows in the range, whether `where` takes them or not
---@field id string the same when the batch is done again

---What holds a backfill back. Times are seconds or "5s", sizes bytes or "256MiB"; false turns a limit off.
---@class moonbird.Throttle
---@field max_lag? number|string|false how far a replica may be behind
---@field max_lag_bytes? number|string|false the same in bytes of the log
---@field replicas? string|string[] URLs of replicas to ask, instead of those that the server knows
---@field max_slot_wal? number|string|false what a replication slot may keep
---@field max_archive_backlog? number|false segments that may wait for the archive
---@field lock_yield? number|string|false pause when a session waits for a table lock of ours
---@field max_blocked? number|string|false halve the batches when a session waits longer for us
---@field max_wal? number|string|false SQLite: size of the write-ahead log
---@field probe? string|fun(): any|(string|fun(): any)[] nil, false and 0 are go; a text is the reason to wait
---@field flag_file? string wait while this file is there
---@field window? string|string[] work at these times only: "Mon-Fri 22:00-06:00 Europe/Berlin"

---Exactly one of set, row and batch says what is done.
---@class moonbird.Backfill
---@field table string "people"; "shop.people" names its schema too
---@field schema? string
---@field key? string|string[] columns of a unique key, all NOT NULL; default the primary key
---@field columns? string|string[] what row reads besides the key; default all
---@field where? moonbird.Expression only these rows
---@field set? table<string, moonbird.Value> one UPDATE a batch
---@field row? fun(row: table<string, string|number|boolean>, batch: moonbird.RowBatch): table|lightuserdata|nil columns
---to update, nil, or batch.delete
---@field batch? fun(batch: moonbird.Batch) does what it likes in the batch's transaction
---@field size? integer|moonbird.BatchSize
---@field nice? number pause after each batch, in durations of that batch
---@field throttle? moonbird.Throttle|boolean what holds it back; false: nothing
---@field workers? integer connections at once; default 1
---@field on_error? "stop"|"quarantine"
---@field max_bad? integer so many rows may be put aside; default 100
---@field done? moonbird.Expression holds for every finished row
---@field effects? "database"|"external"

---Changes the rows of a table in batches, each a transaction with its checkpoint. What the revision did before is
---committed first; an interrupted backfill goes on where it was.
---@param definition moonbird.Backfill|string a definition, or the name of a file of backfills/
---@param options? { defer?: boolean } defer: a named one is only registered
---@return integer rows
function op.backfill(definition, options) end

---Definitions that everybody needs. Further fields (size, workers, throttle, key ...) go on to the definition.
---@class moonbird.ReadyMade
backfill = {}

---One column's values into another; `with` converts them: "CAST({from} AS bigint)".
---@param given { table: string, from: string, to: string, with?: moonbird.Expression }
---@return moonbird.Backfill
function backfill.copy_column(given) end

---Every row into another table; columns are names, or from = "to".
---@param given { table: string, to: string, columns: table<string|integer, string>, to_schema?: string }
---@return moonbird.Backfill
function backfill.copy_table(given) end

---Deletes what a condition finds.
---@param given { table: string, where: moonbird.Expression }
---@return moonbird.Backfill
function backfill.delete_where(given) end

---Deletes rows whose reference leads nowhere.
---@param given { table: string, column: string, references: string, references_schema?: string, where?: moonbird.Expression }
---@return moonbird.Backfill
function backfill.delete_orphans(given) end

---Of rows with the same values only one stays; NULLs are not the same. `where`: only these rows are looked at.
---@param given { table: string, by: string|string[], key: string|string[], keep?: "first"|"last", where?: moonbird.Expression }
---@return moonbird.Backfill
function backfill.dedupe(given) end

---The number of rows that refer to a row.
---@param given { table: string, counter: string, from: string, column: string, references?: string, from_schema?: string, where?: moonbird.Expression }
---@return moonbird.Backfill
function backfill.reset_counter(given) end

-- --- the connection ---

---@class moonbird.Dialect
---@field name "postgresql"|"sqlite"|string

---The connection that the revision runs on. Placeholders are `?`, or `:name` with one table of named values; they are
---never looked for inside strings. Without values the text is not scanned.
---@class moonbird.Connection
---@field dialect moonbird.Dialect
db = {}

---Runs a statement; gives the rows affected.
---@param text string
---@param ... moonbird.Value|table<string, moonbird.Value>|nil
---@return integer affected
function db:exec(text, ...) end

---All rows. SQL NULL is nil; numeric, dates, JSON and UUID are strings.
---@param text string
---@param ... moonbird.Value|table<string, moonbird.Value>|nil
---@return table<string, string|number|boolean>[]
function db:query(text, ...) end

---Iterates over rows without holding them all: `for row in db:rows("SELECT ...") do ... end`.
---@param text string
---@param ... moonbird.Value|table<string, moonbird.Value>|nil
---@return fun(): table<string, string|number|boolean>|nil
function db:rows(text, ...) end

---The first row, or nil.
---@param text string
---@param ... moonbird.Value|table<string, moonbird.Value>|nil
---@return table<string, string|number|boolean>|nil
function db:one(text, ...) end

---The first column of the first row, or nil.
---@param text string
---@param ... moonbird.Value|table<string, moonbird.Value>|nil
---@return string|number|boolean|nil
function db:scalar(text, ...) end

---Runs f so that its changes are kept or taken back as a whole; an error is passed on after they were taken back.
---@param f fun()
function db:transaction(f) end

-- --- other ---

log = {}

---@param ... any
function log.info(...) end

---@param ... any
function log.warn(...) end

---@param ... any
function log.error(...) end

---What the revision may know of the run.
---@class moonbird.Context
---@field direction "upgrade"|"downgrade"
---@field revision string the id of this revision
---@field summary string its first line
---@field dialect string
---@field offline boolean true with --sql
---@field tag? string what --tag says
---@field x table<string, string> the -x arguments
---@field url string without the password
context = {}

json = {}

---JSON null is `null`; a table with the keys 1 to n is an array, every other one an object, its
---keys in order.
---@param value any
---@return string
function json.encode(value) end

---@param text string
---@return any
function json.decode(text) end

---Marks a table as an array, an empty one too.
---@param list table
---@return table
function json.array(list) end
