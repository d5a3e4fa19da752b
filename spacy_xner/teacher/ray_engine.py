"""Annotation on a Ray cluster: the same folder as on one machine, the same way to go on.

The text is staged as Parquet, a row a shard, where every node can read it. Ray Data maps it through
one actor a CPU or GPU, each with a teacher of its own; what comes back is the bytes of a finished
shard, which the process that called writes, so that one process alone decides what is finished.
An actor that dies is started anew and its shard labelled again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..corpora.documents import Text
from ..corpora.manifest import Manifest
from ..corpora.shards import encode_shard
from ..errors import XnerError
from .annotate import (
    SHARD_DOCS,
    NamedText,
    Progress,
    Watch,
    label_texts,
    one_lang,
    open_writer,
    read_shards,
)
from .loading import import_code
from .sources import ProbabilitySource, load_source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cluster", "annotate_on_ray", "load_teacher"]

STAGING = "staged-text"


@dataclass(frozen=True)
class Cluster:
    """Where a run of Ray takes place.

    address (Optional[str]): Of a running cluster, such as "auto" or "ray://head:10001"; none joins
        the one of RAY_ADDRESS, or starts one on this machine.
    actors (Optional[int]): Teachers at once; by default one a CPU, or one a GPU with `gpu`.
    gpu (bool): Whether each actor has a GPU instead of a CPU.
    staging (Optional[str]): Folder that all nodes can read, for the text: a path, or a URI that
        pyarrow knows (s3://bucket/folder). By default a folder inside the output.
    """

    address: str | None = None
    actors: int | None = None
    gpu: bool = False
    staging: str | None = None


def annotate_on_ray(
    load: Callable[[], ProbabilitySource],
    source: ProbabilitySource,
    text: str | Path,
    output: str | Path,
    *,
    lang: str | None = None,
    shard_docs: int = SHARD_DOCS,
    report: Callable[[Progress], None] = lambda progress: None,
    cluster: Cluster = Cluster(),
) -> Progress:
    """Write the soft labels of a text on a Ray cluster; see `annotate_documents`.

    load (Callable[[], ProbabilitySource]): Loads the teacher; called in every actor, so that what
        it reads must be there on every node.
    source (ProbabilitySource): The same teacher, loaded here.
    text (Union[str, Path]): The text; read here only.
    output (Union[str, Path]): The soft-label folder; written here only.
    lang (Optional[str]): Language code of the text.
    shard_docs (int): Documents in a shard.
    report (Callable[[Progress], None]): Called after every shard.
    cluster (Cluster): Where it runs.
    RETURNS (Progress): What was done.
    RAISES: XnerError: As `annotate_documents`; or Ray is not installed, or an actor failed.
    """
    ray = _import_ray()
    text = Path(text)
    shards = read_shards(source, text, shard_docs)
    watch = Watch(text, report)
    with open_writer(source, text, output, lang=lang, shard_docs=shard_docs) as writer:
        # A folder of its own, so that nothing else is removed with it at the end.
        name = f"{writer.manifest.teacher[:8]}-{writer.manifest.source[:8]}"
        staging = _Staging(f"{cluster.staging or Path(output).resolve() / STAGING}/{name}")
        try:
            for index, shard in enumerate(shards):
                if index in writer.finished:
                    watch.skip(shard)
                else:
                    staging.write(index, shard)
                watch.finish(shard)
            if staging.files:
                _connect(ray, cluster)
                arguments = (load, writer.manifest, one_lang(lang, text), cluster.gpu)
                for row in _label(ray, staging, cluster, arguments):
                    content = row.pop("content")
                    writer.write_encoded(row["shard"], row["docs"], row["tokens"], content)
                    watch.add(row["words"], row["bytes"])
            writer.close(watch.shards)
        finally:
            staging.remove(with_parent=cluster.staging is None)
    return watch.progress


def load_teacher(
    path: str | Path, precision: str, adapter: dict[str, Any], code: Path | None
) -> ProbabilitySource:
    """Load a teacher as `annotate` would, in whatever process.

    path (Union[str, Path]): See `load_source`.
    precision (str): See `load_source`.
    adapter (Dict[str, Any]): See `load_source`.
    code (Optional[Path]): Python file with registered functions.
    RETURNS (ProbabilitySource): The teacher.
    RAISES: XnerError: See `load_source` and `import_code`.
    """
    import_code(code)
    return load_source(path, precision=precision, **adapter)


def _import_ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise XnerError(
            f"--engine ray needs Ray Data, which cannot be imported ({error}): "
            "pip install 'spacy-xner[ray]'"
        ) from error
    return ray


def _connect(ray: Any, cluster: Cluster) -> None:
    if not ray.is_initialized():
        try:
            ray.init(cluster.address, log_to_driver=False, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise XnerError(
                f"No Ray cluster at {cluster.address or 'this machine'} ({error}). Start one with "
                "`ray start --head` and name it with --address, or leave --address out."
            ) from error


def _label(
    ray: Any, staging: "_Staging", cluster: Cluster, arguments: tuple[Any, ...]
) -> Iterator[dict[str, Any]]:
    resource = "GPU" if cluster.gpu else "CPU"
    actors = cluster.actors or max(1, int(ray.cluster_resources().get(resource, 1)))
    # The actors open the files themselves: one is a shard, to be labelled as a whole. One a block:
    # else a small text would be one block, for one actor.
    files = [{"file": file} for file in staging.files]
    texts = ray.data.from_items(files, override_num_blocks=len(files))
    labelled = texts.map_batches(
        Annotator,
        batch_size=1,
        batch_format="pyarrow",
        fn_constructor_args=(*arguments, staging.filesystem),
        num_gpus=1 if cluster.gpu else None,
        num_cpus=None if cluster.gpu else 1,
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(staging.files))),
        # A shard of a killed actor is labelled again, however often that happens.
        max_restarts=-1,
        max_task_retries=-1,
    )
    try:
        yield from labelled.iter_rows()
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        raise XnerError(
            f"Ray stopped: {cause}. Mend that and run the same command again: it goes on where it "
            "stopped."
        ) from error


class Annotator:
    """Labels staged shards; lives in an actor.

    load (Callable[[], ProbabilitySource]): Loads the teacher.
    manifest (Manifest): Of the folder that the labels are for.
    lang (Optional[str]): Language of the texts; None takes it from their names.
    gpu (bool): Whether the actor has a GPU.
    filesystem (pyarrow.fs.FileSystem): Where the staged shards are.
    """

    def __init__(
        self,
        load: Callable[[], ProbabilitySource],
        manifest: Manifest,
        lang: str | None,
        gpu: bool,
        filesystem: Any,
    ) -> None:
        from thinc.api import require_gpu

        if gpu:
            require_gpu(0)  # Ray shows an actor the GPU that is its own, and no other
        self.source, self.manifest, self.lang = load(), manifest, lang
        self.filesystem = filesystem
        if self.source.fingerprint != manifest.teacher:
            raise XnerError(
                f"A node of the cluster has another teacher: found {self.source.fingerprint}, "
                f"expected {manifest.teacher}. Copy the same folder to every node."
            )

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        import pyarrow as pa
        import pyarrow.parquet as pq

        files = batch.column("file").to_pylist()
        staged = [pq.read_table(file, filesystem=self.filesystem) for file in files]
        rows = [row for table in staged for row in table.to_pylist()]
        return pa.Table.from_pylist([self._label(row) for row in rows])

    def _label(self, row: dict[str, Any]) -> dict[str, Any]:
        words = 0

        def count(of_batch: int, labels: object) -> None:
            nonlocal words
            words += of_batch

        texts = [
            (one["doc_id"], Text(one["text"], one["words"], one["spaces"])) for one in row["texts"]
        ]
        labels = label_texts(self.source, texts, self.lang, done=count)
        return {
            "shard": row["shard"],
            "docs": len(labels),
            "tokens": sum(len(one.starts) for one in labels),
            "words": words,
            "bytes": sum(len(text.text.encode("utf8")) + 1 for _, text in texts),
            "content": encode_shard(labels, self.manifest),
        }


class _Staging:
    """The text of the shards that are not finished, where the nodes of a cluster can read it."""

    def __init__(self, folder: str) -> None:
        from pyarrow.fs import FileSystem

        self.filesystem, self.folder = FileSystem.from_uri(folder)
        self.files: list[str] = []
        self.filesystem.create_dir(self.folder)

    def write(self, index: int, shard: list[NamedText]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kind = pa.struct(
            {
                "doc_id": pa.string(),
                "text": pa.string(),
                "words": pa.list_(pa.string()),
                "spaces": pa.list_(pa.bool_()),
            }
        )
        texts = [{"doc_id": name, **text._asdict()} for name, text in shard]
        table = pa.table(
            {"shard": pa.array([index], pa.int64()), "texts": pa.array([texts], pa.list_(kind))}
        )
        path = f"{self.folder}/text-{index:05d}.parquet"
        pq.write_table(table, path, filesystem=self.filesystem)
        self.files.append(path)

    def remove(self, *, with_parent: bool) -> None:
        """Remove the text; and the folder that held it, if that was ours."""
        folder = self.folder.rpartition("/")[0] if with_parent else self.folder
        self.filesystem.delete_dir(folder)
