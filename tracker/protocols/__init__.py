"""Protocols: a payload of Segment, Snowplow, Matomo or the pixel in, events out."""
