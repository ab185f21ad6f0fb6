"""Judgement: which of somebody's lines are told, in which language, and what the words are."""

from service.notices.rules.choosing import chosen
from service.notices.rules.wording import language_for, pages, text

__all__ = ["chosen", "language_for", "pages", "text"]
