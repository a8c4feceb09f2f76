"""The law on messages, by country: facts of one message enter; whether it is lawful, and what it must carry, leaves."""
