"""Random tests print their seed, and take it from the environment to repeat a run."""

import os
import random


def choose_seed():
    seed = int(os.environ.get("H5FLUME_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"H5FLUME_TEST_SEED={seed}")
    return seed
