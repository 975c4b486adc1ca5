"""Errors a user can act on: each message is one line that says what is wrong and what to do.

Belongs here: errors that cross a stage border or reach a person.
Does not: an error that one module raises and the same module handles.
"""


class TradingAssetsError(Exception):
    """Base of every error that is printed as one line, without a traceback."""


class InvalidIdentifier(TradingAssetsError):
    """An instrument id, a day or a partition key that the allow-list refuses."""


class InvalidSettings(TradingAssetsError):
    """A settings layer has an unknown key or a value of the wrong kind."""


class NotACapture(TradingAssetsError):
    """A file that holds no line of a supported venue, or lines of another market than it was said to."""


class ImpossibleFaults(TradingAssetsError):
    """Faults were asked for that this recording cannot suffer, or an amount of them that is none."""


class NotPublished(TradingAssetsError):
    """A partition was asked for that has no published version."""


class NotExpected(TradingAssetsError):
    """A partition that a step cannot have: its recording holds nothing to make it of. No fault of anything."""


class CorruptObject(TradingAssetsError):
    """A stored file whose bytes are not those that were published."""


class NotKept(TradingAssetsError):
    """A version whose bytes were removed by retention; what it was and was made from is still known."""


class NoSnapshot(TradingAssetsError):
    """A snapshot was asked for that there is not."""


class RemoteFailed(TradingAssetsError):
    """A remote that there is not, cannot be reached, or does not take or have what it should."""


class NotCommitted(TradingAssetsError):
    """A snapshot's text that git did not take; the snapshot itself is there."""


class NotReproduced(TradingAssetsError):
    """A version that cannot be made again as it was; the first difference is named."""


class NotInQuarantine(TradingAssetsError):
    """A refused file was asked for that there is not, or no longer."""


class NotAcceptable(TradingAssetsError):
    """A refused file that must not be published by hand: overtaken, damaged, or made from what no longer stands."""


class LostRace(TradingAssetsError):
    """A publication whose ticket is no longer the newest of its partition; it published nothing."""


class DiskFull(TradingAssetsError):
    """A disk has no room for what is to be published; what stood before still stands."""


class DiskFailed(TradingAssetsError):
    """A disk did not write, sync or read; nothing that it was given on the way is trusted."""


class CatalogFailed(TradingAssetsError):
    """The catalogue's database cannot be reached, opened or used; what was published before still stands."""


class ForeignLake(TradingAssetsError):
    """A lake of another catalogue, into which this one may not publish and of which it may remove nothing."""


class InstanceFailed(TradingAssetsError):
    """Dagster's own storage, of runs and events, that cannot be opened as its configuration describes it."""


class NotABackup(TradingAssetsError):
    """A file that no catalogue can be restored from: another one, damaged, of newer code, or not for this database."""


class BackupExists(TradingAssetsError):
    """A place that a backup cannot be written to without losing what is there."""


class CatalogNotEmpty(TradingAssetsError):
    """A catalogue that has rows, and can therefore not be restored into."""


class NotTrainable(TradingAssetsError):
    """Training days that no model may or can be fitted to: too few rows, too late, or not alike."""


class NotAModel(TradingAssetsError):
    """Bytes that are not a model document of a version this code reads."""


class MissingFeatures(TradingAssetsError):
    """A feature frame without a column that the model was trained on."""


class NotServable(TradingAssetsError):
    """A published table whose rows the tables of consumers cannot hold."""


class NotExportable(TradingAssetsError):
    """A partition that another library's format cannot hold, or a place that must not be written to."""
