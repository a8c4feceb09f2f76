"""A campaign as a marketer judges it: its plan and its effect, for the desk and the API alike."""
