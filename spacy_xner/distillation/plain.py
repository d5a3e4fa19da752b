"""What is saved is a pipeline that needs only what its components need: for `ner`, spaCy alone.

Features of composed forms are part of the components: `forms` goes with them.
"""

import copy
from collections.abc import Callable

from spacy.language import Language
from spacy.util import load_config_from_str
from thinc.api import Config

__all__ = ["make_plain_pipeline", "plain_pipeline"]

_OURS = ("corpora", "training", "initialize", "pretraining", "distillation", "paths", "system")
_FORMS = "spacy-xner.composed_forms.v1"
_KEPT_META = "performance"


def make_plain_pipeline() -> Callable[[Language], Language]:
    """Create the callback for `[training.before_to_disk]`."""
    return plain_pipeline


def plain_pipeline(nlp: Language) -> Language:
    """Give a view of a pipeline whose config names nothing of this package but components.

    Sections that only training reads are set back to spaCy's defaults; the components and the
    vocabulary are those of the pipeline itself, which is not changed.

    nlp (Language): The pipeline.
    RETURNS (Language): The same pipeline under a plain config.
    """
    plain = copy.copy(nlp)
    defaults = Language.default_config
    config = load_config_from_str(nlp.config.to_str(), interpolate=True)
    for section in _OURS:
        config.pop(section, None)
    for section in ("corpora", "training", "initialize", "paths", "system"):
        if section in defaults:
            config[section] = copy.deepcopy(defaults[section])
    for hook in ("before_creation", "after_creation", "after_pipeline_creation"):
        # What words look like to the components belongs to them.
        if (config["nlp"].get(hook) or {}).get("@callbacks") != _FORMS:
            config["nlp"][hook] = None
    plain._config = config
    # spaCy writes the components from here, where their variables stand uninterpolated.
    plain._pipe_configs = {
        name: Config({key: value for key, value in block.items() if key != "factory"})
        for name, block in config["components"].items()
    }
    return plain
