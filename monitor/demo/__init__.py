"""The demo's far side: a small invented newspaper on loopback, a webhook receiver beside it, and two topics to watch for.

Everything between the two is the real daemon; see `monitor demo`.
"""
