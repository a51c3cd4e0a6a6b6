"""Runs a script as a fork of a process that has loaded its libraries (``warm.py``)."""

import json
import os
import socket
import sys

address, path = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.connect(address)
socket.send_fds(server, [b"\n"], [0, 1, 2])
server.sendall(json.dumps([os.getcwd(), path, dict(os.environ)]).encode() + b"\n")
status = server.makefile().readline()
if not status:  # it asks for what can't be given to a fork
    os.execv(sys.executable, [sys.executable, path])
sys.exit(int(status) if int(status) >= 0 else 128 - int(status))
