"""Kill runs at random points, go on with them, compare: docs/results/faults.jsonl.

Annotation, projection and distillation are killed with signal 9, half of the time after a random
time and half of the time at a random write, rename or flush; then the same command goes on, and is
killed again, until it is left to finish. With `--ray-kills`, workers of a Ray cluster on this
machine are killed while it annotates. What is under test is made here and tiny, so that a kill
costs a second.
"""

import io
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from tiny_teacher import STUDENT, make_text, make_tiny_teacher
from wasabi import msg

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation.loop import distill
from spacy_xner.errors import XnerError
from spacy_xner.evaluation.results import ResultRows, config_sha, make_row
from spacy_xner.projection.aligners import PharaohAligner
from spacy_xner.projection.parallel import ParallelText
from spacy_xner.projection.project import Projector, project_documents
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.ray_engine import Cluster, annotate_on_ray, load_teacher

SHARD_DOCS = 6
TEXTS = 48
KILLS_A_RUN = 4
PATIENCE = 900  # seconds that a run may take; one that hangs is a fault


@dataclass
class Task:
    """What is killed: `run` works in a folder, `lost` counts what that lacks or has too much."""

    name: str
    run: Callable[[Path], None]
    lost: Callable[[Path, Path], int]
    seconds: float = 0.0
    writes: int = 0
    kills: int = 0
    faults: int = 0
    runs: int = field(default=0)


def main(
    kills: Annotated[int, typer.Option(help="Kills of each kind of run")] = 110,
    only: Annotated[str, typer.Option(help="annotate, distill or project-labels; else all")] = "",
    ray_kills: Annotated[int, typer.Option(help="Kills of Ray workers; 0 leaves Ray out")] = 0,
    seconds: Annotated[int, typer.Option(help="Time after which no new run is begun")] = 3600,
    seed: int = 0,
    results: Path = Path("docs/results/faults.jsonl"),
) -> None:
    """Kill annotation, distillation, projection, and Ray's workers, and say what was lost."""
    rng, until = random.Random(seed), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for task in prepare(work):
            if only in ("", task.name):
                kill_many(task, work, rng, kills, until)
                write(results, task, seed)
        if ray_kills:
            write(results, kill_workers(work, rng, ray_kills, until), seed)


def prepare(work: Path) -> list[Task]:
    """Make teacher, text and config, and what uninterrupted runs give."""
    make_tiny_teacher().to_disk(work / "teacher")
    lines = make_text(TEXTS)
    (work / "raw.txt").write_text("\n".join(lines), "utf8")
    (work / "other.txt").write_text("\n".join(line.upper() for line in lines), "utf8")
    links = [" ".join(f"{i}-{i}" for i in range(len(line.split()))) for line in lines]
    (work / "links.txt").write_text("\n".join(links), "utf8")
    (work / "student.cfg").write_text(STUDENT, "utf8")
    source = load_teacher(work / "teacher", "fp32", {}, None)

    def annotate(output: Path) -> None:
        annotate_documents(source, work / "raw.txt", output, shard_docs=SHARD_DOCS)

    def learn(output: Path) -> None:
        run = partial(distill, work / "annotate", work / "student.cfg", output)
        out = io.StringIO()
        try:
            run(resume=True, stdout=out, stderr=out)
        except XnerError as error:
            if "There is no checkpoint" not in str(error):
                raise
            run(stdout=out, stderr=out)

    def project(output: Path) -> None:
        projector = Projector(source, PharaohAligner(work / "links.txt"))
        text = ParallelText(work / "raw.txt", work / "other.txt")
        project_documents(projector, text, output, shard_docs=SHARD_DOCS)

    tasks = [
        Task("annotate", annotate, lost_labels),
        Task("distill", learn, lost_weights),
        Task("project-labels", project, lost_labels),
    ]
    for task in tasks:
        code, task.seconds = in_child(partial(task.run, work / task.name))
        if code:
            msg.fail(f"{task.name} does not run even if nothing stops it", exits=1)
        counted = work / f"{task.name}-counted"
        in_child(partial(count_writes, task.run, counted))
        task.writes = int(counted.with_suffix(".writes").read_text("utf8"))
    return tasks


def kill_many(task: Task, work: Path, rng: random.Random, kills: int, until: float) -> None:
    """Kill runs of a task until there were enough kills."""
    while task.kills < kills and time.monotonic() < until:
        output = work / "out"
        shutil.rmtree(output, ignore_errors=True)
        for _ in range(rng.randint(1, KILLS_A_RUN)):
            if rng.random() < 0.5:
                code, _ = in_child(partial(task.run, output), after=rng.random() * task.seconds)
            else:
                at = rng.randint(1, max(1, task.writes))
                code, _ = in_child(partial(die_at_write, task.run, output, at))
            task.kills += code == -signal.SIGKILL
            if code == 0:
                break
        code, _ = in_child(partial(task.run, output))
        task.faults += 1 if code else found_in_child(task, work / task.name, output)
        task.runs += 1


def in_child(function: Callable[[], Any], after: float | None = None) -> tuple[int, float]:
    """Run a function in a forked process, maybe killed after some time; exit code and seconds."""
    began = time.monotonic()
    child = os.fork()
    if not child:
        try:
            code = function() or 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            code = 1
        os._exit(code)
    deadline = began + (PATIENCE if after is None else after)
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), time.monotonic() - began
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (1 if after is None else code), time.monotonic() - began


def on_writes(act: Callable[[int], None]) -> None:
    """Call a function before every flush, rename and removal, with how many there were."""
    n = 0

    def hooked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal n
            n += 1
            act(n)
            return function(*args, **kwargs)

        return call

    for name in ("fsync", "replace", "rename", "unlink", "mkdir", "open"):
        setattr(os, name, hooked(getattr(os, name)))


def count_writes(run: Callable[[Path], None], output: Path) -> None:
    counted: list[int] = []
    on_writes(counted.append)
    run(output)
    output.with_suffix(".writes").write_text(str(counted[-1]), "utf8")


def die_at_write(run: Callable[[Path], None], output: Path, at: int) -> None:
    on_writes(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == at else None)
    run(output)


def found_in_child(task: Task, expected: Path, output: Path) -> int:
    """What was lost, read in a process of its own: pyarrow's threads must not be there to fork."""
    return in_child(lambda: min(255, task.lost(expected, output)))[0]


def lost_labels(expected: Path, found: Path) -> int:
    """Documents that are missing, there twice, or labelled otherwise; leftover files."""
    want, have = ({d.doc_id: d for d in SoftLabelCorpus(path)} for path in (expected, found))
    names = Counter(doc.doc_id for doc in SoftLabelCorpus(found))
    different = sum(
        name not in have or want[name].probs.tobytes() != have[name].probs.tobytes()
        for name in want
    )
    doubled = sum(names.values()) - len(names)
    leftover = {path.name for path in found.iterdir()} ^ {path.name for path in expected.iterdir()}
    return different + doubled + len(leftover)


def lost_weights(expected: Path, found: Path) -> int:
    """Models whose weights differ by a bit; steps and words that the last checkpoint lacks."""
    lost = 0
    for model in ("model-last", "model-best"):
        path = f"{model}/ner/model"
        lost += (expected / path).read_bytes() != (found / path).read_bytes()
    runs = [json.loads((p / "checkpoint/state.json").read_text("utf8")) for p in (expected, found)]
    return lost + sum(runs[0]["run"][key] != runs[1]["run"][key] for key in ("step", "words"))


def kill_workers(work: Path, rng: random.Random, kills: int, until: float) -> Task:
    """Kill Ray's workers while they annotate, and compare with the local run."""
    import threading

    import ray

    task = Task("ray", lambda output: None, lost_labels)
    source, texts = load_teacher(work / "teacher", "fp32", {}, None), work / "raw.txt"
    told = work / "workers"
    told.mkdir()
    load = partial(load_and_tell, work / "teacher", told)
    ray.init("local", num_cpus=2, log_to_driver=False)
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(rng.random() * 4):
            if task.kills < kills and (workers := living(told)):
                os.kill(rng.choice(workers), signal.SIGKILL)
                task.kills += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        while task.kills < kills and time.monotonic() < until:
            output = work / "out-ray"
            shutil.rmtree(output, ignore_errors=True)
            cluster = Cluster(actors=2)
            annotate_on_ray(load, source, texts, output, shard_docs=SHARD_DOCS, cluster=cluster)
            task.faults += lost_labels(work / "annotate", output)
            task.runs += 1
    finally:
        stop.set()
        killer.join()
        ray.shutdown()
    return task


def load_and_tell(teacher: Path, told: Path) -> Any:
    """Load the teacher in a worker, and leave a file named after its process."""
    source = load_teacher(teacher, "fp32", {}, None)
    (told / str(os.getpid())).touch()
    return source


def living(told: Path) -> list[int]:
    """Processes of the workers that have told, and still live."""
    return [int(file.name) for file in told.iterdir() if Path("/proc", file.name).exists()]


def write(results: Path, task: Task, seed: int) -> None:
    if not task.kills:
        msg.warn(f"{task.name}: nothing was killed in the time that there was")
        return
    show = msg.fail if task.faults else msg.good
    show(
        f"{task.name}: {task.kills} kills in {task.runs} runs, {task.faults} items lost or doubled"
    )
    row = make_row(
        benchmark="faults",
        recipe=task.name,
        system="spacy-xner",
        metric="lost",
        value=task.faults,
        n=task.kills,
        seed=seed,
        config_sha=config_sha(STUDENT, {}),
        command="python scripts/benchmark_faults.py",
    )
    ResultRows(results).upsert([row])


if __name__ == "__main__":
    typer.run(main)
