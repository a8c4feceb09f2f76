"""Commands enter, and replies of Redis leave: the profile store, the clients, and values cached per site."""
