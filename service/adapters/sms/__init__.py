"""Senders of messages: the port is :class:`service.otp.ports.Sender`."""
