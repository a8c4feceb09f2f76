"""What a campaign asks of the warehouse: an experiment in mind in, the people it would have had, by columns, out."""
