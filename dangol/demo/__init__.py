"""The demo: simulated visitors enter a running Dangol over HTTP, and so do the demo shop's products and campaigns."""
