import sys
if sys.version_info < (3, 8):
    sys.exit("Spindle needs Python 3.8 or later, and %s is %d.%d" % ((sys.executable,) + tuple(sys.version_info[:2])))
def boot():
    import socket
    size, target, threads, processes, mode = sys.argv[1:]
    control = socket.socket(fileno=3)
    control.set_inheritable(False)
    control.setblocking(True)
    program = b""
    while len(program) < int(size):
        piece = control.recv(int(size) - len(program))
        if not piece:
            sys.exit("the server has gone")
        program += piece
    names = {"__name__": "spindle_worker"}
    exec(compile(program, "<spindle worker>", "exec"), names)
    names["main"](control, target, int(threads), int(processes), mode)
boot()
