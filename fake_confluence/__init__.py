"""A small Confluence Cloud site on a local socket, for tests, the demo and benchmarks.

    from fake_confluence import Content, Fault, Service, serve

    with serve(Service(Content(pages=620), faults=[Fault(kind="status", status=503)])) as site:
        site.config  # {"email": …, "api_token": …, "domain_name": "localhost:38211"}
        site.ca_file  # for REQUESTS_CA_BUNDLE: it speaks TLS with a throw-away certificate
        site.calls  # every request that came, in order

or, as a process of its own that prints commands to read it, `python -m fake_confluence`.

It imitates what the recorded responses of real sites show:

- Basic authentication, the current user, and both ways to refuse a credential: 401, or 404 and 403;
- the lists of pages, blog posts and spaces, with v2's cursors, next links (relative, beginning with
  `/wiki`, the cursor raw or escaped and anywhere in the query), Link headers and at most 250 rows;
- their order: by id, or as `sort` says, both ways; a cursor is the key of the last row (its value
  and its id), and is refused with another `sort`;
- what selects rows: `id`, `space-id` and `status` of pages and blog posts, `ids`, `keys`, `type`
  and `status` of spaces, repeated or with commas, as many as Confluence allows;
  `keys` in capital or in small letters;
- macros, tables, tasks, links and images in bodies, in the storage format; as Atlassian documents
  they have the same text, but no such elements;
- the audit log (newest first, two events in one millisecond, no next link) and the groups, with
  v1's offsets;
- the error bodies of both versions.

It has a clock of its own, which `Date` shows in every response: `Service(…, clock=Clock(90))`.
Pages, blog posts, spaces and the audit log change when a program lets them, even while requests are
answered:

    service.history.edit("65538")  # a new version, dated by the clock
    service.history.move("65538", parent_id=None)  # no new version, unless it is asked for
    service.history.trash("65538")  # `history.py` has all acts

A row that is edited moves to the front of a list that is newest first; who pages there does not see
it any more, as with every keyset. A page in the trash shows no parent; one that is restored is
where it was. The children of what is archived, trashed or purged stay as they are. No row has the
status `deleted`. There is one account; what it may not see is in no list.

The generated rows depend on the seed and the sizes alone. The site responds as quickly as it can,
to any number of requests, unless it is given a `Latency`, a `Limiter` or a `Chance`.

Its lists are the rows of one table, `routes.ROUTES`. To add one, read the first lines of `routes`.

It does not imitate any other parameter (such as `title`, `subtype` and `labels`), nor `sort=title`:
it refuses them with 400 and a reason. Every other path responds with 404. A `limit` above v1's
maximum is lowered silently. Nothing can be written by a request.

Around such sites there can be Atlassian's cloud, with real host names and every kind of credential:

    from fake_confluence.cloud import Cloud, CloudSite
    from fake_confluence.cloud_server import serve_cloud
    from fake_confluence.credentials import Grant

    acme = CloudSite(host="acme.atlassian.net", service=Service(Content(pages=620)))
    with serve_cloud(Cloud(acme, grants={"oauth": Grant(uses=3)})) as running:
        running.environment  # HTTPS_PROXY leads to it; no socket leaves localhost
        running.config("oauth")  # settings for any kind in `credentials.CREDENTIALS`
        running.calls["api.atlassian.com"]  # what that host saw, in order

The gateway looks at the credential first, then at the site, then at the scopes. A path that it does
not know is refused like a missing scope. Tokens expire by the clock of the cloud or after so many
requests, or when a program lets them: `cloud.expire("oauth")`, `cloud.revoke("oauth")`. A refresh
token can be used again for ten minutes.

The cloud has no consent page, no limits besides those of its sites, and refresh tokens do not
expire by their age. All credentials belong to the one account, which sees the same everywhere.
"""

from fake_confluence.clock import Clock
from fake_confluence.content import Content
from fake_confluence.faults import Fault
from fake_confluence.history import History
from fake_confluence.network import Chance, Latency, Limiter, Refuser
from fake_confluence.request import Call
from fake_confluence.server import RunningSite, serve
from fake_confluence.service import Service

__all__ = [
    "Call",
    "Chance",
    "Clock",
    "Content",
    "Fault",
    "History",
    "Latency",
    "Limiter",
    "Refuser",
    "RunningSite",
    "Service",
    "serve",
]
