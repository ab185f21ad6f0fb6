"""Every domain's tables, for alembic and for the house tests. The only place but a table's own store that
may import one.
"""

import importlib
import pkgutil

import service
from service.infra.postgres import Base

for found in pkgutil.iter_modules(service.__path__):
    if found.ispkg:
        for room in pkgutil.iter_modules([f"{service.__path__[0]}/{found.name}"]):
            if room.name == "tables":
                importlib.import_module(f"service.{found.name}.tables")

metadata = Base.metadata
