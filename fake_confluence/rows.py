"""Generate the rows: row `index` of a list depends on the seed and the sizes alone."""

import uuid
from dataclasses import dataclass
from random import Random
from typing import Any

from fake_confluence.bodies import body
from fake_confluence.clock import milliseconds, timestamp

Row = dict[str, Any]

_FIRST_ID = 65_538
_ID_STEP = 1_048_573  # ids soon need more than 32 bits, as on real sites
_ID_SLOTS = 4  # pages, blog posts and spaces share one number space; one slot is free

PAGE_IDS, BLOG_POST_IDS, SPACE_IDS = (
    range(_FIRST_ID + slot * _ID_STEP, 2**62, _ID_SLOTS * _ID_STEP) for slot in range(3)
)
"""The ids of all possible rows; they increase with the index."""

_MINUTE = 60_000  # in milliseconds, as all instants here
_HOUR = 60 * _MINUTE
_FIRST_DAY = milliseconds("2023-01-02T09:00:00Z")
_NEWEST_EVENT = milliseconds("2026-06-30T12:00:00Z")
_ROWS_AFTER_FIRST_DAY = 5_000  # what more there is was created before: no row is newer than that
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
_EVENTS = (
    ("User added to group", "Users and groups", "Group"),
    ("Space permission added", "Permissions", "Space"),
    ("Page archived", "Pages", "Page"),
    ("Space configuration updated", "Spaces", "Space"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many rows each list of the site has, and how large bodies are.

    Args:
        seed: The same seed gives the same rows, byte by byte.
        body_bytes: The smallest body of a page or blog post.
        most_body_bytes: The largest one; when it is less than `body_bytes`, all are the smallest.
    """

    seed: int = 1
    pages: int = 620
    blog_posts: int = 40
    spaces: int = 12
    audit: int = 1_300
    groups: int = 30
    body_bytes: int = 400
    most_body_bytes: int = 0


def page(sizes: Sizes, index: int, random: Random) -> Row:
    """A page; some have no parent, and the first ones never."""
    is_root = index < sizes.spaces or random.random() < 0.02
    row = _content(sizes, PAGE_IDS, index, random)
    row |= {
        "parentType": None if is_root else "page",
        "parentId": None if is_root else str(PAGE_IDS[random.randrange(index)]),
        "ownerId": random.choice([None, row["authorId"], row["authorId"]]),
        "lastOwnerId": None,
        "position": random.randrange(2**31),
    }
    if random.random() < 0.1:
        row["subtype"] = "live"
    if random.random() < 0.2:
        row["sourceTemplateEntityId"] = str(random.randrange(10**6))
    return row


def blog_post(sizes: Sizes, index: int, random: Random) -> Row:
    """A blog post."""
    return _content(sizes, BLOG_POST_IDS, index, random)


def _content(sizes: Sizes, ids: range, index: int, random: Random) -> Row:
    """What pages and blog posts have in common."""
    own_id = ids[index]
    space = int(sizes.spaces * random.random() ** 2)  # the first spaces are the large ones
    created = _created(sizes, ids, index) + 1000 * random.randrange(60)
    edits = int(60 * random.random() ** 4)  # few are edited often, a third never
    edited = created + (_HOUR * int(30_000 * random.random() ** 0.4) if edits else 0)
    return {
        "createdAt": _timestamp(created, random),
        "authorId": random.choice(_WRITERS),
        "id": str(own_id),
        "version": {
            "number": 1 + edits,
            "message": "" if edits else None,
            "minorEdit": random.random() < 0.1,
            "authorId": random.choice(_WRITERS),
            "createdAt": _timestamp(edited + 11, random),
            "ncsStepVersion": random.choice((None, "1", "17")),
        },
        "spaceId": str(SPACE_IDS[space]),
        "status": "archived" if ids is PAGE_IDS and random.random() < 0.05 else "current",
        "body": {"storage": {"representation": "storage", "value": _body(sizes, index, random)}},
        "title": f"{random.choice(_SUBJECTS)} {random.choice(_KINDS_OF_TEXT)} {index + 1}",
        "_links": content_links(own_id, SPACE_IDS[space]),
    }


def _created(sizes: Sizes, ids: range, index: int) -> int:
    """When a page or a blog post was created, to the minute."""
    count = sizes.pages if ids is PAGE_IDS else sizes.blog_posts
    return _FIRST_DAY + 7 * _MINUTE * (index - max(count - _ROWS_AFTER_FIRST_DAY, 0))


def content_links(own_id: int, space_id: int) -> Row:
    """The links of a page or a blog post, which depend on its space."""
    key = _key(SPACE_IDS.index(space_id))
    return {
        "editui": f"/pages/resumedraft.action?draftId={own_id}",
        "webui": f"/spaces/{key}/pages/{own_id}",
        "edituiv2": f"/spaces/{key}/pages/edit-v2/{own_id}",
        "tinyui": f"/x/{own_id:x}",
    }


def number_of(own_id: str) -> int:
    """The index of the page, blog post or space that has this id."""
    return (int(own_id) - _FIRST_ID) // (_ID_SLOTS * _ID_STEP)


def _body(sizes: Sizes, index: int, random: Random) -> str:
    wanted = sizes.body_bytes
    if sizes.most_body_bytes > wanted:
        wanted = random.randint(wanted, sizes.most_body_bytes)
    return body(index, wanted, random)


def space(_: Sizes, index: int, random: Random) -> Row:
    """A space; every fourth is personal."""
    key = _key(index)
    own_id = str(SPACE_IDS[index])
    is_global = index % 4 != 3
    description = f"All about {random.choice(_SUBJECTS).lower()}."
    return {
        "spaceOwnerId": random.choice(_WRITERS),
        "createdAt": _timestamp(_FIRST_DAY - 24 * _HOUR * index, random),
        "authorId": random.choice(_WRITERS),
        "homepageId": str(PAGE_IDS[index]),
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


def _key(space: int) -> str:
    is_personal = space % 4 == 3
    return f"~{_WRITERS[space % len(_WRITERS)][7:]}{space}" if is_personal else f"SP{space}"


def event(_: Sizes, index: int, random: Random) -> Row:
    """An event of the audit log, newest first; some share a millisecond."""
    summary, category, kind = _EVENTS[index % len(_EVENTS)]
    step = index - 1 if index % 5 == 1 else index  # every fifth shares its millisecond
    return _audit_event(
        creation_date=_NEWEST_EVENT - _MINUTE * step,
        author=None if index % 4 == 0 else random.choice(_WRITERS),
        summary=summary,
        category=category,
        affected={"name": f"{kind.lower()}-{index}", "objectType": kind},
        changed=[("Name", "", f"{kind} {index}")] if index % 3 == 0 else [],
    )


def group(_: Sizes, index: int, random: Random) -> Row:
    """A group."""
    group_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
    name = f"group {index:06d} of writers"
    return {
        "type": "group",
        "name": name,
        "id": group_id,
        "resourceAri": f"ari:cloud:identity::group/{group_id}",
        "_links": {
            "self": f"https://site.invalid/wiki/rest/experimental/group/{name}".replace(" ", "%20")
        },
    }


def new_event(number: int, creation_date: int) -> Row:
    """An event that is written while the audit log is read."""
    return _audit_event(
        creation_date=creation_date,
        author=None,
        summary="User added to group",
        category="Users and groups",
        affected={"name": f"new-{number}", "objectType": "Group"},
        changed=[],
    )


def _audit_event(  # noqa: PLR0913 (an event has these parts)
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


def _timestamp(instant: int, random: Random) -> str:
    """`2026-03-19T14:26:45.468Z`; now and then without milliseconds, as real sites do."""
    text = timestamp(instant)
    return text.partition(".")[0] + "Z" if random.random() < 0.02 else text
