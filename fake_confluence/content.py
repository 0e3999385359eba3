"""Make up what the site holds: row number `index` of a kind is a function of the seed alone."""

import uuid
from dataclasses import dataclass
from random import Random
from typing import Any

import pendulum

Row = dict[str, Any]

_FIRST_ID = 65_538
_ID_STEP = 1_048_573  # ids soon need more than 32 bits, as on real sites
_ID_KINDS = ("pages", "blog_posts", "space", "body")  # content ids share one number space

_FIRST_DAY = pendulum.datetime(2023, 1, 2, 9)
_NEWEST_EVENT = pendulum.datetime(2026, 6, 30, 12)
_WRITERS = tuple(f"712020:{uuid.UUID(int=number * 7919, version=4)}" for number in range(1, 9))
_SUBJECTS = (
    "Onboarding",
    "Release",
    "Incident",
    "Architecture",
    "Roadmap",
    "Retrospective",
    "Café",
)
_KINDS_OF_TEXT = ("notes", "plan", "guide", "review", "checklist", "decision — draft", "日本語")
_SENTENCES = (
    "The cache is warmed before the first request.",
    "We agreed to keep the old endpoint until March.",
    "Ask in the channel before you change this &amp; tell operations.",
    "Every number on this page comes from the dashboard.",
    "Größe und Zeit stehen in der Tabelle.",
)
_EVENTS = (
    ("User added to group", "Users and groups", "Group"),
    ("Space permission added", "Permissions", "Space"),
    ("Page archived", "Pages", "Page"),
    ("Space configuration updated", "Spaces", "Space"),
)


def content_id(kind: str, index: int) -> int:
    """The id of row `index`; ids rise with the index."""
    return _FIRST_ID + (index * len(_ID_KINDS) + _ID_KINDS.index(kind)) * _ID_STEP


def index_after(kind: str, last_id: int) -> int:
    """The index of the first row whose id is greater than `last_id`."""
    step = len(_ID_KINDS) * _ID_STEP
    return max(0, (last_id - content_id(kind, 0)) // step + 1)


def index_of(kind: str, own_id: int) -> int:
    """The index of the row with that id; -1 when none can have it."""
    index, rest = divmod(own_id - content_id(kind, 0), len(_ID_KINDS) * _ID_STEP)
    return -1 if rest else index


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How much of what the site holds.

    Args:
        seed: The same seed gives the same rows, byte by byte.
        body_bytes: The least size of the body of a page or blog post.
        most_body_bytes: The size of the largest ones; when it is smaller, all are of the least.
    """

    seed: int = 1
    pages: int = 620
    blog_posts: int = 40
    spaces: int = 12
    audit: int = 1_300
    groups: int = 30
    body_bytes: int = 400
    most_body_bytes: int = 0

    def count(self, kind: str) -> int:
        """How many rows of `pages`, `blog_posts`, `space`, `audit` or `group` there are."""
        counts = {
            "pages": self.pages,
            "blog_posts": self.blog_posts,
            "space": self.spaces,
            "audit": self.audit,
            "group": self.groups,
        }
        return counts[kind]

    def row(self, kind: str, index: int) -> Row:
        """One row as the list shows it, with body, description and icon."""
        makers = {
            "pages": self._page,
            "blog_posts": self._blog_post,
            "space": self._space,
            "audit": self._event,
            "group": self._group,
        }
        return makers[kind](index, Random(f"{self.seed}/{kind}/{index}"))

    def rows(self, kind: str) -> list[Row]:
        """All rows, in the order of the list."""
        return [self.row(kind, index) for index in range(self.count(kind))]

    def _page(self, index: int, random: Random) -> Row:
        is_root = index < self.spaces or random.random() < 0.02
        row = self._content("pages", index, random)
        row |= {
            "parentType": None if is_root else "page",
            "parentId": None if is_root else str(content_id("pages", random.randrange(index))),
            "ownerId": random.choice([None, row["authorId"], row["authorId"]]),
            "lastOwnerId": None,
            "position": random.randrange(2**31),
        }
        if random.random() < 0.1:
            row["subtype"] = "live"
        if random.random() < 0.2:
            row["sourceTemplateEntityId"] = str(random.randrange(10**6))
        return row

    def _blog_post(self, index: int, random: Random) -> Row:
        return self._content("blog_posts", index, random)

    def _content(self, kind: str, index: int, random: Random) -> Row:
        """What pages and blog posts have in common."""
        own_id = content_id(kind, index)
        space = int(self.spaces * random.random() ** 2)  # the first spaces are the large ones
        created = _FIRST_DAY.add(minutes=index * 7, seconds=random.randrange(60))
        edits = int(60 * random.random() ** 4)  # few are edited often, a third never
        edited = created.add(hours=int(30_000 * random.random() ** 0.4) if edits else 0)
        key = self._key(space)
        return {
            "createdAt": _timestamp(created, random),
            "authorId": random.choice(_WRITERS),
            "id": str(own_id),
            "version": {
                "number": 1 + edits,
                "message": "" if edits else None,
                "minorEdit": random.random() < 0.1,
                "authorId": random.choice(_WRITERS),
                "createdAt": _timestamp(edited.add(microseconds=11_000), random),
                "ncsStepVersion": random.choice((None, "1", "17")),
            },
            "spaceId": str(content_id("space", space)),
            "status": "archived" if kind == "pages" and random.random() < 0.05 else "current",
            "body": {"storage": {"representation": "storage", "value": self._body(random)}},
            "title": f"{random.choice(_SUBJECTS)} {random.choice(_KINDS_OF_TEXT)} {index + 1}",
            "_links": {
                "editui": f"/pages/resumedraft.action?draftId={own_id}",
                "webui": f"/spaces/{key}/pages/{own_id}",
                "edituiv2": f"/spaces/{key}/pages/edit-v2/{own_id}",
                "tinyui": f"/x/{own_id:x}",
            },
        }

    def _body(self, random: Random) -> str:
        paragraphs: list[str] = []
        size = 0
        wanted = self.body_bytes
        if self.most_body_bytes > wanted:
            wanted = random.randint(wanted, self.most_body_bytes)
        while size < wanted:
            paragraphs.append(f"<p>{random.choice(_SENTENCES)}</p>")
            size += len(paragraphs[-1])
        return "".join(paragraphs)

    def _space(self, index: int, random: Random) -> Row:
        key = self._key(index)
        own_id = str(content_id("space", index))
        is_global = index % 4 != 3
        description = f"All about {random.choice(_SUBJECTS).lower()}."
        return {
            "spaceOwnerId": random.choice(_WRITERS),
            "createdAt": _timestamp(_FIRST_DAY.subtract(days=index), random),
            "authorId": random.choice(_WRITERS),
            "homepageId": str(content_id("pages", index)),
            "icon": {
                "path": f"/wiki/download/attachments/{own_id}/{key}?version=1&api=v2",
                "apiDownloadLink": f"/wiki/rest/api/content/{own_id}/child/attachment/att1",
            }
            if is_global
            else None,
            "name": f"{random.choice(_SUBJECTS)} {index + 1}",
            "key": key,
            "id": own_id,
            "type": "global" if is_global else "personal",
            "description": {
                "plain": {"representation": "plain", "value": description},
                "view": None,
            }
            if random.random() < 0.7
            else None,
            "status": "archived" if index % 9 == 8 else "current",
            "_links": {"webui": f"/spaces/{key}"},
            "currentActiveAlias": key,
        }

    def _key(self, space: int) -> str:
        is_personal = space % 4 == 3
        return f"~{_WRITERS[space % len(_WRITERS)][7:]}{space}" if is_personal else f"SP{space}"

    def _event(self, index: int, random: Random) -> Row:
        summary, category, kind = _EVENTS[index % len(_EVENTS)]
        step = index - 1 if index % 5 == 1 else index  # every fifth shares its millisecond
        happened = _NEWEST_EVENT.subtract(minutes=step)
        return audit_event(
            creation_date=int(happened.timestamp() * 1000),
            author=None if index % 4 == 0 else random.choice(_WRITERS),
            summary=summary,
            category=category,
            affected={"name": f"{kind.lower()}-{index}", "objectType": kind},
            changed=[("Name", "", f"{kind} {index}")] if index % 3 == 0 else [],
        )

    def _group(self, index: int, random: Random) -> Row:
        group_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
        name = f"group {index:06d} of writers"
        return {
            "type": "group",
            "name": name,
            "id": group_id,
            "resourceAri": f"ari:cloud:identity::group/{group_id}",
            "_links": {
                "self": f"https://site.invalid/wiki/rest/experimental/group/{name}".replace(
                    " ", "%20"
                )
            },
        }


def audit_event(  # noqa: PLR0913 (an event has these parts)
    *,
    creation_date: int,
    author: str | None,
    summary: str,
    category: str,
    affected: dict[str, str],
    changed: list[tuple[str, str, str]],
) -> Row:
    """An event of the audit log; without an author, Confluence itself ("System") caused it."""
    who: Row = {"type": "user", "displayName": "System", "operations": None}
    if author is not None:
        who |= {
            "displayName": f"Writer {_WRITERS.index(author) + 1}",
            "username": author,
            "userKey": author,
            "accountId": author,
        }
    who |= {
        "isExternalCollaborator": False,
        "accountType": "",
        "publicName": "Unknown user",
        "externalCollaborator": False,
    }
    return {
        "author": who,
        "remoteAddress": "" if author is None else "192.0.2.7",
        "creationDate": creation_date,
        "summary": summary,
        "description": "",
        "category": category,
        "sysAdmin": False,
        "superAdmin": False,
        "affectedObject": affected,
        "changedValues": [
            {
                "name": name,
                "oldValue": old,
                "newValue": new,
                "hiddenOldValue": "",
                "hiddenNewValue": "",
            }
            for name, old, new in changed
        ],
        "associatedObjects": [{"name": "Handbook", "objectType": "Space"}],
    }


def _timestamp(instant: pendulum.DateTime, random: Random) -> str:
    """`2026-03-19T14:26:45.468Z`; now and then without milliseconds, as real sites do."""
    if random.random() < 0.02:
        return instant.format("YYYY-MM-DDTHH:mm:ss[Z]")
    return instant.format("YYYY-MM-DDTHH:mm:ss.SSS[Z]")
