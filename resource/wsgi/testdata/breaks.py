def application(environ, start_response):
    answer = 41
    breakpoint()
    start_response("200 OK", [])
    return [b"%d" % answer]
