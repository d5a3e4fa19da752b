"""The distillation loop: soft labels in, a spaCy pipeline out."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from timeit import default_timer as timer
from typing import IO, Any

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.loop import (
    DIR_MODEL_LAST,
    clean_output_dir,
    create_before_to_disk_callback,
    create_evaluation_callback,
    update_meta,
)
from spacy.util import registry
from thinc.api import Config, Optimizer, fix_random_seed, set_gpu_allocator
from wasabi.printer import Printer

from ..corpora.locks import lock_folder
from ..errors import XnerError
from .checkpoint import (
    Checkpoint,
    clear_checkpoints,
    keep_averages,
    load_checkpoint,
    save_checkpoint,
)
from .config import (
    Distillation,
    config_digest,
    load_student_config,
    resolve_corpora,
    resolve_distillation,
    settle_entity_weight,
    with_teachers,
)
from .reader import SoftLabelReader
from .saving import save_student
from .student import init_student, told_gold, with_start

__all__ = ["distill"]

Info = dict[str, Any]
_MSG = Printer(no_print=True)


def distill(
    corpus: str | Path | Sequence[str | Path],
    student_config: str | Path | Config,
    output_path: str | Path | None = None,
    *,
    use_gpu: int = -1,
    overrides: Mapping[str, Any] | None = None,
    resume: bool = False,
    stdout: IO[str] = sys.stdout,
    stderr: IO[str] = sys.stderr,
) -> tuple[Language, Path | None]:
    """Train a student from soft labels, as `spacy train` would from gold.

    corpus (Union[str, Path, Sequence]): Soft-label folders; they take the place of the config's
        teachers, which an empty sequence leaves in charge.
    student_config (Union[str, Path, Config]): The student's config.
    output_path (Optional[Union[str, Path]]): Folder for `model-best`, `model-last` and the
        checkpoint.
    use_gpu (int): GPU, or -1; call `require_gpu` first.
    overrides (Optional[Mapping[str, Any]]): Config values by dotted key.
    resume (bool): Go on from the checkpoint in `output_path`.
    stdout (IO): Where progress is printed.
    stderr (IO): Where the logger prints its own trouble.
    RETURNS (Tuple[Language, Optional[Path]]): The student, and the folder of the last model.
    RAISES: XnerError: The config or the soft labels are faulty, there is no such checkpoint, or
        another process writes to `output_path`.
    """
    folders = [corpus] if isinstance(corpus, str | Path) else list(corpus)
    config = with_teachers(load_student_config(student_config, overrides), folders)
    run = _Run.create(config, Path(output_path) if output_path else None, use_gpu)
    if resume and run.output is None:
        raise XnerError("There is nothing to resume without an output folder.")
    lock = lock_folder(run.output) if run.output else None
    try:
        _begin(run, resume, stdout)
        _train(run, stdout, stderr)
    finally:
        if lock:
            lock.release()
    keep_averages(run.nlp, run.settings.optimizer)
    last = run.output / DIR_MODEL_LAST if run.output else None
    if last:
        stdout.write(_MSG.good("Saved pipeline to output directory", last) + "\n")
    return run.nlp, last


def _begin(run: "_Run", resume: bool, stdout: IO[str]) -> None:
    """Go back to the checkpoint, or clear what an earlier run left."""
    for line in filter(None, (f"Pipeline: {run.nlp.pipe_names}", run.doubt)):
        stdout.write(_MSG.info(line) + "\n")
    if resume:
        run.restore()
        stdout.write(_MSG.info(f"Resuming after step {run.at.step}") + "\n")
    elif run.output is not None:
        clean_output_dir(run.output)
        clear_checkpoints(run.output)


def _train(run: "_Run", stdout: IO[str], stderr: IO[str]) -> None:
    """Take all steps; the config's logger hears of each."""
    with run.nlp.select_pipes(disable=run.training["frozen_components"]):
        log_step, finish_logger = run.training["logger"](run.nlp, stdout, stderr)
    try:
        for info, is_best in run.steps():
            if is_best is not None:
                run.save(info, is_best)
            log_step(info if is_best is not None else None)
    finally:
        finish_logger()


@dataclass
class _Run:
    """One distillation: what does not change, and `at`, which says how far it has come."""

    nlp: Language
    reader: SoftLabelReader
    settings: Distillation
    training: dict[str, Any]
    dev_corpus: Any
    output: Path | None
    identity: dict[str, Any]
    doubt: str
    target_gold: str
    at: Checkpoint = field(init=False)

    def __post_init__(self) -> None:
        self.at = Checkpoint(0, 0, 0, 0, 0.0, [], {}, self.identity)

    @classmethod
    def create(cls, config: Config, output: Path | None, use_gpu: int) -> "_Run":
        plain = config.interpolate()
        training = plain.get("training", {})
        allocator = training.get("gpu_allocator")
        if use_gpu >= 0 and allocator:
            set_gpu_allocator(allocator)
        settings = resolve_distillation(plain)
        reader, dev_corpus = resolve_corpora(plain, settings)
        doubt = settle_entity_weight(settings, reader)
        config, start = with_start(config)
        nlp = init_student(config, reader)
        training = registry.resolve(
            nlp.config.interpolate()["training"], schema=ConfigSchemaTraining
        )
        identity = {
            "config": config_digest(plain),
            "soft labels": reader.fingerprint,
            "start": start.fingerprint,
        }
        gold = told_gold([start.target_gold, *reader.target_gold])
        return cls(nlp, reader, settings, training, dev_corpus, output, identity, doubt, gold)

    def restore(self) -> None:
        assert self.output is not None
        self.at = load_checkpoint(self.output, self.identity, self.nlp, self.settings.optimizer)

    def steps(self) -> Iterator[tuple[Info, bool | None]]:
        """Train; as spaCy's `train_while_improving`, yield after every step whether it is best."""
        evaluate = create_evaluation_callback(
            self.nlp, self.dev_corpus, self.training["score_weights"]
        )
        if not self.at.step and self.training["seed"] is not None:
            fix_random_seed(self.training["seed"])
        if self.at.step and self._is_over():
            return
        began = timer() - self.at.seconds
        batches = self._batches()
        batch = next(batches, None)
        if batch is None and not self.at.step:
            raise XnerError("The soft labels hold no document to learn from (all are held out).")
        while batch is not None:
            epoch = self.at.epoch
            self._update(batch)
            following = next(batches, None)
            score = scores = is_best = None
            due = self.at.step % self.training["eval_frequency"] == 0
            # What comes last is evaluated and saved, wherever the run ends.
            if due or following is None or self._is_over():
                score, scores = self._evaluate(evaluate)
                self.at.results.append([score, self.at.step])
                is_best = score >= max(result[0] for result in self.at.results)
            self.at.seconds = timer() - began
            yield self._info(epoch, score, scores), is_best
            if is_best is not None:
                self.at.losses = {}
            every = self.settings.checkpoint_every
            if self.output and (is_best is not None if not every else self.at.step % every == 0):
                save_checkpoint(self.output, self.at, self.nlp, self.settings.optimizer)
            if self._is_over():
                break
            batch = following

    def _batches(self) -> Iterator[list[Example]]:
        self._replay_sizes()
        while not self.settings.max_epochs or self.at.epoch < self.settings.max_epochs:
            skip, found = self.at.batch, False
            for i, batch in enumerate(self._pass(self.at.epoch)):
                found = True
                if i >= skip:
                    yield list(batch)
                    self.at.batch = i + 1
            if not found:
                return
            self.at.epoch, self.at.batch = self.at.epoch + 1, 0

    def _pass(self, epoch: int) -> Iterator[list[Example]]:
        seed = (self.training["seed"] or 0) * 1000 + epoch
        yield from self.settings.batcher(self.reader.shuffled(self.nlp, seed))

    def _replay_sizes(self) -> None:
        """Bring a schedule of batch sizes, which spaCy's batchers use up, to where it stood."""
        if isinstance(getattr(self.settings.batcher, "keywords", {}).get("size"), Iterator):
            for epoch in range(self.at.epoch):
                for _ in self._pass(epoch):
                    pass

    def _update(self, batch: list[Example]) -> None:
        # Listeners and the parser must see the documents in one order, the longest first.
        batch.sort(key=lambda eg: -len(eg.predicted))
        if self.training["before_update"]:
            self.training["before_update"](self.nlp, {"step": self.at.step, "epoch": self.at.epoch})
        frozen = self.training["frozen_components"]
        for name, pipe in self.nlp.pipeline:
            if name not in frozen and hasattr(pipe, "update"):
                if self.nlp.get_pipe_meta(name).factory == self.reader.task.factory:
                    loss = self._learn(pipe, batch)
                    self.at.losses[name] = self.at.losses.get(name, 0.0) + loss
                else:
                    pipe.update(batch, drop=self.settings.dropout, sgd=None, losses=self.at.losses)
            if name in self.training["annotating_components"]:
                for eg in batch:
                    eg.predicted = pipe(eg.predicted)
        for name, pipe in self.nlp.pipeline:
            if name not in frozen and hasattr(pipe, "finish_update"):
                pipe.finish_update(self.settings.optimizer)
        self.settings.optimizer.step_schedules()
        self.at.step += 1
        self.at.words += sum(len(eg.predicted) for eg in batch)

    def _learn(self, pipe: Any, batch: list[Example]) -> float:
        return self.reader.task.update(
            pipe,
            batch,
            drop=self.settings.dropout,
            temperature=self.settings.temperature,
            alpha=self.settings.alpha,
            entity_weight=self.settings.entity_weight or 1.0,
        )

    def _evaluate(self, evaluate: Any) -> tuple[float, dict[str, Any]]:
        optimizer: Optimizer = self.settings.optimizer
        if optimizer.averages:
            with self.nlp.use_params(optimizer.averages):
                return evaluate()
        return evaluate()

    def _info(self, epoch: int, score: float | None, scores: dict[str, Any] | None) -> Info:
        return {
            "epoch": epoch,
            "step": self.at.step,
            "score": score,
            "other_scores": scores,
            "losses": self.at.losses,
            "checkpoints": [tuple(result) for result in self.at.results],
            "seconds": int(self.at.seconds),
            "words": self.at.words,
        }

    def _is_over(self) -> bool:
        if self.settings.max_steps and self.at.step >= self.settings.max_steps:
            return True
        patience = self.training["patience"]
        if not patience or not self.at.results:
            return False
        best_step = -max((score, -step) for score, step in self.at.results)[1]
        return bool(self.at.step - best_step >= patience)

    def save(self, info: Info, is_best: bool) -> None:
        """Write `model-last`, and `model-best` where the score is the best so far."""
        with self.nlp.select_pipes(disable=self.training["frozen_components"]):
            update_meta(self.training, self.nlp, info)
        self.nlp.meta["target_gold"] = self.target_gold
        if self.output is None:
            return
        before_to_disk = create_before_to_disk_callback(self.training["before_to_disk"])
        with self.nlp.use_params(self.settings.optimizer.averages or {}):
            last = save_student(before_to_disk(self.nlp), self.output, is_best)
        info["output_path"] = str(last)
