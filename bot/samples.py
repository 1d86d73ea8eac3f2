"""The sample logs of dev mode: written on first use, in the state folder's dev part, as sources of their own.

What writes them is loaded where it is used: in production nobody waits for it.
"""

import shutil
from pathlib import Path

from bot.source_settings import SourceSettings
from data.retention.instants import Instant

SEED = 90


def samples_in(folder: Path, *, now: Instant, anew: bool = False) -> Path:
    """Give the folder of the sample logs; written where it is missing, or anew."""
    samples = folder / "samples"
    if anew and samples.exists():
        shutil.rmtree(samples)
    if not samples.exists():
        from data.samples.procall import write_samples

        samples.mkdir(mode=0o700)
        write_samples(samples, now=now, seed=SEED)
    return samples


def sample_settings(root: Path) -> tuple[SourceSettings, ...]:
    """Give the settings of the sources over the sample logs."""
    from data.samples.procall import SAMPLE_SOURCES

    return tuple(
        SourceSettings(
            id=source.id,
            kind="files",
            title=source.title,
            data_kind=source.data_kind,
            root=str(root / source.root),
            include=source.include,
            zone=source.zone,
        )
        for source in SAMPLE_SOURCES
    )
