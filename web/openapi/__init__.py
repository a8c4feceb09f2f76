"""The OpenAPI description: one YAML file a tag and the types of answers in; GET /v1/openapi.json out."""
