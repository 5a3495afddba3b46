#!/usr/bin/python3
"""peak_memory.py PCCONVERT FILE…: converts each FILE and prints its exit code, its size and the peak of resident memory, in bytes.

A program of its own, since a child's peak is at least that of the process that it was forked from.
"""
import os
import sys

program, *files = sys.argv[1:]
null = os.open(os.devnull, os.O_RDWR)
for file in files:
    pid = os.posix_spawn(program, [program, file, file + ".safetensors"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 2)])
    _, status, usage = os.wait4(pid, 0)
    print(os.waitstatus_to_exitcode(status), os.path.getsize(file), usage.ru_maxrss * 1024)
