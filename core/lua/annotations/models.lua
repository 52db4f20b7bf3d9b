---@meta
-- What a file of models sees beside the constructors of a revision (library.lua, operations.lua): for editors, never
-- loaded.

---@class moonbird.Part a part of a schema

---A table. `table` is Lua's own library that can be called.
---@overload fun(name: string, items: moonbird.Item[], options?: moonbird.TableOptions): moonbird.Part
table = table

---@class moonbird.SchemaOptions
---@field schema? string
---@field comment? string

---An enum type of PostgreSQL; those that columns use need none.
---@param name string
---@param values string[]
---@param options? moonbird.SchemaOptions
---@return moonbird.Part
function enum(name, values, options) end

---@class moonbird.SequencePartOptions: moonbird.SchemaOptions
---@field type? moonbird.Type
---@field start? integer
---@field increment? integer
---@field minvalue? integer
---@field maxvalue? integer
---@field cycle? boolean
---@field cache? integer
---@field owned_by? string|moonbird.ColumnPlace "table.column"

---A sequence that is not a column's own.
---@param name string
---@param options? moonbird.SequencePartOptions
---@return moonbird.Part
function sequence(name, options) end

---@class moonbird.ViewOptions: moonbird.SchemaOptions
---@field columns? string[]
---@field materialized? boolean
---@field indexes? moonbird.Item[] of a materialized one

---A view.
---@param name string
---@param definition moonbird.Expression
---@param options? moonbird.ViewOptions
---@return moonbird.Part
function view(name, definition, options) end
