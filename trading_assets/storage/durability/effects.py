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
    TICKET_COMMITTED = 7, "the ticket is committed"
    STAGING_MADE = 8, "the ticket's staging folder is made"
    STAGING_LOCKED = 9, "the file is made whose lock shows that the folder's owner lives"
    CIRCUMSTANCES_COMMITTED = 10, "the ticket's circumstances are committed: from now on it counts as an attempt"
    WORKSPACE_MADE = 11, "a folder is made within the staging folder, in which the step may write what it likes"
    STAGED_FILE_WRITTEN = 12, "an output is written into the staging folder"
    STAGED_FILE_MOVED = 13, "an output that the step wrote in its workspace is renamed into the staging folder"
    STAGED_FILE_SEALED = 14, "it is made read-only"
    STAGED_FILE_SYNCED = 15, "its bytes and mode are synced"
    OBJECT_NAMED = 16, "a staged file that passed is renamed to its address in the store"
    REPORT_WRITTEN = 17, "the report on a refused file is written beside it, in staging"
    REPORT_SYNCED = 18, "the report is synced"
    REPORT_NAMED = 19, "the report is renamed into quarantine"
    REFUSED_FILE_NAMED = 20, "the refused file is renamed into quarantine, beside its report"
    FOLDER_SYNCED = 21, "a folder on the way from a renamed file up to the lake's root is synced"
    PUBLICATION_COMMITTED = 22, "the pointers of all outputs are committed: the new versions stand"
    REFUSAL_COMMITTED = 23, "the refusal of all outputs is committed: now they are in quarantine"
    FAILURE_COMMITTED = 24, "the failure of an attempt is committed"
    STAGING_REMOVED = 25, "the ticket's staging folder is removed"
    LANDED_FILE_REMOVED = 26, "an imported file is removed whose lines are published"
    OBJECT_NAMED_AGAIN = 27, "an object that a snapshot names gets a second name, in DVC's cache"
    OBJECT_GIVEN_BACK = 28, "an object that came from a remote into DVC's cache gets its name in the store"
    LIST_WRITTEN = 29, "the list of an asset's files is written beside its place in DVC's cache"
    LIST_SYNCED = 30, "the list is synced"
    LIST_NAMED = 31, "the list is renamed to its address"
    SNAPSHOT_COMMITTED = 32, "the snapshot is committed"
    COPY_COMMITTED = 33, "it is committed that a remote has all of a snapshot"
    TEXT_WRITTEN = 34, "the text that names a snapshot's files to DVC is written beside its place in the project"
    TEXT_NAMED = 35, "it is renamed to `data.dvc`"
    WORKSPACE_FILLED = 36, "DVC fills `data/` with copies of a snapshot's files, or a folder goes that it does not name"
    REMOVAL_COMMITTED = 37, "it is committed which objects are removed from the store, and why"
    OBJECT_REMOVED = 38, "an object to which nothing refers is removed, its name in DVC's cache first"


def passing(effect: Effect) -> None:
    """Mark that an effect comes next. Nothing happens here: tests put something in its place."""
