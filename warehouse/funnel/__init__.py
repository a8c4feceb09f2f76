"""The funnel: steps in; how many visitors reached each, by group and over time, and where the others dropped off."""
