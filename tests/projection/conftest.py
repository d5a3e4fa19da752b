from ..teacher.conftest import encoder, teacher, teacher_folder, tiny_of

__all__ = ["encoder", "teacher", "teacher_folder", "tiny_of"]
