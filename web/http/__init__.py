"""What pages and API resources share of HTTP: a request in; its key, parameters and JSON body, or a problem, out."""
