# One program a subject; oracles.hpp holds the slow, independent ways to the same numbers.
foreach(subject activation arc_cosine circle data hermite mlp_kernel population_map)
  fathom_unit_test(kernels.${subject} SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/kernels/${subject}_test.cpp
    LINKS fathom::kernels quadmath)
endforeach()
