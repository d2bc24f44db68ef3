file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram/*.cpp)
fathom_mpi_test(gram.assembly NP 1 2 3 4 6 SOURCES ${sources} LINKS fathom::gram)
