"""A URL shortener over HTTP: `store` keeps the links, `server` answers requests, `__main__` is the command."""
