"""HTTP serving: requests enter one port; the answers of the tracker, the API, the desk and the demo shop leave."""
