-- Enum types of PostgreSQL: those that columns need, and the operations on them. Methods of the dialect (../dialect.lua
-- takes them in).

local list = require("moonbird.list")
local sql = require("moonbird.sql")

local enums = {}

-- --- text ---

-- "'ok', 'bad'"
local function value_list(self, values)
  local texts = {}
  for index, value in ipairs(values) do
    texts[index] = self:string_literal(value)
  end
  return table.concat(texts, ", ")
end

local function create_text(self, type_)
  return ("CREATE TYPE %s AS ENUM (%s)"):format(self:enum_name(type_), value_list(self, type_.values))
end

-- A dollar quote that does not occur in the text.
function enums.dollar_quoted(_, text)
  local tag = "$$"
  while text:find(tag, 1, true) do
    tag = "$moonbird" .. #tag .. "$"
  end
  return tag .. text .. tag
end

-- CREATE TYPE knows no IF NOT EXISTS.
local function create_if_missing(self, type_)
  local body = (" BEGIN %s; EXCEPTION WHEN duplicate_object THEN NULL; END "):format(create_text(self, type_))
  return "DO " .. self:dollar_quoted(body)
end

-- --- what columns need ---

-- The enum types of new columns, each once. create_table makes them as Alembic does; a column that is added uses the
-- type that is there already. One without values must be there.
function enums:before_table(operation, columns)
  local statements, seen = {}, {}
  for _, column in ipairs(columns) do
    local type_ = column.type.kind == "array" and column.type.element or column.type
    if type_.kind == "enum" and type_.values and type_.create_type ~= false and not seen[self:enum_name(type_)] then
      seen[self:enum_name(type_)] = true
      local is_plain = operation.kind == "create_table" and not operation.if_not_exists
      statements[#statements + 1] = is_plain and create_text(self, type_) or create_if_missing(self, type_)
    end
  end
  return statements
end

-- --- operations ---

function enums:render_create_enum(operation)
  local text = operation.if_not_exists and create_if_missing(self, operation) or create_text(self, operation)
  return { text, self:comment_on("TYPE", operation) }
end

function enums:render_drop_enum(operation)
  return { self:drop_object("TYPE", operation) }
end

local function alter_type(self, operation, format, ...)
  return { ("ALTER TYPE %s "):format(self:enum_name(operation)) .. format:format(...) }
end

function enums:render_rename_enum(operation)
  return alter_type(self, operation, "RENAME TO %s", self:ident(operation.new_name))
end

function enums:render_add_enum_value(operation)
  local place = ""
  for _, word in ipairs({ "before", "after" }) do
    if operation[word] then
      place = (" %s %s"):format(word:upper(), self:string_literal(operation[word]))
    end
  end
  local guard = operation.if_not_exists and "IF NOT EXISTS " or ""
  return alter_type(self, operation, "ADD VALUE %s%s%s", guard, self:string_literal(operation.value), place)
end

function enums:render_rename_enum_value(operation)
  local old, new = self:string_literal(operation.value), self:string_literal(operation.new_value)
  return alter_type(self, operation, "RENAME VALUE %s TO %s", old, new)
end

function enums:render_create_enum_comment(operation)
  return { self:comment_on("TYPE", operation) }
end

function enums:render_drop_enum_comment(operation)
  return { self:comment_on("TYPE", { name = operation.name, schema = operation.schema, comment = sql.null }) }
end

-- --- alter_enum ---

-- The type with its array, and what depends on either or on a column of such a type.
local USERS = [[
WITH kinds AS (
      SELECT k.oid FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_type AS k ON k.oid IN (t.oid, t.typarray)
      WHERE t.oid = kind
    ), users AS (
      SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend AS d
      WHERE d.refclassid = CAST('pg_type' AS regclass) AND d.refobjid IN (SELECT oid FROM kinds)
      UNION
      SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_attribute AS a
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = a.attrelid
        AND d.refobjsubid = a.attnum
      WHERE a.atttypid IN (SELECT oid FROM kinds)
    )]]

-- What the server does not let a new type get past, each with the way around it. Left out is what goes along (columns
-- of tables with their defaults and statistics, indexes, constraints), and what belongs to something that is named.
local OBSTACLES = [[
%(users)s, obstacles AS (
      SELECT CASE WHEN v.relkind = 'm' THEN format('materialized view %s', CAST(v.oid AS regclass))
          WHEN v.relkind = 'v' THEN format('view %s', CAST(v.oid AS regclass))
          WHEN r.oid IS NOT NULL THEN format('partition key of table %s', CAST(r.oid AS regclass))
          WHEN a.attgenerated <> ''
            THEN format('computed column %I of table %s', a.attname, CAST(a.attrelid AS regclass))
          ELSE pg_describe_object(u.classid, u.objid, u.objsubid) END AS what,
        CASE WHEN v.oid IS NOT NULL THEN 'op.drop_view and op.create_view'
          WHEN r.oid IS NOT NULL THEN NULL
          WHEN a.attgenerated <> '' THEN 'op.drop_column and op.add_column'
          WHEN a.attrelid IS NOT NULL THEN 'op.alter_column with server_default'
          WHEN u.classid = CAST('pg_trigger' AS regclass) THEN 'op.drop_trigger and op.create_trigger'
          WHEN u.classid = CAST('pg_proc' AS regclass) THEN 'op.drop_function and op.create_function'
          WHEN u.classid = CAST('pg_policy' AS regclass) THEN 'op.execute with DROP POLICY and CREATE POLICY'
          ELSE 'op.execute with DROP or ALTER and with what makes it again' END AS way
      FROM users AS u
      LEFT JOIN pg_catalog.pg_rewrite AS w ON w.oid = u.objid AND u.classid = CAST('pg_rewrite' AS regclass)
      LEFT JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
      LEFT JOIN pg_catalog.pg_class AS r ON r.oid = u.objid AND u.classid = CAST('pg_class' AS regclass)
        AND r.relkind IN ('r', 'p') AND u.objsubid = 0
      LEFT JOIN pg_catalog.pg_attrdef AS e ON e.oid = u.objid AND u.classid = CAST('pg_attrdef' AS regclass)
      LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
      WHERE NOT (u.classid = CAST('pg_class' AS regclass) AND EXISTS (
          SELECT FROM pg_catalog.pg_class AS o
          WHERE o.oid = u.objid AND o.relkind IN ('i', 'I', 'v', 'm', 'r', 'p')
            AND (u.objsubid <> 0 OR o.relkind NOT IN ('r', 'p'))))
        AND NOT (u.classid = CAST('pg_type' AS regclass) AND u.objid IN (SELECT oid FROM kinds))
        AND (a.attnum IS NULL OR a.attgenerated <> '' OR a.atttypid NOT IN (SELECT oid FROM kinds))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS o
          WHERE o.oid = u.objid AND u.classid = CAST('pg_constraint' AS regclass) AND o.conrelid <> 0)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS o
          WHERE o.oid = u.objid AND u.classid = CAST('pg_trigger' AS regclass)
            AND (o.tgisinternal OR o.tgparentid <> 0))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS o
          WHERE o.oid = u.objid AND u.classid = CAST('pg_statistic_ext' AS regclass) AND o.stxexprs IS NULL)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS o
          WHERE o.classid = u.classid AND o.objid = u.objid AND o.deptype = 'i'
            AND u.classid IN (CAST('pg_proc' AS regclass), CAST('pg_cast' AS regclass)))
      UNION
      SELECT format('partition key of table %s', CAST(p.partrelid AS regclass)), NULL
      FROM pg_catalog.pg_partitioned_table AS p
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
      WHERE a.atttypid IN (SELECT oid FROM kinds)
    )
    SELECT string_agg(what, ', ' ORDER BY way, what), concat_ws('; ',
      'take away before op.alter_enum, and make again behind it: ' || string_agg(DISTINCT way, ', '),
      CASE WHEN bool_or(way IS NULL) THEN 'a partition key keeps its type: op.add_enum_value and op.rename_enum_value '
        || 'can do without a new one, otherwise make a new table' END)
    INTO value, ways FROM obstacles]]

-- Values leave a type only with the type itself: a new one is made under its name, and every column that has the old
-- one gets it. Which columns these are is known on the server alone, so that it is a block there. CHECKs, exclusions,
-- foreign keys, and indexes with an expression or a condition compare with the old type: they go before and come back.
-- Indexes of partitions go with that of the whole table; they come back by their own names and are attached last.
local ALTER = [[

DECLARE
  kind CONSTANT regtype := CAST(%(old_text)s AS regtype);
  kind_text CONSTANT text := CAST(kind AS text);
  note CONSTANT text := obj_description(kind, 'pg_type');
  again text[] := '{}';
  thing record;
  place record;
  value text;
  ways text;
BEGIN
  %(obstacles)s;
  IF value IS NOT NULL THEN
    RAISE dependent_objects_still_exist USING MESSAGE = format('the type %s is used by %s', kind_text, value),
      HINT = ways;
  END IF;
  FOR thing IN
    %(users)s
    SELECT c.contype = 'f' AS is_key, format('ALTER TABLE %s DROP CONSTRAINT %I', table_name, c.conname) AS leave,
      format('ALTER TABLE %s ADD CONSTRAINT %I %s', table_name, c.conname, pg_get_constraintdef(c.oid)) AS make,
      format('COMMENT ON CONSTRAINT %I ON %s IS ', c.conname, table_name)
        || quote_literal(obj_description(c.oid, 'pg_constraint')) AS remark, CAST(NULL AS text) AS move,
      CAST(NULL AS text) AS join
    FROM pg_catalog.pg_constraint AS c CROSS JOIN CAST(c.conrelid AS regclass) AS table_name
    WHERE c.contype IN ('c', 'f', 'x') AND c.conrelid <> 0 AND c.coninhcount = 0 AND c.conparentid = 0
      AND (CAST('pg_constraint' AS regclass), c.oid) IN (SELECT classid, objid FROM users)
    UNION ALL
    SELECT false, CASE WHEN h.inhparent IS NULL THEN format('DROP INDEX %s', index_name) END,
      pg_get_indexdef(i.indexrelid),
      format('COMMENT ON INDEX %s IS ', index_name) || quote_literal(obj_description(i.indexrelid, 'pg_class')),
      format('ALTER INDEX %s SET TABLESPACE ', index_name) || quote_ident(s.spcname),
      'ALTER INDEX ' || CAST(h.inhparent AS regclass) || ' ATTACH PARTITION ' || index_name
    FROM pg_catalog.pg_index AS i CROSS JOIN CAST(CAST(i.indexrelid AS regclass) AS text) AS index_name
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = c.oid
    LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = c.reltablespace
    WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
      AND (CAST('pg_class' AS regclass), i.indexrelid) IN (SELECT classid, objid FROM users)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS o WHERE o.conindid = i.indexrelid)
    ORDER BY 1 DESC, 2
  LOOP
    IF thing.leave IS NOT NULL THEN
      EXECUTE thing.leave;
    END IF;
    again := ARRAY[thing.make, thing.remark, thing.move] || again || thing.join;
  END LOOP;
  ALTER TYPE %(old)s RENAME TO %(spare)s;
  CREATE TYPE %(new)s AS ENUM (%(values)s);
  FOR place IN
    SELECT CAST(CAST(c.oid AS regclass) AS text) AS table_name, quote_ident(a.attname) AS column_name,
      a.atttypid = t.typarray AS is_array, pg_get_expr(d.adbin, d.adrelid) AS default_text
    FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND a.attinhcount = 0
      AND NOT a.attisdropped
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE t.oid = kind
    ORDER BY c.oid, a.attnum
  LOOP
    IF place.default_text IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT', place.table_name, place.column_name);
    END IF;
    EXECUTE format(
      CASE WHEN place.is_array THEN %(array_change)s ELSE %(change)s END, place.table_name, place.column_name);
    IF place.default_text IS NOT NULL THEN
      EXECUTE format(
        CASE WHEN place.is_array THEN %(array_default)s ELSE %(default)s END, place.default_text) INTO value;
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %L', place.table_name, place.column_name, value);
    END IF;
  END LOOP;
  DROP TYPE %(spare_place)s;
  EXECUTE format('COMMENT ON TYPE %s IS %L', %(new_text)s, note);
  FOREACH value IN ARRAY again LOOP
    IF value IS NOT NULL THEN
      EXECUTE %(again)s;
    END IF;
  END LOOP;
END
]]

local function sorted_pairs(map)
  local pairs_ = {}
  for old, new in pairs(map or {}) do
    pairs_[#pairs_ + 1] = { old, new }
  end
  table.sort(pairs_, function(a, b)
    return a[1] < b[1]
  end)
  return pairs_
end

-- Renames that can be done one after the other: where a new name is an old one too, by way of a third.
local function steps_of(rename)
  local is_old, first, second = {}, {}, {}
  for _, pair in ipairs(rename) do
    is_old[pair[1]] = true
  end
  for index, pair in ipairs(rename) do
    first[index], second[index] = { pair[1], "\1" .. pair[2] }, { "\1" .. pair[2], pair[2] }
  end
  for _, pair in ipairs(rename) do
    if is_old[pair[2]] then
      return table.move(second, 1, #second, #first + 1, first)
    end
  end
  return rename
end

-- A literal that goes through format().
local function doubled(self, value)
  return (self:string_literal(value):gsub("%%", "%%%%"))
end

-- An expression of type text or text[] with the new names of values.
local function renamed(self, expression, rename, is_array)
  local text = expression .. (is_array and "::text[]" or "::text")
  if is_array then
    for _, pair in ipairs(steps_of(rename)) do
      text = ("array_replace(%s, %s, %s)"):format(text, doubled(self, pair[1]), doubled(self, pair[2]))
    end
    return text
  end
  local cases = {}
  for index, pair in ipairs(rename) do
    cases[index] = ("WHEN %s THEN %s"):format(doubled(self, pair[1]), doubled(self, pair[2]))
  end
  return #cases == 0 and text or ("CASE %s %s ELSE %s END"):format(text, table.concat(cases, " "), text)
end

-- What was taken away, with the new names of values: the server prints them with their type.
local function made_again(self, rename)
  local text = "value"
  for _, pair in ipairs(steps_of(rename)) do
    local format = "replace(%s, quote_literal(%s) || '::' || kind_text, quote_literal(%s) || '::' || kind_text)"
    text = format:format(text, self:string_literal(pair[1]), self:string_literal(pair[2]))
  end
  return text
end

-- The statement that changes a column, and the query for its default, as texts for format().
local function change_texts(self, operation, suffix, is_array)
  local rename, new = sorted_pairs(operation.rename), (self:enum_name(operation) .. suffix):gsub("%%", "%%%%")
  local change = ("ALTER TABLE %%1$s ALTER COLUMN %%2$s TYPE %s USING (%s)::%s"):format(
    new,
    renamed(self, "%2$s", rename, is_array),
    new
  )
  local default = ("SELECT ((%s)::%s)::text"):format(renamed(self, "(%1$s)", rename, is_array), new)
  return self:string_literal(change), self:string_literal(default)
end

function enums:render_alter_enum(operation)
  local spare = self:fit_name(operation.name .. "_before")
  local words = {
    obstacles = OBSTACLES:gsub("%%%(users%)s", USERS),
    users = USERS,
    old = self:enum_name(operation),
    new = self:enum_name(operation),
    spare = self:ident(spare),
    spare_place = self:table_name(spare, operation.schema),
    old_text = self:string_literal(self:enum_name(operation)),
    new_text = self:string_literal(self:enum_name(operation)),
    again = made_again(self, sorted_pairs(operation.rename)),
    values = value_list(self, operation.values),
  }
  words.change, words.default = change_texts(self, operation, "", false)
  words.array_change, words.array_default = change_texts(self, operation, "[]", true)
  local body = ALTER:gsub("%%%(([%a_]+)%)s", words)
  local statements = { "DO " .. self:dollar_quoted(body) }
  list.add(statements, self:comment_on("TYPE", operation))
  return statements
end

return enums
