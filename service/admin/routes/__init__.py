"""The pages, a file for each word of the rail. Each route gathers, shows, and leaves judging to the domains."""

from service.admin.routes import (
    audit,
    backtests,
    cases,
    codes,
    dealers,
    docs,
    documents,
    door,
    lines,
    links,
    marks,
    overview,
    reports,
    response,
    rings,
    rules,
    search,
    you,
)

# The last one answers whatever no other did with a page of its own.
routers = (
    door.router,
    overview.router,
    cases.router,
    documents.router,
    links.router,
    marks.router,
    lines.router,
    reports.router,
    response.router,
    rings.router,
    dealers.router,
    backtests.router,  # before the rules, one of whose addresses would take its own
    rules.router,
    codes.router,
    audit.router,
    search.router,
    you.router,
    docs.router,
    docs.rest,
)
