"""E-commerce events under any name that other products use in; the same under Segment's names and members out."""
