"""What the relay says to other developers: its paths and frames, as OpenAPI and AsyncAPI, made from the code itself.

It must not know the log, the sockets or the settings: a page can be printed where no relay runs.
"""
