import os, sys
sys.stderr.write("farewell\n")
os._exit(9)
