"""Judgement: which of somebody's lines are told, in which language, and what the words are."""

from service.notices.rules.choosing import chosen
from service.notices.rules.wording import pages, text

__all__ = ["chosen", "pages", "text"]
