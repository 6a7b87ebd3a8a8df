"""What healthy vendors answer, as params declare it; apart from who asks them, which takes long to import."""

from __future__ import annotations

from pydantic import Field

from lib.clients.probe import Endpoint
from lib.core.section import Section


class ChatwootHealth(Section):
    """What a healthy Chatwoot answers."""

    alive: Endpoint  # answers without a credential
    services: Endpoint  # answers without a credential, with the state of queue and database
    profile: Endpoint  # the token's own user
    account: Endpoint  # the account under launch
    inboxes: Endpoint  # the account's inboxes
    max_clock_skew_s: float = Field(gt=0)  # of the timestamp in `services`: an older one comes from a cache
    canary_conversation: int | None  # kept for this probe alone: resolving it must leave a worker's trace
    canary_label: str = Field(min_length=1)  # a conversation without this label is never touched
    effect_deadline_s: float = Field(gt=0)  # longest a worker may take to leave it


class PublerHealth(Section):
    """What a healthy Publer answers, and how many requests it allows."""

    user: Endpoint  # the key's own user
    workspaces: Endpoint  # the workspaces that the key reaches
    accounts: Endpoint  # the social accounts of the workspace
    requests: int = Field(ge=1)  # at most, in any window
    window_s: float = Field(gt=0)  # over which requests are counted, s
