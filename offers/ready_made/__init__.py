"""Ready-made messages: a language comes in; campaigns and the segments that they need go out, as drafts to be read."""
