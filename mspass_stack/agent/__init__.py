"""Keep the processes of a stack up on the machine where this runs, by one supervisord per stack directory.

It runs inside the plugin for the machine of the user, and on a host behind SSH as a program that is sent there:
hence the standard library only, the words of Python 3.8, and nothing of the rest of the package.
"""
