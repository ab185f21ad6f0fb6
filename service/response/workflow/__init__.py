"""The verbs: follow reports, act on a line and take it back, propose and carry out an action on a ring."""

from collections.abc import Callable

from service.infra.crypto import Vault
from service.infra.postgres import Database
from service.lines.model import RetryPolicy
from service.lines.workflow import Lines
from service.response.model import ResponsePolicy
from service.response.ports import HolderNotice
from service.response.workflow.actions import Actions, Tools
from service.response.workflow.acts import note_act
from service.response.workflow.appealing import AppealLinks, Appeals, Operators
from service.response.workflow.following import Following
from service.response.workflow.judging import Judging
from service.response.workflow.rings import RingFinder, Rings
from service.response.workflow.telling import BATCH, Telling
from service.risk.rules import RiskPolicy
from service.risk.workflow import Risk
from service.subscribers.workflow import Subscribers

__all__ = ["BATCH", "AppealLinks", "Response", "RingFinder"]


class Response:
    """The parts of the response, built once over the domains that it composes."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        subscribers: Subscribers,
        lines: Lines,
        risk: Risk,
        finder: RingFinder,
        notices: HolderNotice,
        risk_policy: Callable[[], RiskPolicy],
        links: AppealLinks,
        operators: Operators,
        policy: Callable[[], ResponsePolicy] = ResponsePolicy,
        retry: RetryPolicy | None = None,
    ) -> None:
        tools = Tools(db, lines, risk, notices, policy, retry or RetryPolicy(), risk_policy)
        self._tools = tools
        lines.note_act = note_act
        self.actions = Actions(tools)
        self.judging = Judging(self.actions, vault, subscribers)
        self.appeals = Appeals(db, self.judging, links, operators)
        self.rings = Rings(self.actions, finder, risk_policy)
        self.telling = Telling(self.actions, links)
        self.following = Following(self.actions, self.rings)

    @property
    def policy(self) -> ResponsePolicy:
        """The version in force."""
        return self._tools.policy
