"""Events and their facts enter, and the current profile of each visitor leaves."""
