# oracle.hpp holds a transformer in plain loops of long double, and what compares with it.
foreach(subject derivatives layout outputs signals width)
  fathom_unit_test(networks.transformer_${subject} LINKS fathom::networks
    SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/networks_transformer/${subject}_test.cpp)
endforeach()
