"""Simward decides whether a phone line may go live, from papers, possession and behaviour, never from a face.

A registration is opened (``registration``), its document is judged (``documents``), a one-time code proves
that the SIM is in a hand (``otp``), facts become signals and signals a decision that a person can read
(``risk``), and an approved registration becomes a line in service (``lines``). Dealers, subscribers,
operators, staff and audit are the registers around it. ``limits`` says how often anything may be asked.

Facts are gathered outside any transaction, judged by pure functions, and written in one transaction with
the events they caused. Nothing here detects, compares or keeps a face, a finger or a voice.
"""
