"""A stand-in for Fly.io: a `flyctl` command, and a platform that runs the pack's app as local processes.

`command` is what an operator starts; it speaks to `service`, one process that keeps apps, releases and
machines, checks their health and routes users' requests to those that are healthy. As at the vendor,
a deploy is driven by the command itself: one that is cut off leaves the machines as they are.
"""
