"""Cloud Storage's real rules in front of fake-gcs-server.

`__main__.py` serves, `messages.py` reads requests and talks to the stand-in, `rules.py` decides about names
and preconditions, `proxy.py` holds each kind of request to them.
"""
