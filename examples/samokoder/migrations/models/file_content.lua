-- The content of files, each text once: its SHA-256 is the key.
return {
  table("file_contents", {
    column("id", types.char(64), { primary_key = true }),
    column("content", types.text(), { nullable = false }),
  }),
}
