"""Enrolment: decisions in the warehouse in; a campaign's people, each once and for good, with what came of it, out."""
