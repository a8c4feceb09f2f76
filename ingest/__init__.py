"""The consumers: messages of the event log enter; profiles and rows of the warehouse leave."""
