"""Versions of policy: immutable in PostgreSQL, keyed by a hash of their content, one frozen object in a process.

The files of ``service/policy`` are the seed. What is published is a set of texts (``Sources``); what is used
is a :class:`PolicySet` that was built from them. A version that cannot be built never replaces one that can,
and where none can be had nothing is decided.
"""

from service.policies.model import PolicyRefused, PolicySet, Publication, Sources
from service.policies.rules import build, seed
from service.policies.workflow import Policies

__all__ = ["Policies", "PolicyRefused", "PolicySet", "Publication", "Sources", "build", "seed"]
