"""Scheduled jobs: when each runs, and the work that needs several folders. A schedule enters; changed stores leave."""
