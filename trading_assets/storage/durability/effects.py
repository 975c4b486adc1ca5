"""Every effect that publication and refusal have on disk and in the catalogue, numbered in the order of the data.

The code says `effects.passing(Effect.X)` just before each of them. A process that is killed there, or an error that is
raised there, leaves what a crash between two effects leaves; tests do both at every passing, and show under strace
that no effect is without its passing. What each crash leaves, and what clears it: docs/publishing.md.

Belongs here: the list. Does not: the effects themselves (store, lake, leftovers, attempts, execute).
"""

from enum import IntEnum
from typing import Self


class Effect(IntEnum):
    """One change that a later process could find, or one wait until such a change is safe from a loss of power."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a number that knows what it means."""
        effect = int.__new__(cls, number)
        effect._value_ = number
        effect.meaning = meaning
        return effect

    FOLDER_MADE = 1, "a folder that is missing is made: of staging, store or quarantine, or above them"
    FOLDER_NAME_SYNCED = 2, "the folder that now holds the new one is synced"
    DOOR_OPENED = 3, "the file is made, or opened, whose lock guards the making and sweeping of staging folders"
    DEAD_STAGING_REMOVED = 4, "the staging folder of a dead process is removed"
    HALF_REFUSAL_REMOVED = 5, "a file is removed that a dead process moved to quarantine and did not record"
    TRANSACTION_BEGUN = 6, "a transaction begins: it takes the write lock of the catalogue"
    LAKE_NAMED = 7, "the file is written that says whose lake this is, where nothing was ever published"
    LAKE_NAME_SYNCED = 8, "that file is synced"
    TICKET_COMMITTED = 9, "the ticket is committed"
    STAGING_MADE = 10, "the ticket's staging folder is made"
    STAGING_LOCKED = 11, "the file is made whose lock shows that the folder's owner lives"
    CIRCUMSTANCES_COMMITTED = 12, "the ticket's circumstances are committed: from now on it counts as an attempt"
    WORKSPACE_MADE = 13, "a folder is made within the staging folder, in which the step may write what it likes"
    STAGED_FILE_WRITTEN = 14, "an output is written into the staging folder"
    STAGED_FILE_MOVED = 15, "an output that the step wrote in its workspace is renamed into the staging folder"
    STAGED_FILE_SEALED = 16, "it is made read-only"
    STAGED_FILE_SYNCED = 17, "its bytes and mode are synced"
    OBJECT_NAMED = 18, "a staged file that passed is renamed to its address in the store"
    REPORT_WRITTEN = 19, "the report on a refused file is written beside it, in staging"
    REPORT_SYNCED = 20, "the report is synced"
    REPORT_NAMED = 21, "the report is renamed into quarantine"
    REFUSED_FILE_NAMED = 22, "the refused file is renamed into quarantine, beside its report"
    FOLDER_SYNCED = 23, "a folder on the way from a renamed file up to the lake's root is synced"
    PUBLICATION_COMMITTED = 24, "the pointers of all outputs are committed: the new versions stand"
    REFUSAL_COMMITTED = 25, "the refusal of all outputs is committed: now they are in quarantine"
    FAILURE_COMMITTED = 26, "the failure of an attempt is committed"
    STAGING_REMOVED = 27, "the ticket's staging folder is removed"
    LANDED_FILE_REMOVED = 28, "an imported file is removed whose lines are published"
    OBJECT_NAMED_AGAIN = 29, "an object that a snapshot names gets a second name, in DVC's cache"
    OBJECT_GIVEN_BACK = 30, "an object that came from a remote into DVC's cache gets its name in the store"
    LIST_WRITTEN = 31, "the list of an asset's files is written beside its place in DVC's cache"
    LIST_SYNCED = 32, "the list is synced"
    LIST_NAMED = 33, "the list is renamed to its address"
    SNAPSHOT_COMMITTED = 34, "the snapshot is committed"
    COPY_COMMITTED = 35, "it is committed that a remote has all of a snapshot"
    TEXT_WRITTEN = 36, "the text that names a snapshot's files to DVC is written beside its place in the project"
    TEXT_NAMED = 37, "it is renamed to `data.dvc`"
    WORKSPACE_FILLED = 38, "DVC fills `data/` with copies of a snapshot's files, or a folder goes that it does not name"
    REMOVAL_COMMITTED = 39, "it is committed which objects are removed from the store, and why"
    OBJECT_REMOVED = 40, "an object to which nothing refers is removed, its name in DVC's cache first"


def passing(effect: Effect) -> None:
    """Mark that an effect comes next. Nothing happens here: tests put something in its place."""
