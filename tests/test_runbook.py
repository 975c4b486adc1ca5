"""The runbook's commands of backup, restore and moving to Postgres, executed as they are written."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import new_project
from live_project import BIN, SMALL
from postgres_server import PostgresServer, postgres_server

pytestmark = [pytest.mark.slow, pytest.mark.sqlite, pytest.mark.timeout(900)]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "runbook.md"
FOLDER, ADDRESS = "/mnt/backups", "postgresql+psycopg://deployment@db.example.org/trading_assets"
RSYNC = '#!/bin/sh\nmkdir -p "$4" && cp -R "$3." "$4"\n'
"""For machines that have none."""


def commands(section: str) -> str:
    """Return the commands of a section of the page."""
    text = PAGE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


def with_roles(server: PostgresServer) -> str:
    """Do what a DBA does first, and return the address of who restores."""
    server.run_sql("CREATE DATABASE trading_assets")
    for role in ("owner", "writer", "reader"):
        server.run_sql(f"CREATE ROLE trading_assets_development_{role} NOLOGIN")
    server.run_sql("CREATE ROLE deployment LOGIN IN ROLE trading_assets_development_owner")
    owned = "CREATE SCHEMA development AUTHORIZATION trading_assets_development_owner"
    server.run_sql(owned, database="trading_assets")
    return server.url(database="trading_assets", user="deployment", sslmode="disable")


@pytest.mark.skipif(shutil.which("unzip") is None, reason="no unzip on this machine")
def test_the_commands_of_backup_restore_and_moving_do_what_the_page_says(tmp_path: Path) -> None:
    project, backups, tools = new_project(tmp_path / "project"), tmp_path / "backups", tmp_path / "tools"
    backups.mkdir()
    tools.mkdir()
    if shutil.which("rsync") is None:
        (tools / "rsync").write_text(RSYNC)
        (tools / "rsync").chmod(0o755)
    environment = {
        **os.environ,
        **SMALL,
        "PATH": os.pathsep.join((str(BIN), str(tools), os.environ["PATH"])),
        "TRADING_ASSETS_ROOT": str(project),
        "TRADING_ASSETS_CATALOG__URL": "sqlite:///var/catalog.sqlite",
    }
    page = "\n".join(
        f"{commands(section)}\ntrading-assets status > '{tmp_path}/status-{n}'"
        for n, section in enumerate(("Back up", "Restore", "From a file to Postgres"))
    )
    assert 1 == page.count(FOLDER) == page.count(ADDRESS)
    publish = "trading-assets simulate -i SIMBTC.BINANCE --minutes 2\ntrading-assets run\n"
    with postgres_server() as server:
        script = publish + page.replace(FOLDER, str(backups)).replace(ADDRESS, with_roles(server))
        done = subprocess.run(
            ["bash", "-euc", script], cwd=project, env=environment, capture_output=True, text=True, check=False
        )

        assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
        assert [(2,)] == server.run_sql(
            "SELECT count(DISTINCT day) FROM development.pointers", database="trading_assets"
        )
    before, restored, moved = ((tmp_path / f"status-{n}").read_text() for n in range(3))
    assert "published" in before
    assert before == restored == moved
    assert 2 == done.stdout.count("now compare the files that it names with their md5")
    assert 2 == done.stdout.count("all good\n") - done.stdout.count(": all good\n")  # of db check
    assert 2 == done.stdout.count(": all good\n")  # of verify
    assert "0 steps of 2 partitions would run" in done.stdout
