"""The browser's part: the snippet, its slots, and Matomo's API in front of them."""
