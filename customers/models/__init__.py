"""Models: purchase summaries enter; fitted parameters and what each customer is expected to do leave. No I/O."""
