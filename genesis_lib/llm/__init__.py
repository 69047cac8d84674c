"""Language models: the port and the OpenAI-compatible adapter."""
