-- What PostgreSQL's system catalogs say of a table. Methods of the dialect (../dialect.lua takes them in); `db` is a
-- connection. Writes nothing.

local catalog = {}

-- For to_regclass(), which looks along the search path where there is no schema.
local function quoted_place(self, table_name, schema)
  return (schema and self:quote(schema) .. "." or "") .. self:quote(table_name)
end

function catalog:has_table(db, table_name, schema)
  local text = [[
SELECT EXISTS (
  SELECT 1 FROM pg_catalog.pg_class
  WHERE oid = to_regclass(CAST(? AS text)) AND relkind IN ('r', 'p', 'v', 'm', 'f')
) AS found]]
  return db:query(text, quoted_place(self, table_name, schema))[1].found
end

-- `cast` is the column's type, or what its domain stands on, without modifiers.
local COLUMNS = [[
WITH RECURSIVE base (attnum, type, modifier) AS (
  SELECT attnum, atttypid, -1
  FROM pg_catalog.pg_attribute
  WHERE attrelid = to_regclass(CAST(? AS text)) AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT base.attnum, t.typbasetype, -1
  FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type
  WHERE t.typtype = 'd'
)
SELECT a.attname AS name,
  format_type(a.atttypid, a.atttypmod) AS type,
  format_type(base.type, -1) AS cast_type,
  NOT (a.attnotnull OR t.typtype = 'd' AND t.typnotnull) AS is_nullable,
  CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default_text,
  a.attgenerated <> '' AS is_generated,
  a.attidentity <> '' AS is_identity,
  (SELECT k.position
   FROM pg_catalog.pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
   WHERE i.indrelid = a.attrelid AND i.indisprimary AND k.attnum = a.attnum AND k.position <= i.indnkeyatts
  ) AS position
FROM base
JOIN pg_catalog.pg_type AS b ON b.oid = base.type AND b.typtype <> 'd'
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = to_regclass(CAST(? AS text)) AND a.attnum = base.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY a.attnum]]

function catalog:columns(db, table_name, schema)
  local place, list = quoted_place(self, table_name, schema), {}
  for index, row in ipairs(db:query(COLUMNS, place, place)) do
    list[index] = {
      name = row.name,
      type = row.type,
      cast = row.cast_type,
      transport = self:transport(row.cast_type),
      nullable = row.is_nullable,
      default = row.default_text,
      generated = row.is_generated,
      identity = row.is_identity,
      primary = row.position,
    }
  end
  return list
end

-- An index whose order is not the column's own (another collation or operator class) cannot serve ORDER BY the key.
local UNIQUE_KEYS = [[
SELECT c.relname AS name, i.indisprimary AS is_primary, a.attname AS column_name
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = to_regclass(CAST(? AS text))
  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.position <= i.indnkeyatts
  AND NOT EXISTS (
    SELECT 1
    FROM unnest(i.indkey, i.indclass, i.indcollation) WITH ORDINALITY AS o (attnum, class, collation_id, position)
    JOIN pg_catalog.pg_opclass AS class ON class.oid = o.class
    JOIN pg_catalog.pg_attribute AS at ON at.attrelid = i.indrelid AND at.attnum = o.attnum
    WHERE o.position <= i.indnkeyatts AND (NOT class.opcdefault OR o.collation_id <> at.attcollation)
  )
ORDER BY i.indisprimary DESC, c.relname, k.position]]

function catalog:unique_keys(db, table_name, schema)
  local keys = {}
  for _, row in ipairs(db:query(UNIQUE_KEYS, quoted_place(self, table_name, schema))) do
    local key = keys[#keys]
    if not key or key.name ~= row.name then
      key = { name = row.name, columns = {}, primary = row.is_primary }
      keys[#keys + 1] = key
    end
    key.columns[#key.columns + 1] = row.column_name
  end
  return keys
end

-- As the planner counts: the rows per page that ANALYZE or VACUUM found, times the pages of today; for a partitioned
-- table over its leaves.
local ROW_ESTIMATE = [[
SELECT CAST(CASE WHEN bool_and(part.rows IS NOT NULL) THEN sum(part.rows) END AS bigint) AS estimate
FROM (
  SELECT CASE
    WHEN pg_relation_size(c.oid) = 0 THEN 0
    WHEN c.relpages > 0 AND c.reltuples >= 0
      THEN c.reltuples / c.relpages * (pg_relation_size(c.oid) / CAST(current_setting('block_size') AS bigint))
    END AS rows
  FROM (SELECT to_regclass(CAST(? AS text)) AS oid) AS root
  JOIN pg_catalog.pg_class AS c
    ON c.oid = root.oid OR c.oid IN (SELECT relid FROM pg_partition_tree(root.oid) WHERE isleaf)
  WHERE c.relkind IN ('r', 'm')
) AS part]]

function catalog:row_estimate(db, table_name, schema)
  local row = db:query(ROW_ESTIMATE, quoted_place(self, table_name, schema))[1]
  return row and row.estimate
end

return catalog
