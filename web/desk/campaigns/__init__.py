"""The pages of campaigns and segments: list, editor, preview, result."""
