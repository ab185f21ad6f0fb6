"""Readers of pictures (``service.documents.ports.MrzReader``)."""
