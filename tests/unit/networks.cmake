# One program a subject; oracles.hpp holds a fully connected network in plain loops, long double.
foreach(subject activation_values loss mlp parametrisation)
  fathom_unit_test(networks.${subject} SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/networks/${subject}_test.cpp
    LINKS fathom::networks)
endforeach()
