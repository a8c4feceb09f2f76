"""Which errors a user can fix. They are shown in one line, without a traceback."""

# By name, so that `dangol --help` need not load the stages that raise them.
CLEAR = frozenset(
    {
        "DataFolderUnusable",
        "BackupInvalid",
        "BackupRefused",
        "RestoreRefused",
        "InUse",
        "NotOnDisk",
        "PortTaken",
        "RedisMissing",
        "RedisBroken",
        "StartFailed",
        "SettingsInvalid",
        "CitiesUnreadable",
        "SitesInvalid",
        "SecretUnusable",
        "UsersInvalid",
        "NoSuchSite",
        "IngestStalled",
        "FileInvalid",
        "CatalogueFull",
        "DataFileInvalid",
        "Busy",
        "NothingToLearn",
        "ParamsInvalid",
        "Unavailable",
        "CampaignInvalid",
        "SegmentInvalid",
        "TooManyCampaigns",
        "DangolUnreachable",
        "RequestRefused",
        "ModelUnusable",
        "Unprintable",
        "OutcomeUnknown",
    }
)


def is_clear(error: Exception) -> bool:
    """Whether the message alone says what is wrong and what to do."""
    return any(kind.__name__ in CLEAR for kind in type(error).__mro__)
