"""Reports as pages and the API ask for them: parameters, cache, cancellation, CSV."""
