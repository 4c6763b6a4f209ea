// Defines nothing: a library with the right soname is all that the linker needs.
