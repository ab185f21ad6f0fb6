"""Judgement: which of somebody's lines are told, in which language, what the words are, and what "not mine" does."""

from service.notices.rules.choosing import chosen, held_by
from service.notices.rules.wording import pages, text

__all__ = ["chosen", "held_by", "pages", "text"]
