"""Files that others made, which lie beside the repository; without them their tests are skipped."""

import pathlib

CORPUS = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


def files_in(folder):
    if not (CORPUS / folder).is_dir():
        return []
    return sorted(path for path in (CORPUS / folder).iterdir() if path.is_file())
