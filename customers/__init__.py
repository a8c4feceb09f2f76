"""Customer intelligence: what each customer is worth, who is leaving, which groups there are, how right that was."""
