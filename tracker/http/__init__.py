"""HTTP without a framework: requests, responses, client addresses, and the RSGI interface."""
