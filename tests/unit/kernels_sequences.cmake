# Data with a known optimum: hidden Markov sequences and the power-law teacher.
foreach(subject hidden_markov hidden_markov_entropy hidden_markov_sequences teacher)
  fathom_unit_test(kernels.${subject}
    SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/kernels_sequences/${subject}_test.cpp
    LINKS fathom::kernels)
endforeach()
