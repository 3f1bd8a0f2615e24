import sys; sys.exit("no configuration")
