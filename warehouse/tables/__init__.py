"""Delta tables: schema, rows, files, durability, maintenance and repair."""
