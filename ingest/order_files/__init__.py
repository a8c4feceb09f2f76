"""Orders in the shop's files: tables enter, the transitions of orders that are not known yet leave."""
