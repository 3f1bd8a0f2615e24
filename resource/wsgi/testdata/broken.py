import os

def application(environ, start_response)
    pass
