"""What a teacher may see beside the text.

A view is a registered architecture that gives a `Model[List[Doc], List[Floats2d]]`, tokens x width.
A row of zeros says that the view knows nothing of the token: a document without a vector, a word
without a sound, a name in no list. Such rows are masked where views and text are joined (`fusion`),
so that a view may be missing for some documents or all of them. `model.attrs["needs"]` lists the
libraries that a view imports on first use; all are in the extra `views`.
"""
