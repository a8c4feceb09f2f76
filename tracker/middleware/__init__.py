"""What a shop puts into its own application: page requests in, records of agents' fetches out to Dangol."""

from tracker.middleware.dangol_agents import DangolAgents, DangolAgentsASGI

__all__ = ["DangolAgents", "DangolAgentsASGI"]
