"""List every failure: what happened, the likely cause, what to do, who must act, how many retries.

A row's sentences are templates; `Request` supplies what they leave open.
"""

from collections.abc import Mapping
from dataclasses import replace

from airbyte_cdk.models import FailureType

from source_confluence.failures.failure import Failure
from source_confluence.failures.reporting import report_to

_USER_MUST_ACT = FailureType.config_error
_PASSES = FailureType.transient_error
_WE_ARE_WRONG = FailureType.system_error

_FEW_RETRIES = 2
_RETRIES = 5
_RATE_LIMIT_RETRIES = 30

_TRY_LATER = "Run it again later; https://status.atlassian.com shows whether Confluence is down."
_REPORT = (
    "Update the connector; if that does not help, report this message, and the log before it, "
    f"{report_to()}."
)

REDIRECT = Failure(
    happened="{host} sent {path} elsewhere (HTTP {status}).",
    cause="the site has another domain name now, or sends callers it does not know to a login.",
    remedy="Open https://{host}/wiki in a browser and enter the host name the address bar then "
    "shows. If it is the same: {renewal}",
    failure_type=_USER_MUST_ACT,
)
BAD_REQUEST = Failure(
    happened="{host} did not understand our request for {path} (HTTP 400).",
    cause="Atlassian has changed the API, or the position we asked for is no longer valid.",
    remedy="Run it again from the start. " + _REPORT,
    failure_type=_WE_ARE_WRONG,
)
UNAUTHORIZED = Failure(
    happened="{host} did not accept the credentials (HTTP {status}).",
    cause="{refused}.",
    remedy="{renewal}",
    failure_type=_USER_MUST_ACT,
)
SCOPE_MISSING = Failure(
    happened="{host} does not open {path} to these credentials: the scope does not match "
    "(HTTP {status}).",
    cause="they lack the scope {scope}; though Atlassian says the same of a path that it does "
    "not know.",
    remedy="{widening}, or {otherwise}.",
    failure_type=_USER_MUST_ACT,
)
TOKEN_REFUSED = replace(
    UNAUTHORIZED,
    happened="{host} gave no access token at {path} (HTTP {status}, {detail}).",
)
NOT_ATLASSIAN = Failure(
    happened="{server} answered {path} in an unexpected way ({detail}).",
    cause="a firewall or a proxy answers in its place.",
    remedy="Allow outgoing HTTPS to {server}, and run it again. " + _REPORT,
    failure_type=_PASSES,
    max_retries=_FEW_RETRIES,
)
NO_CLOUD_ID = Failure(
    happened="{host} does not say which Confluence Cloud site it is ({detail}).",
    cause="the domain name is not that of a Confluence Cloud site, or is an old one.",
    remedy="Open https://{host}/wiki in a browser and enter the host name the address bar then "
    "shows.",
    failure_type=_USER_MUST_ACT,
    max_retries=1,
)
SITE_NOT_GRANTED = Failure(
    happened="The credentials do not give access to the site that is meant.",
    cause="they are for {detail}.",
    remedy="Enter the domain name of a site that they are for, or get others. {renewal}",
    failure_type=_USER_MUST_ACT,
)
FORBIDDEN = Failure(
    happened="{host} refused {path} (HTTP 403).",
    cause="the account lacks {permission}.",
    remedy="Grant that to the account, or {otherwise}.",
    failure_type=_USER_MUST_ACT,
    # Under load, live sites answered 403 and 404 (`x-cache: Error from cloudfront`) for moments.
    max_retries=_FEW_RETRIES,
)
NOT_FOUND = Failure(
    happened="{host} has nothing at {path} (HTTP 404).",
    cause="the domain name is not that of a Confluence Cloud site, or the account lacks "
    "{permission}.",
    remedy="Open https://{host}/wiki in a browser as that account: enter the host name of the "
    "address bar, grant what is missing, or {otherwise}.",
    failure_type=_USER_MUST_ACT,
    max_retries=_FEW_RETRIES,
)
UNRECOGNISED = replace(
    NOT_FOUND,
    happened="{host} did not recognise the credentials at {path} (HTTP {status}).",
    cause="{refused}; if not, the domain name is that of another site, or the account lacks "
    "{permission}.",
    remedy="{renewal} If that does not help, open https://{host}/wiki in a browser as "
    "that account: enter the host name of the address bar, grant what is missing, or {otherwise}.",
)
GONE = Failure(
    happened="{host} no longer offers {path} (HTTP 410).",
    cause="Atlassian has removed this part of the API.",
    remedy=_REPORT + " Until then, {otherwise}.",
    failure_type=_WE_ARE_WRONG,
)
RATE_LIMITED = Failure(
    happened="{host} asks us to slow down at {path} (HTTP 429).",
    cause="this sync and other programs together use up the site's request limit.",
    remedy="Run it at another time, or less often, or stop what else reads the site.",
    failure_type=_PASSES,
    max_retries=_RATE_LIMIT_RETRIES,
)
WAIT_TOO_LONG = Failure(
    happened="{host} asked us to wait {detail} before {path}, longer than we wait.",
    cause="the site's request limit is used up for a long time, or a proxy set a wrong header.",
    remedy="Run it again after that time.",
    failure_type=_PASSES,
)
UNAVAILABLE = Failure(
    happened="{host} failed to answer {path} (HTTP {status}), again and again.",
    cause="Confluence is overloaded or down.",
    remedy=_TRY_LATER,
    failure_type=_PASSES,
    max_retries=_RETRIES,
)
SERVER_ERROR = replace(UNAVAILABLE, is_of_size=True)
TOO_LARGE = Failure(
    happened="The answer of {host} to {path}, {place}, is too large ({detail}), even for one row.",
    cause="a row of hundreds of megabytes, or something other than Confluence answers there.",
    remedy="Find that row in Confluence and mend it or make it smaller, or {otherwise}. " + _REPORT,
    failure_type=_WE_ARE_WRONG,
    is_of_size=True,
)
UNDECODABLE = replace(
    TOO_LARGE,
    happened="{host} answered {path}, {place}, with a row that cannot be decoded ({detail}).",
    cause="an app or an import has written into that row what is no sound JSON.",
    max_retries=1,
)
UNEXPECTED_STATUS = Failure(
    happened="{host} answered {path} in an unexpected way (HTTP {status}).",
    cause="something other than Confluence Cloud answers there, such as a proxy.",
    remedy="Open https://{host}/wiki in a browser and check the domain name. " + _REPORT,
    failure_type=_WE_ARE_WRONG,
    max_retries=1,
)
NOT_JSON = Failure(
    happened="{host} answered {path} with something else than complete JSON ({detail}).",
    cause="the connection was cut, or a login page, a proxy or another program answers there.",
    remedy="Open https://{host}/wiki in a browser and check that Confluence answers there; then "
    "run it again.",
    failure_type=_PASSES,
    max_retries=_RETRIES,
)
NOT_A_LIST = Failure(
    happened="{host} answered {path} with JSON that is no list of results ({detail}).",
    cause="another program answers at this host, or Atlassian has changed the API.",
    remedy="Check the domain name. " + _REPORT,
    failure_type=_WE_ARE_WRONG,
    max_retries=_FEW_RETRIES,
)
BROKEN_PAGING = Failure(
    happened="{host} does not let us read on in {path}: {detail}.",
    cause="a fault of Confluence, or of a proxy in between.",
    remedy="Run it again; what was read so far is not complete. " + _REPORT,
    failure_type=_WE_ARE_WRONG,
)
SHRUNK = Failure(
    happened="{host} shows much less of {path} than before: {detail}.",
    cause="the account has lost a permission, or much was deleted or archived at once.",
    remedy=(
        "Let the account view the same spaces as before, and run it again. If all of that is gone "
        "indeed, set 'allow_mass_removal' for one sync. Nothing was told as gone so far."
    ),
    failure_type=_USER_MUST_ACT,
)
UNKNOWN_HOST = Failure(
    happened="There is no host {server}.",
    cause="a typing error in the domain name, or this machine cannot look up names.",
    remedy="Enter the host name that the browser's address bar shows on a page of your site, for "
    "example acme.atlassian.net.",
    failure_type=_USER_MUST_ACT,
    max_retries=_FEW_RETRIES,
)
NAME_LOOK_UP = replace(
    UNAVAILABLE,
    happened="The name {server} could not be looked up.",
    cause="the network of this machine has a fault, or the domain name a typing error.",
    remedy="Check both, and run it again.",
)
PROXY = Failure(
    happened="The proxy between us and {server} did not work ({detail}).",
    cause="HTTPS_PROXY names a proxy that is wrong, down, or wants a password.",
    remedy="Correct or remove HTTPS_PROXY, or add {server} to NO_PROXY.",
    failure_type=_PASSES,
    max_retries=_RETRIES,
)
TRUST_STORE = Failure(
    happened="The file with the certificates to trust cannot be used ({detail}).",
    cause="REQUESTS_CA_BUNDLE, or CURL_CA_BUNDLE, names a file that is not there or holds none.",
    remedy="Let it name a file of certificates that this process can read, or remove it.",
    failure_type=_USER_MUST_ACT,
)
PRIVATE_HOST = Failure(
    happened="Airbyte Cloud does not connect to {server}.",
    cause="the name leads to an address in a private network.",
    remedy="Enter the public host name of your site, for example acme.atlassian.net.",
    failure_type=_USER_MUST_ACT,
)
REFUSED = replace(
    UNAVAILABLE,
    happened="{server} refused the connection.",
    cause="a wrong port, or a firewall.",
    remedy="Enter the domain name without a port, and allow outgoing HTTPS to {server}.",
)
CERTIFICATE = Failure(
    happened="The TLS certificate of {server} cannot be trusted.",
    cause="a proxy that inspects TLS, or the wrong host name.",
    remedy="Check the domain name; behind such a proxy, set REQUESTS_CA_BUNDLE to a file with the "
    "usual certificates and the proxy's.",
    failure_type=_USER_MUST_ACT,
)
TIMEOUT = replace(
    UNAVAILABLE,
    happened="{server} did not answer {path} in time.",
    cause="Confluence is overloaded, or a firewall swallows the connection.",
    remedy="Allow outgoing HTTPS to {server}. " + _TRY_LATER,
)
SLOW_ANSWER = replace(TIMEOUT, is_of_size=True)
CONNECTION_LOST = replace(
    UNAVAILABLE,
    happened="The connection to {server} broke while we asked for {path} ({detail}).",
    cause="a fault of the network, or a proxy in between.",
    remedy="Run it again; if it comes back, ask whoever runs the network.",
)
UNFORESEEN = Failure(
    happened="{host} answered {path} in a way we did not foresee ({detail}).",
    cause="a mistake in this connector, or something other than Confluence Cloud answers there.",
    remedy="Check the domain name. " + _REPORT,
    failure_type=_WE_ARE_WRONG,
)
ANONYMOUS = replace(
    UNAUTHORIZED,
    happened="{host} did not recognise the credentials and treats us as an anonymous visitor.",
)
NO_VISIBLE_SPACE = Failure(
    happened="{host} shows us no space.",
    cause="the account may view no space, or the credentials were not recognised.",
    remedy="Log in to https://{host}/wiki as that account. When you see no spaces there, grant "
    "{permission}. When you do: {renewal}",
    failure_type=_USER_MUST_ACT,
)
UNKNOWN_SPACE = Failure(
    happened="{host} shows us no space with the key {detail}.",
    cause="a typing error, the name of a space in place of its key, or a space that the account "
    "may not view.",
    remedy="Open the space in a browser and enter the part behind /spaces/ in its address, for "
    "example ENG in https://{host}/wiki/spaces/ENG/overview; if that is what was entered, let the "
    "account view the space, or remove its key.",
    failure_type=_USER_MUST_ACT,
)
STOPPED = Failure(
    happened="The sync was told to stop ({detail}) before {path} was read to its end.",
    cause="someone cancelled it, or the machine it runs on is being shut down.",
    remedy="Run it again; it resumes where it stopped.",
    failure_type=_PASSES,
)

BY_STATUS: Mapping[int, Failure] = {
    400: BAD_REQUEST,
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    408: TIMEOUT,
    410: GONE,
    413: TOO_LARGE,
    429: RATE_LIMITED,
    503: UNAVAILABLE,
}
"""The statuses with a row of their own; redirects and 5xx share one each."""
